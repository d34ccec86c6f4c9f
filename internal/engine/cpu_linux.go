package engine

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// cpuCollector reads /proc/stat, the online CPUs, the affinity and the CPU controllers.
type cpuCollector struct {
	collector
	stat, online kernfs.File
	irq          kernfs.File
	uptime       uptimeReader
	tasks        taskReader
	reader       *cgroup.CPUReader // nil where nothing shows the own cgroup
	onlineFile   *kernfs.File      // the one that said how many there are
	size         kernfs.PathOf     // of it

	usage      counter
	split      splitter
	window     window
	throttling struct{ periods, throttled, time, bursts, burstTime counter }
	perCPU     cpuUsages // v1 cgroup

	levels []cpuUsage // of the ancestors, read for the utilization

	modes         modeCounters
	systemWindow  window
	shares        shareWindow
	systemPerCPU  cpuWindows
	systemPerMode []modeCounters
	perCPUShares  []shareWindow
}

// cpuUsage is the CPU time of a cgroup.
type cpuUsage struct {
	counter
	window
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
	}
	var hostErr error
	if w.Have(sample.PartSystem) || fallback {
		hostErr = c.readHost(p, w, s)
	}
	if w.Have(sample.PartSystemInfo) {
		c.readLogical(p, s)
		s.System.Uptime = c.uptime.machine(&p.Pass, c.report)
	}
	if w.Have(sample.PartTasks) {
		s.Cgroup.Tasks = c.tasks.read(p, c.report)
		s.Cgroup.Uptime = c.uptime.container(&p.Pass, c.report)
	}
	nothing := !s.Cgroup.Usage.Present() && !s.System.Usage.Present() && !s.System.Logical.Present() && !s.Limit.Known()
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
	c.engine.cpuBound.Store(s.Limit.Source.Cgroup())
	if c.reader != nil {
		level, _ := p.cpu.Binding()
		c.reader.ReadThrottling(&p.Pass, level, &p.cpu, c.report)
		c.fillCgroup(p, w, level, s)
	}
	s.Own = c.engine.own(s.Cgroup.Usage)
	c.pressure.readOwn(&p.Pass, &s.Cgroup.Pressure, c.report)
	if !s.Cgroup.Usage.Present() {
		s.Err = c.why(c.reader != nil, c.reader.UsageError, errRootCPU)
		dropSize(&c.engine.cfg, &s.Limit)
		dropSize(&c.engine.cfg, &s.CgroupLimit)
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
	s.Limit, s.Available = sample.Limit[float64]{}, sample.Opt[float64]{}
	c.readLogical(p, s)
	if count, ok := s.System.Logical.Get(); ok {
		n := float64(count)
		s.Available = sample.Some(n)
		s.Limit = sample.Limit[float64]{Value: n, Source: c.engine.sizeSource(c.onlineFile), File: c.size.Get(c.onlineFile)}
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
		s.Limit, s.Available = sample.Limit[float64]{}, sample.Opt[float64]{}
		return
	}
	s.CgroupLimit = s.Limit
	if n, ok := c.readAffinity(); ok {
		s.Limit.Lower(sample.Limit[float64]{Value: float64(n), Source: sample.SourceAffinity})
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
	return len(p.stat.CPUs), len(p.stat.CPUs) > 0
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
	if err := c.parseStat(p, perCPU); err != nil {
		return err
	}
	least, g := c.engine.cfg.least(), &s.System
	g.Times = c.modes.add(p.stat.Total)
	g.Usage = busy(g.Times)
	g.Cores = c.systemWindow.observe(p.Now(), g.Usage, c.modes.rebased(), least)
	g.Modes = c.shares.observe(p.Now(), g.Times, c.modes.rebased(), least)
	if !perCPU {
		return nil
	}
	g.PerCPU = room(g.PerCPU, len(p.stat.CPUs))
	for _, cpu := range p.stat.CPUs {
		c.systemPerMode = withIndex(c.systemPerMode, cpu.Number)
		times, rebased := c.systemPerMode[cpu.Number].add(cpu.Times), c.systemPerMode[cpu.Number].rebased()
		one := c.systemPerCPU.observe(p.Now(), cpu.Number, busy(times), times, rebased, least)
		if w.Have(sample.PartUtilization) {
			c.perCPUShares = withIndex(c.perCPUShares, cpu.Number)
			one.Modes = c.perCPUShares[cpu.Number].observe(p.Now(), times, rebased, least)
		}
		g.PerCPU = append(g.PerCPU, one)
	}
	return nil
}

func (c *cpuCollector) fillCgroup(p *round, w sample.Parts, binding int, s *sample.CPU) {
	raw, g := &p.cpu, &s.Cgroup
	own := c.group(0)
	g.Usage = c.usage.of(own, raw.Usage)
	g.User, g.System = c.split.add(own, g.Usage, raw.User, raw.System)
	if raw.Usage.Present() { // else the total stands still, which is not the same as idle
		g.Cores = c.window.observe(p.Now(), g.Usage, c.usage.rebased, c.engine.cfg.least())
	}
	g.Weight, g.Shares = raw.Weight, raw.Shares
	if weight, ok := raw.Weight.Get(); ok {
		if shares := cgroup.SharesFromWeight(weight); shares > 0 {
			g.Shares = sample.SomeUint(shares)
		}
	}
	if w.Have(sample.PartUtilization) {
		g.Utilization = c.utilization(p, s)
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
			g.PerCPU = append(g.PerCPU, c.perCPU.count(p.Now(), own, i, n, c.engine.cfg.least()))
		}
	}
	if binding < 0 {
		// The counts of a quota that was removed stand still: they are not those of a quota that exists.
		return
	}
	l := &raw.Levels[binding]
	g.Quota, g.Period = l.Quota, l.Period
	t, from, level := &c.throttling, &raw.Throttling, c.group(binding)
	g.Throttling = sample.Throttling{
		Periods: t.periods.of(level, from.Periods), Throttled: t.throttled.of(level, from.Throttled),
		Time:   t.time.of(level, from.ThrottledTime),
		Bursts: t.bursts.of(level, from.Bursts), BurstTime: t.burstTime.of(level, from.BurstTime),
	}
}

// utilization is the highest over the levels: under a quota that neighbors use
// up, a process is throttled however little it uses itself.
func (c *cpuCollector) utilization(p *round, s *sample.CPU) (most sample.Opt[float64]) {
	consider := func(used sample.Opt[float64], limit float64) {
		if n, ok := used.Get(); ok && limit > 0 && n/limit >= most.Or(0) {
			most = sample.Some(n / limit)
		}
	}
	consider(s.Cgroup.Cores, s.CgroupLimit.Value)
	c.levels = withIndex(c.levels, len(p.cpu.Levels)-1)
	for i := range p.cpu.Levels {
		quota, ok := p.cpu.Levels[i].Cores()
		if !ok || i == 0 { // the own cgroup is considered already
			continue
		}
		l := &c.levels[i]
		total := l.of(c.group(i), c.reader.ReadLevelUsage(&p.Pass, i, c.report))
		consider(l.observe(p.Now(), total, l.rebased, c.engine.cfg.least()), quota)
	}
	return most
}
