package engine

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// cpuCollector reads /proc/stat, the online CPUs, the affinity and the CPU controllers.
type cpuCollector struct {
	collector
	stat, online kernfs.File
	irq          kernfs.File
	irqStalls    stallCounters
	uptime       uptimeReader
	tasks        taskReader
	reader       *cgroup.CPUReader // nil where nothing shows the own cgroup
	onlineFile   *kernfs.File      // the one that said how many there are
	size         kernfs.PathOf     // of it

	cpus       int // online, as last read; 0: not known
	usage      timeCounter
	split      counter.Split
	throttling struct{ periods, throttled, time, bursts, burstTime counter.Counter }
	perCPU     []timeCounter // v1 cgroup
	ancestors  []timeCounter // by level, read for the utilization

	modes        modeCounters
	systemPerCPU []modeCounters
}

func (c *cpuCollector) init(l *linux) {
	c.share(l, "cpu")
	c.stat, c.online = c.opener.File("/proc/stat"), c.opener.File("/sys/devices/system/cpu/online")
	c.irq = c.opener.File("/proc/pressure/irq")
	c.uptime.init(l, &c.opener)
	c.free = func() {
		c.closeFiles(&c.stat, &c.online, &c.irq)
		c.uptime.close()
		c.tasks.close()
	}
}

func (c *cpuCollector) read(p *round, w sample.Parts, s *sample.CPU) error {
	s.Reset(p.Now())
	if w&(sample.PartCgroup|sample.PartTasks) != 0 {
		c.follow(p)
	}
	if w.Have(sample.PartCgroup) {
		c.readCgroup(p, w, s)
	}
	fallback := w.Have(sample.PartDirect) && !s.Own
	if w.Have(sample.PartSystemPressure) || fallback {
		c.pressure.readSystem(&p.Pass, &s.System.Pressure, c.report)
	}
	if w.Have(sample.PartSystemPressure) {
		readPressure(&p.Pass, &c.irq, &s.System.IRQ, c.report)
		c.irqStalls.add(0, &s.System.IRQ)
	}
	if w.Have(sample.PartSystemInfo) {
		c.readLogical(p, s) // first: it bounds what the CPUs can have done
	}
	var hostErr error
	if w.Have(sample.PartSystem) || fallback {
		hostErr = c.readHost(p, w, s)
	}
	if w.Have(sample.PartSystemInfo) {
		s.System.Uptime = c.uptime.machine(&p.Pass, c.report)
	}
	if w.Have(sample.PartTasks) {
		s.Cgroup.Tasks = c.tasks.read(p, c.report)
		s.Cgroup.Uptime = c.uptime.container(&p.Pass, c.report)
	}
	nothing := !s.Cgroup.Usage.Present() && !s.System.Times.User.Present() && !s.System.Logical.Present() && !s.Limit.Known()
	if nothing && w&(sample.PartCgroup|sample.PartSystem|sample.PartSystemInfo) != 0 {
		return c.emptyErr(p, hostErr, s.Err)
	}
	return nil
}

// readCgroup reads the own cgroup and what limits the process.
func (c *cpuCollector) readCgroup(p *round, w sample.Parts, s *sample.CPU) {
	for {
		c.readLimits(p, s)
		if c.reader == nil {
			break
		}
		c.reader.ReadUsage(&p.Pass, &p.cpu, w.Have(sample.PartPerCPU), c.report)
		if !c.vanished(c.reader.UsageError()) {
			break
		}
		c.follow(p)
	}
	c.replaced(p)
	c.engine.cpuBound.Store(s.CgroupLimit.Source.Cgroup())
	if c.reader != nil {
		level, _ := p.cpu.Binding()
		c.reader.ReadThrottling(&p.Pass, level, &p.cpu, c.report)
		c.fillCgroup(p, w, level, s)
	}
	// On v1 the process can be in the root of cpuacct and below a quota of cpu.
	quotaOnly := s.Cgroup.Quota.Present() && errors.Is(c.reader.UsageError(), cgroup.ErrUnresolved)
	s.Own = c.engine.describes(s.Cgroup.Usage.Present() || quotaOnly)
	c.pressure.readOwn(&p.Pass, &s.Cgroup.Pressure, c.report)
	if !s.Cgroup.Usage.Present() && !quotaOnly {
		s.Err = c.why(c.reader != nil, c.reader.UsageError, errRootCPU)
		dropSize(&c.engine.cfg, &s.Limit)
		dropSize(&c.engine.cfg, &s.CgroupLimit)
		dropSize(&c.engine.cfg, &s.SystemLimit)
	}
}

func (c *cpuCollector) follow(p *round) {
	tree, moved := c.moved(p)
	if !moved {
		return
	}
	c.reader = nil
	g := cgroup.CPUGroups{CPU: c.resolve(p, tree, "cpu"), Cpuacct: c.resolve(p, tree, "cpuacct"), Cpuset: c.resolve(p, tree, "cpuset")}
	own := g.CPU.Own()
	if times := g.Cpuacct.Own(); times != own { // v1 can mount them apart
		own = times + " " + own
	}
	c.entered(own, len(g.CPU.Levels)+1)
	if len(g.CPU.Levels)+len(g.Cpuacct.Levels)+len(g.Cpuset.Levels) > 0 {
		c.reader = cgroup.NewCPUReader(&c.opener, g)
		c.cgroupFiles = c.reader
	}
	c.tasks.follow(p, &c.collector, tree)
}

// errRootCPU is made once: outside a container it is met on every reading.
var errRootCPU = fmt.Errorf("%w: the process is in the root cgroup, whose CPU usage is the machine's", ErrNoCgroup)

// readLimits fills the effective limit: the machine's online CPUs, then the
// quotas, the cpuset and the affinity, each where it is smaller.
func (c *cpuCollector) readLimits(p *round, s *sample.CPU) {
	s.Limit, s.SystemLimit, s.Available = sample.Limit[float64]{}, sample.Limit[float64]{}, sample.Opt[float64]{}
	c.readLogical(p, s)
	if count, ok := s.System.Logical.Get(); ok {
		n := float64(count)
		s.Available = sample.Some(n)
		s.Limit = sample.Limit[float64]{Value: n, Source: c.engine.sizeSource(c.onlineFile), File: c.size.Get(c.onlineFile)}
		s.SystemLimit = s.Limit
	}
	if c.reader != nil {
		c.reader.ReadLimits(&p.Pass, &p.cpu, c.report)
		if level, cores := p.cpu.Binding(); level >= 0 {
			source, group, file := c.reader.Quota(level)
			lowerSize(&s.Limit, sample.Limit[float64]{Value: cores, Source: source, Cgroup: group, File: file})
		}
		if n, ok := p.cpu.Cpuset.Get(); ok {
			group, file := c.reader.Cpuset(p.cpu.CpusetLevel)
			lowerSize(&s.Limit, sample.Limit[float64]{Value: float64(n), Source: sample.SourceCpuset, Cgroup: group, File: file})
			s.Available = sample.Some(min(s.Available.Or(float64(n)), float64(n)))
		}
	}
	if c.unanswered() { // the machine's size would be a guess
		s.Limit, s.SystemLimit, s.Available = sample.Limit[float64]{}, sample.Limit[float64]{}, sample.Opt[float64]{}
		return
	}
	if c.reader != nil && p.cpu.Unknown { // the limit of another level would be a guess
		s.Limit, s.Available = sample.Limit[float64]{}, sample.Opt[float64]{}
		return
	}
	s.CgroupLimit = s.Limit
	if n, ok := c.readAffinity(); ok {
		affinity := sample.Limit[float64]{Value: float64(n), Source: sample.SourceAffinity}
		s.Limit.Lower(affinity)
		s.SystemLimit.Lower(affinity)
		s.Available = sample.Some(min(s.Available.Or(float64(n)), float64(n)))
	}
}

// readLogical counts the online CPUs, once in a reading.
func (c *cpuCollector) readLogical(p *round, s *sample.CPU) {
	if s.System.Logical.Present() {
		return
	}
	if n, ok := c.readOnline(p); ok {
		s.System.Logical = sample.SomeUint(uint64(n))
	}
}

// readOnline counts the online CPUs. Where /sys is masked, /proc/stat has a
// line for each.
func (c *cpuCollector) readOnline(p *round) (int, bool) {
	p.online.Clear()
	b, err := c.online.Read(&p.Pass)
	if err == nil {
		err = p.online.Parse(b)
	}
	c.onlineFile = &c.online
	if n := p.online.Count(); err == nil && n > 0 {
		c.cpus = n
		return n, true
	}
	if err != nil {
		c.report(c.online.ParseError(err))
	}
	c.onlineFile = &c.stat
	if err := c.parseStat(p, true); err != nil {
		return 0, false
	}
	for i := range p.stat.CPUs {
		p.online.Add(p.stat.CPUs[i].Number)
	}
	c.cpus = len(p.stat.CPUs)
	return c.cpus, c.cpus > 0
}

// readAffinity asks for the main thread: others may be pinned by the program.
func (c *cpuCollector) readAffinity() (int, bool) {
	if !c.engine.cfg.Root.IsHost() {
		return 0, false
	}
	// EINVAL on machines with more CPUs than the set holds: then it is unknown.
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(c.engine.pid, &set); err != nil {
		return 0, false
	}
	n := set.Count()
	return n, n > 0
}

func (c *cpuCollector) parseStat(p *round, perCPU bool) error {
	b, err := c.stat.Read(&p.Pass)
	if err == nil {
		err = p.stat.Parse(b, perCPU)
	}
	if err != nil {
		err = c.stat.ParseError(err)
		c.engine.fault("cpu", err)
	}
	return err
}

// readHost fills the machine's times.
func (c *cpuCollector) readHost(p *round, w sample.Parts, s *sample.CPU) error {
	// gVisor divides the total evenly among its CPUs: those are nobody's numbers.
	perCPU := w.Have(sample.PartPerCPU) && c.engine.cfg.Sandbox != "gvisor"
	if c.cpus == 0 {
		c.readLogical(p, s)
	}
	if err := c.parseStat(p, perCPU); err != nil {
		return err
	}
	g, before, cpus := &s.System, c.modes, c.cpus
	g.Times = c.modes.add(&p.stat.Total, p.Now(), max(cpus, len(p.stat.CPUs)))
	if before.breaks() != 0 && c.modes.breaks() != before.breaks() {
		// The times jumped, or there are more CPUs than when they were last counted.
		if c.readLogical(p, s); c.cpus > cpus {
			c.modes = before
			g.Times = c.modes.add(&p.stat.Total, p.Now(), c.cpus)
		}
	}
	g.Breaks = c.modes.breaks()
	if !perCPU {
		return nil
	}
	g.PerCPU = room(g.PerCPU, len(p.stat.CPUs))
	for i := range p.stat.CPUs {
		cpu := &p.stat.CPUs[i]
		c.systemPerCPU = withIndex(c.systemPerCPU, cpu.Number)
		m := &c.systemPerCPU[cpu.Number]
		g.PerCPU = append(g.PerCPU, sample.PerCPU{Number: cpu.Number, Times: m.add(&cpu.Times, p.Now(), 1), Breaks: m.breaks()})
	}
	return nil
}

func (c *cpuCollector) fillCgroup(p *round, w sample.Parts, binding int, s *sample.CPU) {
	raw, g := &p.cpu, &s.Cgroup
	own := c.group(0)
	g.Usage = c.usage.add(own, raw.Usage, p.Now(), c.cpus)
	g.Held, g.Breaks = !raw.Usage.Present(), uint32(c.usage.Breaks())
	g.User, g.System = c.split.Add(own, g.Usage, raw.User, raw.System)
	g.Weight, g.Shares = raw.Weight, raw.Shares
	if weight, ok := raw.Weight.Get(); ok {
		if shares := cgroup.SharesFromWeight(weight); shares > 0 {
			g.Shares = sample.SomeUint(shares)
		}
	}
	if w.Have(sample.PartUtilization) {
		c.readAncestors(p, g)
	}
	if w.Have(sample.PartPerCPU) {
		g.PerCPU = room(g.PerCPU, len(raw.PerCPU))
		// The file lists possible CPUs; those that are not online have no lines elsewhere
		// either. LXCFS gives those that it shows as online other numbers.
		known := p.online.Count() > 0 && !c.engine.place.mayHang(c.online.Name())
		for i, n := range raw.PerCPU {
			if known && !p.online.Has(i) {
				continue
			}
			c.perCPU = withIndex(c.perCPU, i)
			one := &c.perCPU[i]
			usage := one.add(own, sample.SomeUint(n), p.Now(), 1)
			g.PerCPU = append(g.PerCPU, sample.PerCPU{Number: i, Usage: usage, Breaks: uint32(one.Breaks())})
		}
	}
	if raw.Unknown {
		return // the quota of another level would be a guess
	}
	if binding < 0 {
		// The counts of a quota that was removed stand still: they are not those of a quota that exists.
		return
	}
	l := &raw.Levels[binding]
	g.Quota, g.Period = l.Quota, l.Period
	t, from, level := &c.throttling, &raw.Throttling, c.group(binding)
	g.Throttling = sample.Throttling{
		Periods: t.periods.Add(level, from.Periods), Throttled: t.throttled.Add(level, from.Throttled),
		Time:   t.time.Add(level, from.ThrottledTime),
		Bursts: t.bursts.Add(level, from.Bursts), BurstTime: t.burstTime.Add(level, from.BurstTime),
	}
}

// readAncestors reads the CPU time of the ancestors that have a quota.
func (c *cpuCollector) readAncestors(p *round, g *sample.CgroupCPU) {
	cpus := c.cpus
	if c.engine.place.mayHang(c.online.Name()) {
		cpus = 0 // LXCFS shows those of the container
	}
	c.ancestors = withIndex(c.ancestors, len(p.cpu.Levels)-1)
	for i := 1; i < len(p.cpu.Levels); i++ {
		quota, ok := p.cpu.Levels[i].Cores()
		if !ok {
			continue
		}
		one, raw := &c.ancestors[i], c.reader.ReadLevelUsage(&p.Pass, i, c.report)
		total := one.add(c.group(i), raw, p.Now(), cpus)
		if raw.Present() {
			g.Levels = append(g.Levels, sample.LevelCPU{Level: i, Usage: total, Breaks: uint32(one.Breaks()), Quota: quota})
		}
	}
}
