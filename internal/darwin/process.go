package darwin

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Process is this process.
type Process struct {
	User, System sample.OptUint // CPU time, nanoseconds

	// Footprint is what Activity Monitor shows and what jetsam limits: memory
	// that exists because of this process, compressed or not.
	Footprint, MaxFootprint sample.OptUint
	Resident, MaxResident   sample.OptUint
	Virtual                 sample.OptUint

	DiskRead, DiskWritten sample.OptUint // bytes

	MinorFaults, MajorFaults          sample.OptUint
	VoluntarySwitches, ForcedSwitches sample.OptUint
	Threads, FileDescriptors          sample.OptUint
	Started                           sample.Opt[time.Time]
	Instructions, Cycles              sample.OptUint // 0 on Intel and in virtual machines: absent
}

// ProcessReader reads Process.
type ProcessReader struct {
	kernel  Kernel
	started sample.Opt[time.Time]
	fds     []byte
	buf     [sizeRusageInfo]byte
}

// NewProcessReader returns a reader over k.
func NewProcessReader(k Kernel) *ProcessReader {
	return &ProcessReader{kernel: k, fds: make([]byte, 256*sizeFDInfo)}
}

// Read fills p.
func (r *ProcessReader) Read(p *Process) error {
	var f failures
	*p = Process{}
	r.readRusage(p, &f)
	r.readRusageInfo(p, &f)
	r.readTaskInfo(p, &f)
	r.readStart(p, &f)
	r.readDescriptors(p, &f)
	return f.join()
}

func (r *ProcessReader) readRusage(p *Process, f *failures) {
	u, err := r.kernel.Rusage()
	if err != nil {
		f.add("getrusage", "", err)
		return
	}
	p.User, p.System = sample.SomeUint(u.User), sample.SomeUint(u.System)
	p.MaxResident = sample.SomeUint(u.MaxResident)
	p.MinorFaults, p.MajorFaults = sample.SomeUint(u.MinorFaults), sample.SomeUint(u.MajorFaults)
	p.VoluntarySwitches, p.ForcedSwitches = sample.SomeUint(u.VoluntarySwitches), sample.SomeUint(u.ForcedSwitches)
}

func (r *ProcessReader) readRusageInfo(p *Process, f *failures) {
	var u RusageInfo
	err := r.kernel.ProcPidRusage(r.buf[:])
	if err == nil {
		err = u.Decode(r.buf[:])
	}
	if err != nil {
		f.add("proc_pid_rusage", "", err)
		return
	}
	p.Footprint, p.MaxFootprint = sample.SomeUint(u.Footprint), sample.SomeUint(u.MaxFootprint)
	p.Resident = sample.SomeUint(u.Resident)
	p.DiskRead, p.DiskWritten = sample.SomeUint(u.DiskRead), sample.SomeUint(u.DiskWritten)
	if u.Instructions != 0 && u.Cycles != 0 {
		p.Instructions, p.Cycles = sample.SomeUint(u.Instructions), sample.SomeUint(u.Cycles)
	}
}

func (r *ProcessReader) readTaskInfo(p *Process, f *failures) {
	var t TaskInfo
	b, err := r.pidInfo(procPidTaskInfo, r.buf[:sizeTaskInfo])
	if err == nil {
		err = t.Decode(b)
	}
	if err != nil {
		f.add("proc_pidinfo", "PROC_PIDTASKINFO", err)
		return
	}
	p.Virtual, p.Threads = sample.SomeUint(t.Virtual), sample.SomeUint(uint64(t.Threads))
	if !p.Resident.Present() {
		p.Resident = sample.SomeUint(t.Resident)
	}
}

// readStart asks once: a process starts once.
func (r *ProcessReader) readStart(p *Process, f *failures) {
	if !r.started.Present() {
		b, err := r.pidInfo(procPidTBSDInfo, r.buf[:sizeBSDInfo])
		if err == nil {
			var start time.Time
			if start, err = DecodeStart(b); err == nil {
				r.started = sample.Some(start)
			}
		}
		f.add("proc_pidinfo", "PROC_PIDTBSDINFO", err)
	}
	p.Started = r.started
}

// maxDescriptors bounds the buffer; kern.maxfilesperproc is far below.
const maxDescriptors = 1 << 20

// readDescriptors counts the list of descriptors. A list that fills the buffer may have been cut.
func (r *ProcessReader) readDescriptors(p *Process, f *failures) {
	for {
		b, err := r.pidInfo(procPidListFDs, r.fds)
		switch {
		case err != nil:
			f.add("proc_pidinfo", "PROC_PIDLISTFDS", err)
			return
		case len(b) < len(r.fds):
			p.FileDescriptors = sample.SomeUint(uint64(len(b) / sizeFDInfo))
			return
		case len(r.fds) >= maxDescriptors*sizeFDInfo:
			f.add("proc_pidinfo", "PROC_PIDLISTFDS", ErrMalformed)
			return
		}
		r.fds = make([]byte, 2*len(r.fds))
	}
}

func (r *ProcessReader) pidInfo(flavor int32, buf []byte) ([]byte, error) {
	n, err := r.kernel.ProcPidInfo(flavor, buf)
	if err != nil {
		return nil, err
	}
	if n < 0 || n > len(buf) {
		return nil, ErrMalformed
	}
	return buf[:n], nil
}
