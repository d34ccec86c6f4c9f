// Package procfs reads the machine's and the process's files under /proc. One
// Go file is one kernel file; a parser is a pure function over bytes, without
// build tag, that fills a struct of the caller's and allocates nothing.
package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Meminfo is what is taken from /proc/meminfo (proc_meminfo(5)), in bytes. Inside an LXCFS
// container it is that container's, everywhere else the machine's.
type Meminfo struct {
	MemTotal, MemFree   sample.OptUint
	MemAvailable        sample.OptUint // since Linux 3.14
	Buffers             sample.OptUint
	SwapTotal, SwapFree sample.OptUint
}

var meminfoKeys = []kernfs.Key{
	{Name: "MemTotal", Value: 0}, {Name: "MemFree", Value: 1}, {Name: "MemAvailable", Value: 2},
	{Name: "Buffers", Value: 3}, {Name: "SwapTotal", Value: 4}, {Name: "SwapFree", Value: 5},
}

// Parse fills m from the text of the file. It fails without a MemTotal above 0: then the
// text is not that of meminfo, or LXCFS made it up of numbers that it could not read.
func (m *Meminfo) Parse(b []byte) error { return m.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (m *Meminfo) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [6]sample.OptUint
	l.Parse(b, meminfoKeys, v[:])
	m.MemTotal, m.MemFree, m.MemAvailable = kib(v[0]), kib(v[1]), kib(v[2])
	m.Buffers, m.SwapTotal, m.SwapFree = kib(v[3]), kib(v[4]), kib(v[5])
	if m.MemTotal.Or(0) == 0 {
		*m = Meminfo{}
		return kernfs.ErrMalformed
	}
	return nil
}

// kib returns bytes; "kB" is KiB.
func kib(n sample.OptUint) sample.OptUint {
	v, ok := n.Get()
	if !ok || v > maxKiB {
		return sample.OptUint{}
	}
	return sample.SomeUint(v << 10)
}

// maxKiB keeps v<<10 inside an int64.
const maxKiB = 1<<53 - 1
