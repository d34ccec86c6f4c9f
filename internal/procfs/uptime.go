package procfs

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Uptime is /proc/uptime (proc_uptime(5)), in nanoseconds of a resolution of
// 10 ms. Time that the machine was suspended counts.
type Uptime struct {
	Up   uint64
	Idle sample.OptUint // summed over the CPUs
}

// Parse fills u.
func (u *Uptime) Parse(b []byte) error {
	*u = Uptime{}
	up, rest := kernfs.Field(b)
	n, ok := parseSeconds(up)
	if !ok {
		return kernfs.ErrMalformed
	}
	u.Up = n
	idle, _ := kernfs.Field(rest)
	if n, ok = parseSeconds(idle); ok {
		u.Idle = sample.SomeUint(n)
	}
	return nil
}

// parseSeconds reads "12345.67" as nanoseconds.
func parseSeconds(b []byte) (uint64, bool) {
	whole, decimals, _ := bytes.Cut(b, []byte("."))
	n, ok := kernfs.Uint(whole)
	if !ok || n >= math.MaxInt64/1_000_000_000 || len(decimals) > 9 {
		return 0, false
	}
	n *= 1_000_000_000
	if len(decimals) > 0 {
		d, ok := kernfs.Uint(decimals)
		if !ok {
			return 0, false
		}
		for range 9 - len(decimals) {
			d *= 10
		}
		n += d
	}
	return n, true
}
