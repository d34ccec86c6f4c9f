package procfs

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// nanosPerTick is USER_HZ, 1/100 s on every platform that this module supports.
const nanosPerTick = 10_000_000

// Stat is the CPU part of /proc/stat (proc_stat(5)), in nanoseconds.
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
// which even Linux 2.4 prints, and for zeros alone.
func parseTimes(b []byte, t *sample.CPUTimes) bool {
	*t = sample.CPUTimes{}
	var v [8]uint64
	read, _ := kernfs.UintFields(b, v[:])
	sum := uint64(0)
	for i, n := range v[:read] {
		if n > math.MaxInt64/nanosPerTick {
			read = i
			break
		}
		v[i] = n * nanosPerTick
		sum += n
	}
	if read < 4 || sum == 0 {
		return false
	}
	t.User, t.Nice, t.System, t.Idle = sample.SomeUint(v[0]), sample.SomeUint(v[1]), sample.SomeUint(v[2]), sample.SomeUint(v[3])
	for i, to := range [...]*sample.OptUint{&t.IOWait, &t.IRQ, &t.SoftIRQ, &t.Steal} {
		if read > 4+i {
			*to = sample.SomeUint(v[4+i])
		}
	}
	return true
}
