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
	var early [4]uint64
	var faults [9]uint64
	var threads [3]uint64
	_, b = kernfs.Field(b[end+1:])               // 3, the state
	_, b = kernfs.UintFields(b, early[:])        // 4-7
	_, b = kernfs.Field(b)                       // 8: -1 without a terminal
	read, b := kernfs.UintFields(b, faults[:])   // 9-17
	_, b = kernfs.Field(b)                       // 18 and 19 are negative
	_, b = kernfs.Field(b)                       // under a high priority
	read2, _ := kernfs.UintFields(b, threads[:]) // 20-22
	if read < len(faults) || read2 < len(threads) {
		return kernfs.ErrMalformed
	}
	user, system, start := faults[5], faults[6], threads[2]
	if max(user, system, start) > math.MaxInt64/nanosPerTick {
		return kernfs.ErrMalformed
	}
	*s = SelfStat{
		MinFlt: faults[1], MajFlt: faults[3], User: user * nanosPerTick, System: system * nanosPerTick,
		NumThreads: threads[0], StartTime: start * nanosPerTick,
	}
	return nil
}

// nanosPerTick is USER_HZ in nanoseconds.
const nanosPerTick = microsPerTick * 1000
