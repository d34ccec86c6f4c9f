package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macCPU reads host_processor_info and hw.logicalcpu. macOS lets nobody bind a
// process to CPUs and has no quotas: the limit is the machine.
type macCPU struct {
	gate
	engine *mac
	reader *darwin.CPUReader
	raw    darwin.CPU
	modes  modeCounters
	perCPU []modeCounters
	buf    [16]byte
}

func newMacCPU(m *mac) *macCPU {
	c := &macCPU{engine: m, reader: darwin.NewCPUReader(m.kernel)}
	c.free = nothing
	return c
}

func (c *macCPU) read(now time.Time, w sample.Parts, s *sample.CPU) error {
	err := c.reader.Read(&c.raw)
	c.engine.failed("cpu", err)
	s.Reset(now)
	s.Err = errNoCgroups
	s.System.Logical = c.raw.Logical
	if n, ok := c.raw.Logical.Get(); ok && n > 0 {
		s.Available = sample.Some(float64(n))
		s.Limit = sample.Limit[float64]{Value: float64(n), Source: c.engine.cfg.hostSource(), File: "hw.logicalcpu"}
		s.CgroupLimit = s.Limit
	}
	if len(c.raw.PerCPU) > 0 {
		c.fill(now, w, &s.System)
	}
	if w.Have(sample.PartSystemInfo) {
		s.System.Uptime = c.uptime(now)
	}
	if !s.Limit.Known() && !s.System.Times.User.Present() {
		return err
	}
	return nil
}

func (c *macCPU) fill(now time.Time, w sample.Parts, s *sample.SystemCPU) {
	total := macTimes(c.raw.Total)
	// After a change of the number of CPUs the interval before says nothing.
	rebases := uint32(c.raw.Rebases)
	s.Times, s.Breaks = c.modes.add(&total, now, len(c.raw.PerCPU)), c.modes.breaks()+rebases
	if !w.Have(sample.PartPerCPU) {
		return
	}
	s.PerCPU = room(s.PerCPU, len(c.raw.PerCPU))
	c.perCPU = withIndex(c.perCPU, len(c.raw.PerCPU)-1)
	for n, ticks := range c.raw.PerCPU {
		times, m := macTimes(ticks), &c.perCPU[n]
		s.PerCPU = append(s.PerCPU, sample.PerCPU{Number: n, Times: m.add(&times, now, 1), Breaks: m.breaks() + rebases})
	}
}

// uptime goes by the clock on the wall: kern.boottime moves with it when
// somebody sets it, and time that the machine slept counts.
func (c *macCPU) uptime(now time.Time) (up sample.OptUint) {
	booted, err := darwin.BootTime(c.engine.kernel, c.buf[:])
	if err != nil {
		c.engine.optional("cpu", err)
		return up
	}
	if d := now.Round(0).Sub(booted); d >= 0 {
		up = sample.SomeUint(uint64(d))
	}
	return up
}

// macTimes leaves out the modes that macOS does not count. Interrupts are
// inside system. xnu still has a place for nice and writes 0 there since it
// gave the mode up: only another number is one that was counted.
func macTimes(t darwin.Ticks) sample.CPUTimes {
	micros := func(ticks uint64) sample.OptUint {
		return sample.SomeUint(ticks * uint64(darwin.Tick/time.Microsecond))
	}
	times := sample.CPUTimes{User: micros(t.User), System: micros(t.System), Idle: micros(t.Idle)}
	if t.Nice > 0 {
		times.Nice = micros(t.Nice)
	}
	return times
}
