// Package e2e tests the whole way of a number, from the kernel's file to the
// output of an OpenTelemetry Collector.
//
// The test runs examples/quickstart inside a cgroup of its own with a memory
// and a CPU limit, sends its metrics over OTLP/gRPC to a real Collector that
// runs collector-config/collector.yaml, and compares what the Collector wrote
// with the published table of metrics and with the kernel's own files.
//
//	go test ./...
//
// It needs Linux. The first run builds the Collector from its Go modules, which
// takes minutes; Go's build cache makes the next ones start at once. Without
// the right to make a cgroup it runs the program outside of one, says so, and
// leaves out what only a cgroup can show.
package e2e
