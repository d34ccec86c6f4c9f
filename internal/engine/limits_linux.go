package engine

import (
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// limitsCollector lists every limit that applies. It is asked seldom, so it
// keeps no file open between readings.
type limitsCollector struct {
	gate
	engine *linux
	memory *memoryCollector
	cpu    *cpuCollector
	io     *ioCollector
}

func (c *limitsCollector) init(l *linux) {
	c.engine = l
	c.free = func() {
		if c.memory != nil {
			c.memory.free()
			c.cpu.free()
			c.io.free()
		}
	}
}

func (c *limitsCollector) read(p *round, s *sample.Limits) error {
	if c.memory == nil { // most programs never ask
		c.memory, c.cpu, c.io = new(memoryCollector), new(cpuCollector), new(ioCollector)
		c.memory.init(c.engine)
		c.cpu.init(c.engine)
		c.io.init(c.engine)
	}
	defer c.free()
	*s = sample.Limits{Time: p.Now()}
	var m sample.Memory
	err := c.memory.read(p, sample.PartCgroup, &m)
	c.cpu.follow(p)
	var cpu sample.CPU
	c.cpu.readLimits(p, &cpu)
	if c.cpu.missing != nil {
		dropSize(&c.engine.cfg, &cpu.Limit)
	}
	if err != nil && !m.Limit.Known() && !cpu.Limit.Known() {
		return err
	}
	s.Memory, s.CPU = m.Limit, cpu.Limit
	c.listMemory(p, s, &m)
	c.listCPU(p, s, &cpu)
	c.listPids(p, s)
	c.io.listLimits(p, s)
	c.listProcess(s)
	return nil
}

func (c *limitsCollector) listMemory(p *round, s *sample.Limits, m *sample.Memory) {
	bytes := func(kind string, n sample.OptUint, source sample.Source, group, file string) {
		if v, ok := n.Get(); ok {
			s.Entries = append(s.Entries, sample.LimitEntry{Kind: kind, Value: float64(v), Unit: "By", Source: source, Cgroup: group, File: file})
		}
	}
	if r := c.memory.reader; r != nil {
		for i := range p.memory.Levels {
			l := &p.memory.Levels[i]
			if l.Limit.Present() {
				bytes("memory", l.Limit, r.Source(), r.Name(i), r.LimitPath(i))
			}
			bytes("swap", l.SwapLimit, r.Source(), r.Name(i), r.SwapPath(i))
			bytes("memory+swap", l.SumLimit, r.Source(), r.Name(i), r.SwapPath(i))
		}
	}
	c.listHigh(p, s)
	c.listHugetlb(p, s)
	bytes("memory", m.System.Total, c.engine.sizeSource(&c.memory.meminfo.File), "", c.memory.meminfo.Path())
	if l := c.engine.cfg.PlatformMemory; l.Known() {
		bytes("memory", sample.SomeUint(l.Value), l.Source, "", l.File)
	}
}

func (c *limitsCollector) listCPU(p *round, s *sample.Limits, cpu *sample.CPU) {
	cores := func(kind string, n float64, source sample.Source, group, file string) {
		s.Entries = append(s.Entries, sample.LimitEntry{Kind: kind, Value: n, Unit: "{cpu}", Source: source, Cgroup: group, File: file})
	}
	raw := &p.cpu
	if c.cpu.reader != nil {
		for i := range raw.Levels {
			if n, ok := raw.Levels[i].Cores(); ok {
				source, group, file := c.cpu.reader.Quota(i)
				cores("cpu.quota", n, source, group, file)
			}
		}
		if n, ok := raw.Cpuset.Get(); ok {
			group, file := c.cpu.reader.Cpuset(raw.CpusetLevel)
			cores("cpuset", float64(n), sample.SourceCpuset, group, file)
		}
	}
	if n, ok := c.cpu.readAffinity(); ok {
		cores("affinity", float64(n), sample.SourceAffinity, "", "")
	}
	if n, ok := cpu.System.Logical.Get(); ok {
		cores("cpu", float64(n), c.engine.sizeSource(c.cpu.onlineFile), "", c.cpu.onlineFile.Path())
	}
}

// listProcess adds what setrlimit(2) bounds.
func (c *limitsCollector) listProcess(s *sample.Limits) {
	if !c.engine.cfg.Root.IsHost() {
		return
	}
	for _, r := range []struct {
		kind, unit string
		which      int
	}{
		{"rlimit.as", "By", unix.RLIMIT_AS},
		{"rlimit.data", "By", unix.RLIMIT_DATA},
		{"rlimit.memlock", "By", unix.RLIMIT_MEMLOCK},
		{"rlimit.nofile", "{file_descriptor}", unix.RLIMIT_NOFILE},
		{"rlimit.nproc", "{thread}", unix.RLIMIT_NPROC},
	} {
		var lim unix.Rlimit
		if err := unix.Getrlimit(r.which, &lim); err != nil || lim.Cur == unix.RLIM_INFINITY {
			continue
		}
		s.Entries = append(s.Entries, sample.LimitEntry{Kind: r.kind, Value: float64(lim.Cur), Unit: r.unit, Source: sample.SourceProcess})
	}
}
