package engine

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// pagingCollector reads the machine's page faults. /proc/vmstat costs several
// times what /proc/meminfo does, because the kernel formats every counter that
// it has: whoever does not want the faults does not pay for it.
type pagingCollector struct {
	gate
	engine *linux
	opener kernfs.Opener
	vmstat kernfs.KeyFile
	faults faultCounters
}

func (c *pagingCollector) init(l *linux) {
	c.engine, c.opener = l, l.opener("paging")
	c.vmstat.File = c.opener.File("/proc/vmstat")
	c.free = c.vmstat.Close
}

func (c *pagingCollector) read(p *kernfs.Pass, s *sample.Paging) error {
	*s = sample.Paging{Time: p.Now()}
	var raw procfs.Vmstat
	b, err := c.vmstat.ReadRecords(p) // handed out by the page
	if err == nil {
		err = raw.ParseAs(&c.vmstat.Layout, b)
	}
	if err != nil {
		c.engine.failed("paging", c.vmstat.ParseError(err))
		return p.Context().Err()
	}
	s.Faults = c.faults.add(0, raw.PgFault, raw.PgMajFault)
	return nil
}
