package counter

import (
	"math"
	"math/bits"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Split divides a total into two parts in the ratio in which two coarser
// counters grow. The parts sum to the total, and neither goes back. cgroup v1
// counts user and system time in ticks, and reads them a moment after the usage.
type Split struct {
	first, second Counter
	total         uint64
	part          uint64 // of total, by first
	divided       bool
}

// Add takes the total and the two counters and returns the parts; they are
// absent until all three have been read.
func (s *Split) Add(source Source, total, first, second sample.OptUint) (a, b sample.OptUint) {
	lastFirst, lastSecond := s.first.total, s.second.total
	x, ok := s.first.Add(source, first).Get()
	y, ok2 := s.second.Add(source, second).Get()
	n, ok3 := total.Get()
	if !ok || !ok2 || !ok3 {
		return a, b
	}
	dx, dy := x-lastFirst, y-lastSecond
	if !s.divided || dx == 0 && dy == 0 {
		// The first time, and if less than a tick has passed: divide in the ratio of the totals.
		s.divided, dx, dy = true, x, y
	}
	if dx > math.MaxInt64 || dy > math.MaxInt64 { // else their sum could overflow
		dx, dy = dx/2, dy/2
	}
	if n > s.total && dx+dy > 0 {
		// In 128 bits: with rounded numbers a part could go back by a nanosecond.
		hi, lo := bits.Mul64(n-s.total, dx)
		part, _ := bits.Div64(hi, lo, dx+dy)
		s.part += part
	}
	s.total = max(s.total, n)
	return sample.SomeUint(s.part), sample.SomeUint(s.total - s.part)
}
