package darwin

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Process is this process.
type Process struct {
	User, System sample.Opt[uint64] // CPU time, nanoseconds

	// Footprint is what Activity Monitor shows and what jetsam limits: memory
	// that exists because of this process, compressed or not.
	Footprint, MaxFootprint sample.Opt[uint64]
	Resident, MaxResident   sample.Opt[uint64]
	Virtual                 sample.Opt[uint64]

	DiskRead, DiskWritten sample.Opt[uint64] // bytes

	MinorFaults, MajorFaults          sample.Opt[uint64]
	VoluntarySwitches, ForcedSwitches sample.Opt[uint64]
	Threads, FileDescriptors          sample.Opt[uint64]
	Started                           sample.Opt[time.Time]
	Instructions, Cycles              sample.Opt[uint64] // 0 on Intel and in virtual machines: absent
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
	p.User, p.System = sample.Some(u.User), sample.Some(u.System)
	p.MaxResident = sample.Some(u.MaxResident)
	p.MinorFaults, p.MajorFaults = sample.Some(u.MinorFaults), sample.Some(u.MajorFaults)
	p.VoluntarySwitches, p.ForcedSwitches = sample.Some(u.VoluntarySwitches), sample.Some(u.ForcedSwitches)
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
	p.Footprint, p.MaxFootprint = sample.Some(u.Footprint), sample.Some(u.MaxFootprint)
	p.Resident = sample.Some(u.Resident)
	p.DiskRead, p.DiskWritten = sample.Some(u.DiskRead), sample.Some(u.DiskWritten)
	if u.Instructions != 0 && u.Cycles != 0 {
		p.Instructions, p.Cycles = sample.Some(u.Instructions), sample.Some(u.Cycles)
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
	p.Virtual, p.Threads = sample.Some(t.Virtual), sample.Some(uint64(t.Threads))
	if !p.Resident.Present() {
		p.Resident = sample.Some(t.Resident)
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
			p.FileDescriptors = sample.Some(uint64(len(b) / sizeFDInfo))
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
