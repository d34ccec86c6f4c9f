package engine

import (
	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// listPids adds the limits of tasks, the own cgroup's before its ancestors'.
func (c *limitsCollector) listPids(p *round, s *sample.Limits) {
	r := c.cpu.tasks.reader
	if r == nil {
		return
	}
	r.Read(&p.Pass, &p.pids, c.cpu.report)
	for i := range p.pids.Limits {
		if n, ok := p.pids.Limits[i].Get(); ok {
			s.Entries = append(s.Entries, sample.LimitEntry{Kind: "pids", Value: float64(n), Unit: "{thread}", Source: r.Source(), Cgroup: r.Name(i), File: r.LimitPath(i)})
		}
	}
}

// listHigh adds memory.high of the ancestors: above it everything below them is throttled.
func (c *limitsCollector) listHigh(p *round, s *sample.Limits) {
	r := c.memory.reader
	if r == nil || r.Source() != sample.SourceCgroupV2 {
		return
	}
	for _, level := range r.Levels {
		c.listFile(p, s, "memory.high", "memory.high", r.Source(), level, cgroup.ParseLimit)
	}
}

// listHugetlb adds the limits of huge pages, for each size that the own cgroup has files of.
func (c *limitsCollector) listHugetlb(p *round, s *sample.Limits) {
	l := c.engine
	tree, _ := l.place.current(&p.Pass)
	g, err := findGroup(p, &c.memory.opener, tree, "hugetlb")
	if err != nil || len(g.Levels) == 0 {
		return
	}
	// Child cgroups are folders of the same listing, of which there may be many.
	dir := g.Levels[0].Dir
	names, err := guarded(p.Context(), &c.memory.opener, dir, func(root hostfs.Root) ([]string, error) { return root.ReadDir(dir, 4096) })
	if err != nil {
		c.memory.report(err)
		return
	}
	for _, name := range names {
		size, ok := cgroup.HugetlbPageSize(name)
		if !ok {
			continue
		}
		parse := func(b []byte) (sample.OptUint, error) { return cgroup.ParseHugetlbLimit(b, size) }
		for _, level := range g.Levels {
			c.listFile(p, s, name, cgroup.HugetlbKind(name), g.Version.Source(), level, parse)
		}
	}
}

// listFile adds what one file limits, in bytes.
func (c *limitsCollector) listFile(p *round, s *sample.Limits, name, kind string, source sample.Source, level cgroup.Level,
	parse func([]byte) (sample.OptUint, error),
) {
	f := c.memory.opener.In(level.Dir).File(name)
	defer f.Close()
	var limit sample.OptUint
	b, err := f.Read(&p.Pass)
	if err == nil {
		limit, err = parse(b)
	}
	if err != nil {
		c.memory.report(f.ParseError(err))
		return
	}
	if n, ok := limit.Get(); ok {
		s.Entries = append(s.Entries, sample.LimitEntry{Kind: kind, Value: float64(n), Unit: "By", Source: source, Cgroup: level.Path, File: f.Path()})
	}
}
