// Package guest is what the lab's virtual machines test from inside. Its test
// binary is built by the lab and run as root in a machine that it may ruin:
//
//	go test -c ./guest        # and never on a machine that matters
//
// Each test starts the probe in a cgroup or container, loads it, changes the
// machine below it, and holds what the library says against what others say:
// the kernel's files as a shell reads them, systemd's properties, and the
// runtime's inspect.
package guest
