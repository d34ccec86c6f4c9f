package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macProcess reads getrusage(2), proc_pid_rusage and proc_pidinfo.
type macProcess struct {
	gate
	engine *mac
	reader *darwin.ProcessReader
	raw    darwin.Process
	buf    [8]byte
	counts processCounters
}

func newMacProcess(m *mac) *macProcess {
	c := &macProcess{engine: m, reader: darwin.NewProcessReader(m.kernel)}
	c.free = nothing
	return c
}

func (c *macProcess) read(now time.Time, w sample.Parts, s *sample.Process) error {
	err := c.reader.Read(&c.raw)
	c.engine.failed("process", err)
	raw := &c.raw
	*s = sample.Process{
		Time: now, User: raw.User, System: raw.System,
		RSS: raw.Footprint, Virtual: raw.Virtual,
		ReadBytes: raw.DiskRead, WriteBytes: raw.DiskWritten,
		Threads: raw.Threads, Descriptors: raw.FileDescriptors,
		Voluntary: raw.VoluntarySwitches, Involuntary: raw.ForcedSwitches,
		Faults: sample.Faults{Minor: raw.MinorFaults, Major: raw.MajorFaults},
	}
	// By the clock on the wall, which somebody may have set back.
	if start, ok := raw.Started.Get(); ok && !now.Before(start) {
		s.Uptime = sample.Some(now.Round(0).Sub(start).Seconds())
	}
	c.counts.add(s)
	if w.Have(sample.PartUtilization) {
		c.countCPUs(s)
	}
	if !s.User.Present() && !s.RSS.Present() && !s.Virtual.Present() {
		return err
	}
	return nil
}

func (c *macProcess) countCPUs(s *sample.Process) {
	cpus, err := darwin.OnlineCPUs(c.engine.kernel, c.buf[:])
	if err != nil {
		c.engine.optional("process", err)
		return
	}
	s.CPUs = sample.SomeUint(cpus)
}
