// Package lab runs examples/doctor inside real containers and holds what it
// says against what the runtime itself says.
//
//	go test ./...
//
// It needs Linux and root. Runtimes that are missing are installed with
// apt-get, and a runtime that cannot be had or does not start is skipped by
// name. Everything lives in one temporary folder, daemons listen on sockets in
// it, and what was started, mounted or made is gone when the test ends.
package lab
