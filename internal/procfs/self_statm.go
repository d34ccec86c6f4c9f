package procfs

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// SelfStatm is /proc/self/statm (proc_pid_statm(5)), in bytes. It costs the
// same whatever the process holds, unlike smaps_rollup.
type SelfStatm struct {
	Size     uint64 // virtual memory
	Resident uint64
	Shared   uint64 // resident pages of files and shared memory
}

// Parse fills m from counts of pages, which have pageSize bytes.
func (m *SelfStatm) Parse(b []byte, pageSize uint64) error {
	*m = SelfStatm{}
	var pages [3]uint64
	for i := range pages {
		var ok bool
		if pages[i], b, ok = kernfs.UintField(b); !ok || pages[i] > math.MaxInt64/max(pageSize, 1) {
			return kernfs.ErrMalformed
		}
	}
	m.Size, m.Resident, m.Shared = pages[0]*pageSize, pages[1]*pageSize, pages[2]*pageSize
	return nil
}
