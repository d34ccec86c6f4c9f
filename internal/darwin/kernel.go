package darwin

// Kernel is what the readers ask of macOS, at the level of bytes and handles.
// It follows the system's functions one to one, so that an implementation
// needs no decisions and a fake one can play any machine.
//
// Errors are errno values (syscall.Errno), KernReturn or ErrNoAnswer.
type Kernel interface {
	// HostPageSize is host_page_size: the page in which the kernel counts.
	HostPageSize() (uint64, error)
	// HostStatistics64 is host_statistics64(HOST_VM_INFO64) into buf. It
	// returns how many bytes the kernel has, which may be more than it wrote.
	HostStatistics64(buf []byte) (int, error)
	// ProcessorInfo is host_processor_info(PROCESSOR_CPU_LOAD_INFO). It
	// appends the array to buf[:0] and frees the kernel's copy.
	ProcessorInfo(buf []byte) ([]byte, error)
	// Sysctl is sysctl(3) into buf; with an empty buf it returns the size.
	Sysctl(mib []int32, buf []byte) (int, error)
	// SysctlByName is sysctlbyname(3), likewise.
	SysctlByName(name string, buf []byte) (int, error)
	// ProcPidRusage is proc_pid_rusage(RUSAGE_INFO_V4) of this process.
	ProcPidRusage(buf []byte) error
	// ProcPidInfo is proc_pidinfo of this process.
	ProcPidInfo(flavor int32, buf []byte) (int, error)
	// TaskVMInfo is task_info(TASK_VM_INFO) of this process.
	TaskVMInfo(buf []byte) (int, error)
	// Rusage is getrusage(RUSAGE_SELF).
	Rusage() (Rusage, error)
	// Rlimit is the soft limit of getrlimit(2).
	Rlimit(resource int) (uint64, error)
	// ThermalPressure is the state of ThermalNotification. The notification
	// is registered once per process.
	ThermalPressure() (uint64, error)

	Registry
}

// clip returns what an answer of n bytes has in buf, which the kernel may have more of.
func clip(buf []byte, n int) []byte { return buf[:min(max(n, 0), len(buf))] }

// Object is an IOKit object: a Mach port name of 32 bits. 0 is none.
type Object uint32

// Ref is a Core Foundation object. 0 is none. It is memory that Go does not
// own, so not an unsafe.Pointer.
type Ref uintptr

// Kind is the type of a Core Foundation object.
type Kind uint8

// The types that the readers look at. Asking an object for the value of
// another type ends the process.
const (
	KindOther Kind = iota
	KindDictionary
	KindNumber
	KindString
)

// Registry is the part of IOKit and Core Foundation that lists the disks.
//
// Who gets an Object releases it exactly once: since macOS 27 a second release of a
// port name is fatal. A Ref is released if it comes from a function named
// Create or New, and never if it comes from DictionaryValue.
type Registry interface {
	// MatchServices is IOServiceGetMatchingServices for a class. The iterator
	// is 0 where nothing matches.
	MatchServices(class string) (iterator Object, err error)
	// NextObject is IOIteratorNext; 0 at the end.
	NextObject(iterator Object) Object
	// ChildObject is IORegistryEntryGetChildEntry in the service plane.
	ChildObject(Object) (Object, error)
	// ParentObject is IORegistryEntryGetParentEntry in the service plane.
	ParentObject(Object) (Object, error)
	// ReleaseObject is IOObjectRelease.
	ReleaseObject(Object)
	// NewString is CFStringCreateWithCString; 0 where memory is out.
	NewString(string) Ref
	// CreateProperty is IORegistryEntryCreateCFProperty; 0 where the object
	// is gone or has no such property.
	CreateProperty(o Object, key Ref) Ref
	// Kind is CFGetTypeID.
	Kind(Ref) Kind
	// DictionaryValue is CFDictionaryGetValue; 0 where there is no such key.
	DictionaryValue(dictionary, key Ref) Ref
	// Int64 is CFNumberGetValue; false where the number does not fit.
	Int64(number Ref) (int64, bool)
	// Text is CFStringGetCString without the NUL; false where it does not fit.
	Text(str Ref, buf []byte) (int, bool)
	// ReleaseRef is CFRelease.
	ReleaseRef(Ref)
}

// Rusage is what getrusage(2) says of the process.
type Rusage struct {
	User, System                      uint64 // nanoseconds
	MaxResident                       uint64 // bytes: Linux counts KiB here, macOS bytes
	MinorFaults, MajorFaults          uint64
	BlockReads, BlockWrites           uint64 // operations
	VoluntarySwitches, ForcedSwitches uint64
}

// Flavors of ProcPidInfo.
const (
	procPidListFDs  = 1
	procPidTBSDInfo = 3
	procPidTaskInfo = 4
)

// Resources of Rlimit, as in macOS's sys/resource.h. Linux numbers them otherwise.
const (
	rlimitAS     = 5
	rlimitNProc  = 7
	rlimitNoFile = 8
)

// rlimInfinity is RLIM_INFINITY: macOS uses the largest signed number.
const rlimInfinity = 1<<63 - 1

// ThermalNotification is the notify(3) name under which macOS publishes its
// thermal pressure.
const ThermalNotification = "com.apple.system.thermalpressurelevel"
