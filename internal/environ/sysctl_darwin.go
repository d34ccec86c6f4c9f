package environ

import "golang.org/x/sys/unix"

// HostSysctl reads a sysctl of this machine.
func HostSysctl(name string) ([]byte, error) { return unix.SysctlRaw(name) }
