package darwin

import "github.com/cboxdk/resource-monitor/internal/sample"

// Limits is what bounds this process. macOS has no cgroups: the memory and
// the CPUs of the machine, or of the virtual machine, are the limit.
type Limits struct {
	Memory sample.OptUint // hw.memsize, bytes
	CPUs   sample.OptUint // hw.logicalcpu

	// Footprint is jetsam's limit on the footprint, bytes: absent where none
	// is set, which is the rule on macOS.
	Footprint sample.OptUint

	// Soft limits of getrlimit; absent where they are unlimited.
	AddressSpace sample.OptUint // RLIMIT_AS, bytes: bounds mappings, not memory in use
	OpenFiles    sample.OptUint // RLIMIT_NOFILE
	Processes    sample.OptUint // RLIMIT_NPROC

	FilesPerProcess  sample.OptUint // kern.maxfilesperproc
	ProcessesPerUser sample.OptUint // kern.maxprocperuid
}

// LimitsReader reads Limits.
type LimitsReader struct {
	kernel                 Kernel
	memory, cpus           sysctl
	filesPerProc, procsUID sysctl
	buf                    [sizeTaskVMInfo]byte
}

// NewLimitsReader returns a reader over k.
func NewLimitsReader(k Kernel) *LimitsReader {
	return &LimitsReader{
		kernel:       k,
		memory:       sysctl{name: "hw.memsize"},
		cpus:         sysctl{name: "hw.logicalcpu"},
		filesPerProc: sysctl{name: "kern.maxfilesperproc"},
		procsUID:     sysctl{name: "kern.maxprocperuid"},
	}
}

// Read fills l.
func (r *LimitsReader) Read(l *Limits) error {
	var f failures
	*l = Limits{}
	l.Memory = r.memory.uint(r.kernel, r.buf[:], &f)
	l.CPUs = r.cpus.uint(r.kernel, r.buf[:], &f)
	l.FilesPerProcess = r.filesPerProc.uint(r.kernel, r.buf[:], &f)
	l.ProcessesPerUser = r.procsUID.uint(r.kernel, r.buf[:], &f)
	l.AddressSpace = r.rlimit(rlimitAS, "RLIMIT_AS", &f)
	l.OpenFiles = r.rlimit(rlimitNoFile, "RLIMIT_NOFILE", &f)
	l.Processes = r.rlimit(rlimitNProc, "RLIMIT_NPROC", &f)
	n, err := r.kernel.TaskVMInfo(r.buf[:])
	if err != nil {
		f.add("task_info", "TASK_VM_INFO", err)
	} else if limit, ok := DecodeFootprintLimit(clip(r.buf[:], n)); ok {
		l.Footprint = sample.SomeUint(limit)
	}
	return f.join()
}

func (r *LimitsReader) rlimit(resource int, name string, f *failures) (o sample.OptUint) {
	limit, err := r.kernel.Rlimit(resource)
	if err != nil {
		f.add("getrlimit", name, err)
		return o
	}
	if limit < rlimInfinity {
		o = sample.SomeUint(limit)
	}
	return o
}
