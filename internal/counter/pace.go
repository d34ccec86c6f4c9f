package counter

import (
	"math"
	"time"
)

// Pace bounds the growth of a counter of CPU time: no CPU works for longer than
// the time that passes. The zero Pace has seen no reading.
type Pace struct {
	last time.Time
	cpus int
}

// Next returns by how much the time of so many CPUs can have grown since Next was
// called before, counted in the given unit. It leaves room for what the kernel
// accounts late: for each CPU a second, or a tenth of the time that passed. CPUs
// that went offline meanwhile count as well. The first call, and one without a
// number of CPUs, sets no bound.
func (p *Pace) Next(now time.Time, cpus int, unit time.Duration) uint64 {
	elapsed, first, most := now.Sub(p.last), p.last.IsZero(), uint64(max(p.cpus, cpus))
	p.last, p.cpus = now, cpus
	if first || cpus <= 0 {
		return math.MaxUint64
	}
	elapsed = max(0, elapsed)
	each := uint64(elapsed+max(time.Second, elapsed/10)) / uint64(unit)
	if each > math.MaxUint64/most {
		return math.MaxUint64
	}
	return each * most
}
