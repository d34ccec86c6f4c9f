package procfs

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// microsPerTick is USER_HZ, 1/100 s on every platform that this module supports.
const microsPerTick = 10_000

// Stat is the CPU part of /proc/stat (proc_stat(5)), in microseconds.
type Stat struct {
	Total sample.CPUTimes // the "cpu" line
	CPUs  []StatCPU       // the "cpuN" lines; a CPU that is offline has none
}

// StatCPU is one "cpuN" line.
type StatCPU struct {
	Number int
	Times  sample.CPUTimes
}

// Parse fills s; the slice is reused. Without perCPU it stops after the first line.
//
// Guest time is part of user and nice already and is not counted again. A line
// of zeros, as old gVisor prints, says that nothing is measured.
func (s *Stat) Parse(b []byte, perCPU bool) error {
	*s = Stat{CPUs: s.CPUs[:0]}
	line, rest := kernfs.Line(b)
	key, values := kernfs.Field(line)
	if string(key) != "cpu" || !parseTimes(values, &s.Total) {
		return kernfs.ErrMalformed
	}
	for perCPU && len(rest) > 0 {
		line, rest = kernfs.Line(rest)
		key, values = kernfs.Field(line)
		digits, ok := bytes.CutPrefix(key, []byte("cpu"))
		if !ok {
			break // the CPU lines come first
		}
		n, ok := kernfs.Uint(digits)
		if !ok || n >= kernfs.MaxCPUs {
			continue
		}
		c := StatCPU{Number: int(n)}
		if parseTimes(values, &c.Times) {
			s.CPUs = append(s.CPUs, c)
		}
	}
	return nil
}

// parseTimes reads the columns of a line. It is false for fewer than four,
// which even Linux 2.4 prints, and if all of them are zero. A column too large
// to be a time is absent and takes no other down.
func parseTimes(b []byte, t *sample.CPUTimes) bool {
	*t = sample.CPUTimes{}
	var v [8]uint64
	read, _ := kernfs.UintFields(b, v[:])
	if read < 4 || v == [8]uint64{} {
		return false
	}
	for i, to := range [...]*sample.OptUint{&t.User, &t.Nice, &t.System, &t.Idle, &t.IOWait, &t.IRQ, &t.SoftIRQ, &t.Steal} {
		if i < read && v[i] <= mostTicks {
			*to = sample.SomeUint(v[i] * microsPerTick)
		}
	}
	return true
}

// mostTicks leaves room to add the modes up. It is 73,000 years.
const mostTicks = math.MaxUint64 / microsPerTick / 8
