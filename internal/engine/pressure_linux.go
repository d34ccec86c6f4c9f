package engine

import (
	"github.com/cboxdk/resource-monitor/internal/cgroup"
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

	group      groupID // whose own is
	some, full counter // its totals
}

func newPressureReader(o *kernfs.Opener, resource string) pressureReader {
	return pressureReader{resource: resource, system: o.In("/proc/pressure").File(resource)}
}

// follow moves to the process's cgroup in the v2 hierarchy.
func (r *pressureReader) follow(p *round, o *kernfs.Opener, t *cgroup.Tree) error {
	was := ""
	if r.own.Known() {
		was = r.own.Name()
	}
	r.own.Close()
	r.own = kernfs.File{}
	l, err := t.Unified()
	if err != nil {
		return nil
	}
	// The real root's is the whole machine's.
	g, err := withoutRoot(p, o, l)
	if len(g.Levels) > 0 {
		r.own = o.In(g.Levels[0].Dir).File(r.resource + ".pressure")
		if r.own.Name() != was {
			r.group++
		}
	}
	return err
}

func (r *pressureReader) readOwn(p *kernfs.Pass, s *sample.Pressure, report cgroup.Report) {
	if !r.own.Known() {
		return
	}
	readPressure(p, &r.own, s, report)
	r.some.ofStall(r.group, &s.Some)
	r.full.ofStall(r.group, &s.Full)
}

// ofStall makes the total of a stall go on where the one before was.
func (c *counter) ofStall(group groupID, s *sample.Opt[sample.Stall]) {
	if stall := s.At(); stall != nil {
		stall.Total = c.of(group, sample.SomeUint(stall.Total)).Or(0)
	}
}

func (r *pressureReader) readSystem(p *kernfs.Pass, s *sample.Pressure, report cgroup.Report) {
	readPressure(p, &r.system, s, report)
	if r.resource == "cpu" {
		// The kernel prints a line of zeros: a whole machine never waits for a CPU that all could use.
		s.Full = sample.Opt[sample.Stall]{}
	}
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
