package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macMemory reads hw.memsize, vm.swapusage and host_statistics64.
type macMemory struct {
	gate
	engine *mac
	reader *darwin.MemoryReader
	raw    darwin.Memory
	faults struct{ minor, major counter }
}

func newMacMemory(m *mac) *macMemory {
	c := &macMemory{engine: m, reader: darwin.NewMemoryReader(m.kernel)}
	c.free = nothing
	return c
}

func (c *macMemory) read(now time.Time, s *sample.Memory) error {
	err := c.reader.Read(now, &c.raw)
	c.engine.failed("memory", err)
	*s = sample.Memory{Time: now, Err: errNoCgroups, Available: c.raw.Available}
	if n, ok := c.raw.Total.Get(); ok {
		s.Limit = sample.Limit[uint64]{Value: n, Source: c.engine.cfg.hostSource(), File: "hw.memsize"}
	}
	c.fill(&s.System)
	if !c.raw.Total.Present() && !c.raw.Used.Present() {
		return empty(err)
	}
	return nil
}

// fill takes Activity Monitor's numbers. They are not taken at one moment, so
// each has what the ones before it left of the total.
func (c *macMemory) fill(s *sample.SystemMemory) {
	raw := &c.raw
	s.Total = raw.Total
	s.SwapTotal, s.SwapUsed = raw.SwapTotal, raw.SwapUsed
	rest, bounded := raw.Total.Get()
	take := func(from sample.Opt[uint64]) sample.Opt[uint64] {
		n, ok := from.Get()
		if !ok || !bounded {
			return from
		}
		n = min(n, rest)
		rest -= n
		return sample.Some(n)
	}
	s.Used, s.Cached, s.Free = take(raw.Used), take(raw.Cached), take(raw.Free)
	c.fillFaults(s)
}

// fillFaults tells the major faults as getrusage(2) does: xnu counts a page-in
// where a fault had to wait for the pager, and such a fault among the faults too.
func (c *macMemory) fillFaults(s *sample.SystemMemory) {
	faults, ok := c.raw.Faults.Get()
	major, ok2 := c.raw.PageIns.Get()
	if !ok || !ok2 {
		return
	}
	s.Faults.Minor = c.faults.minor.add("", sample.Some(faults-min(major, faults)))
	s.Faults.Major = c.faults.major.add("", c.raw.PageIns)
}
