package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macMemory reads hw.memsize, vm.swapusage and host_statistics64.
type macMemory struct {
	gate
	engine *mac
	reader *darwin.MemoryReader
	raw    darwin.Memory
	at     time.Time // when raw was read
	faults struct{ minor, major counter.Counter }
}

func newMacMemory(m *mac) *macMemory {
	c := &macMemory{engine: m, reader: darwin.NewMemoryReader(m.kernel)}
	c.free = nothing
	return c
}

// together is how long a reading serves the collection that it was made for: one
// call has the memory and the page faults.
const together = 50 * time.Millisecond

func (c *macMemory) load(now time.Time) error {
	c.at = now
	err := c.reader.Read(now, &c.raw)
	c.engine.failed("memory", err)
	return err
}

func (c *macMemory) read(now time.Time, s *sample.Memory) error {
	err := c.load(now)
	*s = sample.Memory{Time: now, Err: errNoCgroups, Available: c.raw.Available}
	if n, ok := c.raw.Total.Get(); ok {
		s.Limit = sample.Limit[uint64]{Value: n, Source: c.engine.cfg.hostSource(), File: "hw.memsize"}
	}
	c.fill(&s.System)
	if !c.raw.Total.Present() && !c.raw.Used.Present() {
		return err
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
	take := func(from sample.OptUint) sample.OptUint {
		n, ok := from.Get()
		if !ok || !bounded {
			return from
		}
		n = min(n, rest)
		rest -= n
		return sample.SomeUint(n)
	}
	s.Used, s.Cached, s.Free = take(raw.Used), take(raw.Cached), take(raw.Free)
}

// readPaging tells the major faults as getrusage(2) does: xnu counts a page-in
// where a fault had to wait for the pager, and such a fault among the faults too.
func (c *macMemory) readPaging(now time.Time, s *sample.Paging) error {
	if now.Sub(c.at) > together {
		_ = c.load(now) // reported; what was counted is still true
	}
	*s = sample.Paging{Time: c.at}
	var minor, major sample.OptUint
	faults, ok := c.raw.Faults.Get()
	pageIns, ok2 := c.raw.PageIns.Get()
	if ok && ok2 {
		minor, major = sample.SomeUint(faults-min(pageIns, faults)), c.raw.PageIns
	}
	s.Faults = sample.Faults{Minor: c.faults.minor.Add(0, minor), Major: c.faults.major.Add(0, major)}
	return nil
}
