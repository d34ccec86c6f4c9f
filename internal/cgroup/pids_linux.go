package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Pids is what the pids controller says. What it counts are tasks: every
// thread is one (Documentation/admin-guide/cgroup-v2.rst).
type Pids struct {
	Current sample.OptUint // pids.current of the own cgroup
	// Limits lead from the own cgroup to the visible root; absent: none at this level.
	Limits []sample.OptUint
}

// Binding returns the level with the smallest limit, or -1 where none is set.
// Of equal ones the innermost binds.
func (p *Pids) Binding() (level int, limit uint64) {
	level = -1
	for i := range p.Limits {
		if n, ok := p.Limits[i].Get(); ok && (level < 0 || n < limit) {
			level, limit = i, n
		}
	}
	return level, limit
}

// PidsReader keeps the files of the pids controller, which have the same names on v1 and v2.
type PidsReader struct {
	Group
	current kernfs.File
	max     []kernfs.File // by level
}

// NewPidsReader returns a reader over the levels of g, of which there must be at least one.
func NewPidsReader(o *kernfs.Opener, g Group) *PidsReader {
	r := &PidsReader{Group: g, max: make([]kernfs.File, len(g.Levels))}
	for i := range r.max {
		folder := o.In(g.Levels[i].Dir)
		r.max[i] = folder.File("pids.max")
		if i == 0 {
			r.current = folder.File("pids.current")
		}
	}
	return r
}

// Read fills s.
func (r *PidsReader) Read(p *kernfs.Pass, s *Pids, report Report) {
	s.Current, s.Limits = number(p, &r.current, report), s.Limits[:0]
	for i := range r.max {
		var limit sample.OptUint
		b, err := r.max[i].Read(p)
		if err == nil {
			limit, err = ParsePidsMax(b)
		}
		if err != nil {
			report(r.max[i].ParseError(err))
		}
		s.Limits = append(s.Limits, limit)
	}
}

// LimitPath returns where the limit of a level is from.
func (r *PidsReader) LimitPath(level int) string { return r.max[level].Path() }

// Close gives all descriptors back.
func (r *PidsReader) Close() {
	r.current.Close()
	for i := range r.max {
		r.max[i].Close()
	}
}
