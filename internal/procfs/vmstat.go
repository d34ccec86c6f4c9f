package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Vmstat is the paging part of /proc/vmstat (proc_vmstat(5)), in counts of the
// whole machine. The kernel hands the file out a page at a time: read it with ReadRecords.
type Vmstat struct {
	PgFault    sample.OptUint // minor and major
	PgMajFault sample.OptUint
}

var vmstatKeys = []kernfs.Key{{Name: "pgfault", Value: 0}, {Name: "pgmajfault", Value: 1}}

// Parse fills v. It fails where neither is there.
func (v *Vmstat) Parse(b []byte) error { return v.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (v *Vmstat) ParseAs(l *kernfs.Layout, b []byte) error {
	var values [2]sample.OptUint
	l.Parse(b, vmstatKeys, values[:])
	v.PgFault, v.PgMajFault = values[0], values[1]
	if !v.PgFault.Present() && !v.PgMajFault.Present() {
		return kernfs.ErrMalformed
	}
	return nil
}
