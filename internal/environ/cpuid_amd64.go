package environ

// cpuid runs the instruction with ECX 0.
//
//go:noescape
func cpuid(eax uint32) (a, b, c, d uint32)

// HostCPUID asks the processor that this program runs on.
func HostCPUID() (CPUID, bool) { return readCPUID(cpuid), true }
