package procfs

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// SelfStat is what the process scope takes from /proc/self/stat
// (proc_pid_stat(5)); it is the whole process's, not the main thread's. Times
// are nanoseconds of the resolution of a tick.
type SelfStat struct {
	MinFlt, MajFlt uint64 // page faults
	User, System   uint64 // CPU time
	NumThreads     uint64
	StartTime      uint64 // since boot, suspended time included
}

// Parse fills s.
func (s *SelfStat) Parse(b []byte) error {
	*s = SelfStat{}
	// The command name may hold blanks and parentheses; nothing behind it does.
	end := bytes.LastIndexByte(b, ')')
	if end < 0 {
		return kernfs.ErrMalformed
	}
	b = b[end+1:]
	var parsed SelfStat
	for column := 3; column <= 22; column++ {
		var value []byte
		value, b = kernfs.Field(b)
		var field *uint64
		unit := uint64(1)
		switch column {
		case 10:
			field = &parsed.MinFlt
		case 12:
			field = &parsed.MajFlt
		case 14:
			field, unit = &parsed.User, nanosPerTick
		case 15:
			field, unit = &parsed.System, nanosPerTick
		case 20:
			field = &parsed.NumThreads
		case 22:
			field, unit = &parsed.StartTime, nanosPerTick
		default:
			continue
		}
		n, ok := kernfs.Uint(value)
		if !ok || n > math.MaxInt64/unit {
			return kernfs.ErrMalformed
		}
		*field = n * unit
	}
	*s = parsed
	return nil
}
