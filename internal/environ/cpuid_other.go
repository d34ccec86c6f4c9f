//go:build !amd64

package environ

// HostCPUID is for amd64 only: other processors have no such instruction, and
// on 386 /proc/cpuinfo has to do.
func HostCPUID() (CPUID, bool) { return CPUID{}, false }
