// Package procfs reads the machine's and the process's files under /proc. One
// Go file is one kernel file; a parser is a pure function over bytes, without
// build tag, that fills a struct of the caller's and allocates nothing.
package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Meminfo is /proc/meminfo (proc_meminfo(5)), in bytes. Inside an LXCFS
// container it is that container's, everywhere else the machine's.
type Meminfo struct {
	MemTotal, MemFree   sample.Opt[uint64]
	MemAvailable        sample.Opt[uint64] // since Linux 3.14
	Buffers, Cached     sample.Opt[uint64]
	SReclaimable        sample.Opt[uint64]
	Shmem               sample.Opt[uint64]
	SwapTotal, SwapFree sample.Opt[uint64]
}

// Parse fills m from the text of the file. It fails where not even MemTotal is
// there: then the text is not that of meminfo.
func (m *Meminfo) Parse(b []byte) error {
	*m = Meminfo{}
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, value := kernfs.Field(line)
		var field *sample.Opt[uint64]
		switch string(key) {
		case "MemTotal:":
			field = &m.MemTotal
		case "MemFree:":
			field = &m.MemFree
		case "MemAvailable:":
			field = &m.MemAvailable
		case "Buffers:":
			field = &m.Buffers
		case "Cached:":
			field = &m.Cached
		case "SReclaimable:":
			field = &m.SReclaimable
		case "Shmem:":
			field = &m.Shmem
		case "SwapTotal:":
			field = &m.SwapTotal
		case "SwapFree:":
			field = &m.SwapFree
		default:
			continue
		}
		if kib, _, ok := kernfs.UintField(value); ok && kib <= maxKiB {
			*field = sample.Some(kib << 10) // "kB" is KiB
		}
	}
	if !m.MemTotal.Present() {
		return kernfs.ErrMalformed
	}
	return nil
}

// maxKiB keeps kib<<10 inside an int64.
const maxKiB = 1<<53 - 1
