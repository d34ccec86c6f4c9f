package engine

import (
	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// pressureReader reads the PSI of one resource: the own cgroup's, which the v2
// hierarchy has also where the controllers are bound to v1, and the machine's.
type pressureReader struct {
	resource string // memory, cpu, io
	own      kernfs.File
	system   kernfs.File

	last        string         // folder of the newest own
	group       counter.Source // whose own is
	counts      stallCounters
	systemCount stallCounters
}

func newPressureReader(o *kernfs.Opener, resource string) pressureReader {
	return pressureReader{resource: resource, system: o.In("/proc/pressure").File(resource)}
}

// follow moves to the process's cgroup in the v2 hierarchy.
func (r *pressureReader) follow(p *round, o *kernfs.Opener, t *cgroup.Tree) error {
	r.own.Close()
	r.own = kernfs.File{}
	l, err := t.Unified()
	if err != nil {
		return nil // the cgroup may still be the last one
	}
	// The real root's is the whole machine's.
	g, err := withoutRoot(p, o, l)
	if len(g.Levels) > 0 {
		r.own = o.In(g.Levels[0].Dir).File(r.resource + ".pressure")
		if g.Levels[0].Dir != r.last {
			r.group++
		}
		r.last = g.Levels[0].Dir
	} else if err == nil {
		r.last = ""
	}
	return err
}

func (r *pressureReader) readOwn(p *kernfs.Pass, s *sample.Pressure, report cgroup.Report) {
	if !r.own.Known() {
		return
	}
	readPressure(p, &r.own, s, report)
	r.counts.add(r.group, s)
}

func (r *pressureReader) readSystem(p *kernfs.Pass, s *sample.Pressure, report cgroup.Report) {
	readPressure(p, &r.system, s, report)
	if r.resource == "cpu" {
		// The kernel prints a line of zeros: a whole machine never waits for a CPU that all could use.
		s.Full = sample.Opt[sample.Stall]{}
	}
	r.systemCount.add(0, s)
}

// readPressure fills s, which is empty.
func readPressure(p *kernfs.Pass, f *kernfs.File, s *sample.Pressure, report cgroup.Report) {
	b, err := f.Read(p)
	if err == nil {
		err = (*procfs.Pressure)(s).Parse(b)
	}
	if err != nil {
		report(f.ParseError(err))
	}
}

func (r *pressureReader) close() {
	r.system.Close()
	r.own.Close()
}

// stallCounters count the stalled time of one PSI file.
type stallCounters struct{ some, full counter.Counter }

// add replaces the totals of p by what was counted.
func (c *stallCounters) add(source counter.Source, p *sample.Pressure) {
	for _, line := range []struct {
		counter *counter.Counter
		stall   *sample.Stall
	}{{&c.some, p.Some.At()}, {&c.full, p.Full.At()}} {
		if line.stall != nil {
			line.stall.Total = line.counter.Add(source, sample.SomeUint(line.stall.Total)).Or(0)
		}
	}
}
