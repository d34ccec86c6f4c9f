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
	engine  *mac
	reader  *darwin.CPUReader
	raw     darwin.CPU
	rebases uint64
	window  window
	shares  shareWindow
	perCPU  cpuWindows
	modes   []shareWindow
	buf     [16]byte
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
	if !s.Limit.Known() && !s.System.Usage.Present() {
		return err
	}
	return nil
}

func (c *macCPU) fill(now time.Time, w sample.Parts, s *sample.SystemCPU) {
	// Across a change of the number of CPUs no share of time can be told.
	rebased := c.rebases != c.raw.Rebases
	c.rebases = c.raw.Rebases
	if rebased {
		c.perCPU, c.modes = nil, nil
	}
	least := c.engine.cfg.least()
	s.Times = macTimes(c.raw.Total)
	s.Usage = busy(s.Times)
	s.Cores = c.window.observe(now, s.Usage, rebased, least)
	s.Modes = c.shares.observe(now, s.Times, rebased, least)
	if !w.Have(sample.PartPerCPU) {
		return
	}
	s.PerCPU = room(s.PerCPU, len(c.raw.PerCPU))
	c.modes = withIndex(c.modes, len(c.raw.PerCPU)-1)
	for n, ticks := range c.raw.PerCPU {
		times := macTimes(ticks)
		one := c.perCPU.observe(now, n, busy(times), times, false, least)
		if w.Have(sample.PartUtilization) {
			one.Modes = c.modes[n].observe(now, times, false, least)
		}
		s.PerCPU = append(s.PerCPU, one)
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
	nanos := func(ticks uint64) sample.OptUint { return sample.SomeUint(ticks * uint64(darwin.Tick)) }
	times := sample.CPUTimes{User: nanos(t.User), System: nanos(t.System), Idle: nanos(t.Idle)}
	if t.Nice > 0 {
		times.Nice = nanos(t.Nice)
	}
	return times
}
