// Package lab holds what the library says against real kernels and real
// container runtimes.
//
//	go test -short .                  # what make test runs: a few runtimes, one virtual machine
//	go run ./matrix -- -timeout=90m . # make lab: everything, as a matrix
//
// TestRuntimes runs examples/doctor in containers on this machine. TestMachines
// boots Debian's kernels under QEMU with each layout of cgroups, TestGuests Debian
// with systemd and all runtimes, and TestVirtualization machines that call
// themselves by the names of other hypervisors. What runs inside is in the package
// guest, and the program that it limits and loads is in probe.
//
// It needs Linux and, but for the machines without a distribution, root. What is
// missing is installed with apt-get; kernels and disks come from the Debian mirror
// that the machine's apt already uses, through an apt of the lab's own, and are kept
// in ${XDG_CACHE_HOME:-~/.cache}/resource-monitor-lab until their recipe changes. What
// cannot be had or does not start is skipped by name. Everything else lives in
// temporary folders, daemons listen on sockets in them, and what was started,
// mounted or made is gone when the tests end.
//
// The machines are emulated: their time is not real. Limits, counts and
// detection are compared exactly, magnitudes of throttling and pressure only with
// the kernel's own counters and with zero.
package lab
