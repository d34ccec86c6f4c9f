package engine

import (
	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// taskReader reads the pids controller, which is bound to v1 or v2 on its own.
type taskReader struct {
	reader *cgroup.PidsReader // nil where nothing shows the own cgroup
}

// follow moves to where the process is now. That a controller which only counts
// tasks is not visible is no reason for the others to have no numbers.
func (r *taskReader) follow(p *round, c *collector, t *cgroup.Tree) {
	r.close()
	r.reader = nil
	if g, err := findGroup(p, &c.opener, t, "pids"); err == nil && len(g.Levels) > 0 {
		r.reader = cgroup.NewPidsReader(&c.opener, g)
	}
}

func (r *taskReader) read(p *round, report cgroup.Report) (t sample.Tasks) {
	if r.reader == nil {
		return t
	}
	r.reader.Read(&p.Pass, &p.pids, report)
	t.Count = p.pids.Current
	if level, limit := p.pids.Binding(); level >= 0 {
		t.Limit = sample.SomeUint(limit)
	}
	return t
}

func (r *taskReader) close() {
	if r.reader != nil {
		r.reader.Close()
	}
}
