package sample

// Parts are what a reading has. Each costs system calls of its own, and is
// read only where somebody wants it.
type Parts uint16

const (
	// PartCgroup is the own cgroup: its usage and the limits that bind the process.
	PartCgroup Parts = 1 << iota
	// PartSystem is the machine: its memory, its CPUs' times, its disks.
	PartSystem
	// PartSystemInfo is how many CPUs the machine has online and how long it is up.
	PartSystemInfo
	// PartSystemPressure is the machine's pressure.
	PartSystemPressure
	// PartUtilization is shares of limits and of the newest window.
	PartUtilization
	// PartTasks is the own cgroup's tasks and how long its init has been running.
	PartTasks
	// PartDirect is what no metric has, only who reads directly: more events,
	// and the machine and its pressure where the cgroup does not describe the process.
	PartDirect
	// PartPerCPU is each CPU besides their total.
	PartPerCPU
	// PartDevices is each disk besides their total.
	PartDevices
	// PartInterfaces is each network interface besides their total.
	PartInterfaces
	// PartFiles is what only the files of the process tell of it, beyond getrusage(2).
	PartFiles
	// PartSample is nothing that is read: the sample itself is wanted, as by the
	// instruments, and not only what is made of it for direct readers.
	PartSample
)

// Have reports whether all of q is in p.
func (p Parts) Have(q Parts) bool { return p&q == q }
