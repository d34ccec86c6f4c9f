package engine

import (
	"fmt"
	"math"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// memoryCollector reads meminfo and the memory controller.
type memoryCollector struct {
	collector
	meminfo kernfs.KeyFile
	size    kernfs.PathOf        // of meminfo
	reader  *cgroup.MemoryReader // nil where nothing shows the own cgroup

	events     eventCounters
	local      eventCounters
	swapEvents struct{ high, max, fail counter }
	faults     faultCounters
}

// eventCounters are the counters of one memory.events.
type eventCounters struct{ low, high, max, oom, oomKill, oomGroupKill counter }

// add counts the boundaries for the cgroup level, the kills for own.
func (e *eventCounters) add(level, own groupID, from *cgroup.MemoryEvents) sample.MemoryEvents {
	return sample.MemoryEvents{
		Low: e.low.of(level, from.Low), High: e.high.of(level, from.High),
		Max: e.max.of(level, from.Max), OOM: e.oom.of(level, from.OOM),
		OOMKill: e.oomKill.of(own, from.OOMKill), OOMGroupKill: e.oomGroupKill.of(own, from.OOMGroupKill),
	}
}

func (c *memoryCollector) init(l *linux) {
	c.share(l, "memory")
	c.meminfo.File = c.opener.File("/proc/meminfo")
	c.free = func() { c.closeFiles(&c.meminfo.File) }
}

func (c *memoryCollector) read(p *round, w sample.Parts, s *sample.Memory) error {
	*s = sample.Memory{Time: p.Now()}
	// The cgroup first: /proc/meminfo is the file that may be a user-space
	// daemon's (LXCFS), and while it hangs nothing more can be opened.
	binding := -1
	if w.Have(sample.PartCgroup) {
		binding = c.readCgroup(p, w, s)
	}
	var hostErr error
	if w&(sample.PartCgroup|sample.PartSystem) != 0 {
		hostErr = c.readHost(p, s)
	}
	if w.Have(sample.PartCgroup) {
		c.decide(p, w, binding, s)
	}
	if w.Have(sample.PartSystemPressure) || w.Have(sample.PartDirect) && !s.Own {
		c.pressure.readSystem(&p.Pass, &s.System.Pressure, c.report)
	}
	if w&(sample.PartCgroup|sample.PartSystem) != 0 && !s.System.Total.Present() && !s.Cgroup.Usage.Present() {
		return c.emptyErr(p, hostErr, s.Err)
	}
	return nil
}

// readCgroup returns the level whose limit binds, or -1.
func (c *memoryCollector) readCgroup(p *round, w sample.Parts, s *sample.Memory) (binding int) {
	binding = -1
	for {
		c.follow(p)
		if c.reader == nil {
			break
		}
		c.reader.Read(&p.Pass, &p.memory, w.Have(sample.PartUtilization), c.report)
		if !c.vanished(c.reader.UsageError()) {
			break
		}
	}
	if c.reader != nil {
		binding = tightest(p.memory.Levels)
		c.reader.ReadEvents(&p.Pass, binding, &p.memory, c.report)
		if w.Have(sample.PartDirect) {
			c.reader.ReadOwnEvents(&p.Pass, &p.memory, c.report)
		}
	}
	c.pressure.readOwn(&p.Pass, &s.Cgroup.Pressure, c.report)
	return binding
}

// decide derives what binds the process, and whose numbers describe it.
func (c *memoryCollector) decide(p *round, w sample.Parts, binding int, s *sample.Memory) {
	if n, ok := s.System.Total.Get(); ok {
		s.Limit = sample.Limit[uint64]{Value: n, Source: c.engine.sizeSource(&c.meminfo.File), File: c.size.Get(&c.meminfo.File)}
	}
	s.Limit.LowerOrEqual(c.engine.cfg.PlatformMemory)
	if binding >= 0 {
		l := &p.memory.Levels[binding]
		lowerSize(&s.Limit, sample.Limit[uint64]{
			Value: l.Limit.Or(0), Source: c.reader.Source(), Cgroup: c.reader.Name(binding), File: c.reader.LimitPath(binding),
		})
	}
	if c.reader != nil {
		c.fillCgroup(p, w, binding, s)
	}
	c.headroom(p, s)
	if c.unanswered() { // the machine's size would be a guess
		s.Limit, s.Available = sample.Limit[uint64]{}, sample.OptUint{}
	}
	c.engine.memoryBound.Store(s.Limit.Source.Cgroup())
	s.Own = c.engine.own(s.Cgroup.Usage)
	if !s.Cgroup.Usage.Present() {
		s.Err = c.why(c.reader != nil, c.reader.UsageError, errRootMemory)
		dropSize(&c.engine.cfg, &s.Limit)
	}
}

// follow moves the reader to where the process is now.
func (c *memoryCollector) follow(p *round) {
	tree, moved := c.moved(p)
	if !moved {
		return
	}
	c.reader = nil
	g := c.resolve(p, tree, "memory")
	c.entered(g.Own(), len(g.Levels)+1) // and one that is not visible
	if len(g.Levels) > 0 {
		c.reader = cgroup.NewMemoryReader(&p.Pass, &c.opener, g, c.report)
		c.cgroupFiles = c.reader
	}
}

// errRootMemory is made once: outside a container it is met on every reading.
var errRootMemory = fmt.Errorf("%w: the process is in the root cgroup, which has no memory usage of its own", ErrNoCgroup)

func (c *memoryCollector) readHost(p *round, s *sample.Memory) error {
	var host procfs.Meminfo
	b, err := c.meminfo.Read(&p.Pass)
	if err == nil {
		err = host.ParseAs(&c.meminfo.Layout, b)
	}
	if err != nil {
		// Unlike a feature that a kernel lacks, a missing meminfo is a fault.
		err = c.meminfo.ParseError(err)
		c.engine.fault("memory", err)
		return err
	}
	s.System = systemMemory(&host)
	return nil
}

// systemMemory derives the states so that they sum to the total: used is what
// is not available, and the rest is divided among free, buffers and cached, as far as they go.
func systemMemory(m *procfs.Meminfo) (s sample.SystemMemory) {
	s.Total, s.Available = m.MemTotal, m.MemAvailable
	total := m.MemTotal.Or(0)
	if available, ok := m.MemAvailable.Get(); ok && m.MemFree.Present() {
		rest := min(available, total)
		take := func(n uint64) sample.OptUint {
			n = min(n, rest)
			rest -= n
			return sample.SomeUint(n)
		}
		s.Used = sample.SomeUint(total - rest)
		s.Free = take(m.MemFree.Or(0))
		if n, ok := m.Buffers.Get(); ok {
			s.Buffers = take(n)
		}
		// What is available but neither free nor buffers is reclaimable cache.
		s.Cached = take(math.MaxUint64)
	}
	swapTotal, ok := m.SwapTotal.Get()
	swapFree, ok2 := m.SwapFree.Get()
	if ok && ok2 {
		s.SwapTotal, s.SwapUsed = m.SwapTotal, sample.SomeUint(swapTotal-min(swapFree, swapTotal))
		s.SwapLimit = s.SwapTotal
	}
	return s
}

// tightest returns the level with the smallest limit, or -1 where none has
// one. Of equal ones the innermost binds.
func tightest(levels []cgroup.MemoryLevel) int {
	level, least := -1, uint64(0)
	for i := range levels {
		if n, ok := levels[i].Limit.Get(); ok && (level < 0 || n < least) {
			level, least = i, n
		}
	}
	return level
}

// headroom is the least that is left at any level: a neighbor below the same
// ancestor can take what this process does not. The machine's own bounds it.
func (c *memoryCollector) headroom(p *round, s *sample.Memory) {
	s.Available = s.System.Available
	if platform := c.engine.cfg.PlatformMemory; platform.Known() && s.Available.Or(0) > platform.Value {
		s.Available = sample.SomeUint(platform.Value)
	}
	for i := range p.memory.Levels {
		l := &p.memory.Levels[i]
		lim, ok := l.Limit.Get()
		used, ok2 := l.Usage.Get()
		if !ok || !ok2 || c.reader == nil {
			continue
		}
		if left := lim - min(used, lim); left < s.Available.Or(math.MaxUint64) {
			s.Available = sample.SomeUint(left)
		}
	}
}

func (c *memoryCollector) fillCgroup(p *round, w sample.Parts, binding int, s *sample.Memory) {
	raw, g := &p.memory, &s.Cgroup
	g.Usage, g.WorkingSet = raw.Usage, raw.Levels[0].WorkingSet
	g.RSS, g.Cache = raw.Stat.Anon, raw.Stat.File
	g.High, g.Peak = raw.High, raw.Peak
	g.SwapUsage, g.SwapLimit = raw.SwapUsage, raw.SwapLimit

	own := c.group(0)
	g.Faults = c.faults.of(own, raw.Stat.PgFault, raw.Stat.PgMajFault)
	g.Events = c.events.add(c.group(max(binding, 0)), own, &raw.Events)
	if w.Have(sample.PartDirect) {
		g.LocalEvents = c.local.add(own, own, &raw.Local)
		e := &c.swapEvents
		g.SwapEvents = sample.SwapEvents{
			High: e.high.of(own, raw.Swap.High), Max: e.max.of(own, raw.Swap.Max), Fail: e.fail.of(own, raw.Swap.Fail),
		}
	}
	if w.Have(sample.PartUtilization) {
		g.Utilization = c.utilization(p, s)
	}
}

// utilization is the highest over the levels: whichever fills first hurts.
// Where nothing but the machine limits, it is the share of the machine.
func (c *memoryCollector) utilization(p *round, s *sample.Memory) (most sample.Opt[float64]) {
	consider := func(set sample.OptUint, limit uint64) {
		n, ok := set.Get()
		if ok && limit > 0 && float64(n)/float64(limit) >= most.Or(0) {
			most = sample.Some(float64(n) / float64(limit))
		}
	}
	for i := range p.memory.Levels {
		l := &p.memory.Levels[i]
		if limit, ok := l.Limit.Get(); ok {
			consider(l.WorkingSet, limit)
		}
	}
	if s.Limit.Known() {
		consider(s.Cgroup.WorkingSet, s.Limit.Value)
	}
	return most
}
