package engine

import (
	"fmt"
	"math"
	"slices"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/counter"
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
	swapEvents struct{ high, max, fail counter.Counter }
	faults     faultCounters
}

// eventCounters are the counters of one memory.events.
type eventCounters struct{ low, high, max, oom, oomKill, oomGroupKill counter.Counter }

// add counts the boundaries for the cgroup level, the kills for own.
func (e *eventCounters) add(level, own counter.Source, from *cgroup.MemoryEvents) sample.MemoryEvents {
	return sample.MemoryEvents{
		Low: e.low.Add(level, from.Low), High: e.high.Add(level, from.High),
		Max: e.max.Add(level, from.Max), OOM: e.oom.Add(level, from.OOM),
		OOMKill: e.oomKill.Add(own, from.OOMKill), OOMGroupKill: e.oomGroupKill.Add(own, from.OOMGroupKill),
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
	if w.Have(sample.PartCgroup) {
		c.readCgroup(p, w, s)
	}
	var hostErr error
	if w&(sample.PartCgroup|sample.PartSystem) != 0 {
		hostErr = c.readHost(p, s)
	}
	if w.Have(sample.PartCgroup) {
		c.decide(p, w, s)
	}
	if w.Have(sample.PartSystemPressure) || w.Have(sample.PartDirect) && !s.Own {
		c.pressure.readSystem(&p.Pass, &s.System.Pressure, c.report)
	}
	if w&(sample.PartCgroup|sample.PartSystem) != 0 && !s.System.Total.Present() && !s.Cgroup.Usage.Present() {
		return c.emptyErr(p, hostErr, s.Err)
	}
	return nil
}

func (c *memoryCollector) readCgroup(p *round, w sample.Parts, s *sample.Memory) {
	for {
		c.follow(p)
		if c.reader == nil {
			p.memory = cgroup.Memory{Levels: p.memory.Levels[:0]}
			break
		}
		if !c.vanished(c.reader.Read(&p.Pass, &p.memory, c.report)) {
			break
		}
	}
	c.replaced(p)
	if c.reader != nil {
		c.reader.ReadEvents(&p.Pass, eventLevel(&p.memory), &p.memory, c.report)
		if w.Have(sample.PartDirect) {
			c.reader.ReadOwnEvents(&p.Pass, &p.memory, c.report)
		}
	}
	c.pressure.readOwn(&p.Pass, &s.Cgroup.Pressure, c.report)
}

// decide derives what bounds the process, and whose numbers describe it.
func (c *memoryCollector) decide(p *round, w sample.Parts, s *sample.Memory) {
	if n, ok := s.System.Total.Get(); ok {
		s.SystemLimit = sample.Limit[uint64]{Value: n, Source: c.engine.sizeSource(&c.meminfo.File), File: c.size.Get(&c.meminfo.File)}
	}
	s.SystemLimit.LowerOrEqual(c.engine.cfg.PlatformMemory)
	s.Limit = s.SystemLimit
	if level := tightest(p.memory.Levels); level >= 0 {
		lowerSize(&s.Limit, sample.Limit[uint64]{
			Value: p.memory.Levels[level].Limit.Or(0), Source: c.reader.Source(), Cgroup: c.reader.Name(level), File: c.reader.LimitPath(level),
		})
	}
	high, ok := p.memory.High.Get()
	bound := s.Limit.Source.Cgroup() || ok && (!s.SystemLimit.Known() || high < s.SystemLimit.Value)
	switch {
	case c.unanswered(): // the machine's size would be a guess
		s.Limit, s.SystemLimit, bound = sample.Limit[uint64]{}, sample.Limit[uint64]{}, false
	case p.memory.UnknownLimit: // and so would be the limit of another level
		s.Limit = sample.Limit[uint64]{}
	}
	c.engine.memoryBound.Store(bound)
	// Without a bound, what an ancestor uses says nothing about this process.
	if c.reader != nil && (p.memory.UsageLevel == 0 || bound) {
		c.fillCgroup(p, w, s)
	}
	s.Own = c.engine.own(s.Cgroup.Usage)
	c.available(p, s)
	if !s.Cgroup.Usage.Present() {
		s.Err = c.why(c.reader != nil, c.reader.UsageError, errRootMemory)
		dropSize(&c.engine.cfg, &s.Limit)
		dropSize(&c.engine.cfg, &s.SystemLimit)
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
	s.Total = m.MemTotal
	total := m.MemTotal.Or(0)
	available, ok := m.MemAvailable.Get()
	if ok { // LXCFS adds the cgroup's page cache and may pass the total
		available = min(available, total)
		s.Available = sample.SomeUint(available)
	}
	if ok && m.MemFree.Present() {
		rest := available
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

// eventLevel returns the level whose boundaries are counted: the one whose limit
// binds or, without any limit, whose memory.high does; -1 if neither is set.
func eventLevel(m *cgroup.Memory) int {
	if level := tightest(m.Levels); level >= 0 {
		return level
	}
	return slices.IndexFunc(m.Levels, func(l cgroup.MemoryLevel) bool { return l.High.Present() && l.High == m.High })
}

// available is the least that is left below a bound at any level, because other cgroups below
// the same ancestor can take it too. The machine's own caps it.
func (c *memoryCollector) available(p *round, s *sample.Memory) {
	if c.unanswered() || s.Own && p.memory.UnknownBound {
		return
	}
	s.Available = s.System.Available
	if platform := c.engine.cfg.PlatformMemory; platform.Known() && s.Available.Or(0) > platform.Value {
		s.Available = sample.SomeUint(platform.Value)
	}
	if !s.Own {
		return
	}
	for i := range p.memory.Levels {
		if left, ok := p.memory.Levels[i].Available().Get(); ok && left < s.Available.Or(math.MaxUint64) {
			s.Available = sample.SomeUint(left)
		}
	}
}

// limitLessWorkingSet is what the semantic conventions call available. It is
// absent without a limit, and if the working set of a limited level is not known.
func limitLessWorkingSet(levels []cgroup.MemoryLevel) (least sample.OptUint) {
	for i := range levels {
		limit, ok := levels[i].Limit.Get()
		if !ok {
			continue
		}
		set, ok := levels[i].WorkingSet.Get()
		if !ok {
			return sample.OptUint{}
		}
		if left := limit - min(set, limit); left < least.Or(math.MaxUint64) {
			least = sample.SomeUint(left)
		}
	}
	return least
}

func (c *memoryCollector) fillCgroup(p *round, w sample.Parts, s *sample.Memory) {
	raw, g := &p.memory, &s.Cgroup
	if raw.Usage.Present() {
		g.UsageCgroup = c.reader.Name(raw.UsageLevel)
	}
	g.Usage, g.WorkingSet = raw.Usage, raw.Levels[raw.UsageLevel].WorkingSet
	if !raw.UnknownLimit {
		g.Available = limitLessWorkingSet(raw.Levels)
	}
	g.RSS, g.Cache = raw.Stat.Anon, raw.Stat.File
	g.High, g.Peak = raw.High, raw.Peak
	g.SwapUsage, g.SwapLimit = raw.SwapUsage, raw.SwapLimit

	own, level := c.group(raw.UsageLevel), eventLevel(raw)
	if level < 0 {
		level = raw.UsageLevel
	}
	g.Faults = c.faults.add(own, raw.Stat.PgFault, raw.Stat.PgMajFault)
	if raw.UnknownLimit { // the events of another level would be a guess
		raw.Events = cgroup.MemoryEvents{OOMKill: raw.Events.OOMKill, OOMGroupKill: raw.Events.OOMGroupKill}
	}
	g.Events = c.events.add(c.group(level), own, &raw.Events)
	if w.Have(sample.PartDirect) {
		g.LocalEvents = c.local.add(own, own, &raw.Local)
		e := &c.swapEvents
		g.SwapEvents = sample.SwapEvents{
			High: e.high.Add(own, raw.Swap.High), Max: e.max.Add(own, raw.Swap.Max), Fail: e.fail.Add(own, raw.Swap.Fail),
		}
	}
	if w.Have(sample.PartUtilization) && !raw.UnknownLimit {
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
			if !l.WorkingSet.Present() {
				return sample.Opt[float64]{} // it may be the highest
			}
			consider(l.WorkingSet, limit)
		}
	}
	if s.Limit.Known() {
		consider(s.Cgroup.WorkingSet, s.Limit.Value)
	}
	return most
}
