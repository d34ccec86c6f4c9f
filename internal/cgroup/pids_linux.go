package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Pids is what the pids controller says. What it counts are tasks: every
// thread is one (Documentation/admin-guide/cgroup-v2.rst).
type Pids struct {
	Current sample.OptUint // pids.current of the own cgroup
	// Levels lead from the own cgroup to the visible root.
	Levels []PidsLevel
}

// PidsLevel is one cgroup's limit.
type PidsLevel struct {
	Level
	Limit     sample.OptUint // absent: none at this level
	LimitFile string
}

// Binding returns the level with the smallest limit, or -1 where none is set.
// Of equal ones the innermost binds.
func (p *Pids) Binding() (level int, limit uint64) {
	level = -1
	for i := range p.Levels {
		if n, ok := p.Levels[i].Limit.Get(); ok && (level < 0 || n < limit) {
			level, limit = i, n
		}
	}
	return level, limit
}

// PidsReader keeps the files of the pids controller, which have the same names on v1 and v2.
type PidsReader struct {
	version Version
	current *kernfs.File
	levels  []pidsFiles
}

type pidsFiles struct {
	Level
	max *kernfs.File
}

// NewPidsReader returns a reader over the levels of g, of which there must be at least one.
func NewPidsReader(o *kernfs.Opener, g Group) *PidsReader {
	r := &PidsReader{version: g.Version, current: o.In(g.Levels[0].Dir, "pids.current")}
	for _, l := range g.Levels {
		r.levels = append(r.levels, pidsFiles{l, o.In(l.Dir, "pids.max")})
	}
	return r
}

// Read fills s.
func (r *PidsReader) Read(p *kernfs.Pass, s *Pids, report Report) {
	s.Current, s.Levels = number(p, r.current, report), s.Levels[:0]
	for i := range r.levels {
		f := &r.levels[i]
		l := PidsLevel{Level: f.Level}
		b, err := f.max.Read(p)
		if err == nil {
			l.Limit, err = ParsePidsMax(b)
		}
		if err != nil {
			report(f.max.ParseError(err))
		}
		if l.Limit.Present() {
			l.LimitFile = f.max.Path()
		}
		s.Levels = append(s.Levels, l)
	}
}

// Source names the reader's limits.
func (r *PidsReader) Source() sample.Source { return r.version.Source() }

// Close gives all descriptors back.
func (r *PidsReader) Close() {
	r.current.Close()
	for i := range r.levels {
		r.levels[i].max.Close()
	}
}
