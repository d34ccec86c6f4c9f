package counter

import "time"

// MinWindow is the shortest window: below it the resolution of the kernel's
// counters shows.
const MinWindow = 100 * time.Millisecond

// Ratio is one reading of two totals. Over a window it is the growth of Num divided
// by the growth of Den.
type Ratio struct {
	Num, Den uint64
	PerTime  bool    // Den is the time in nanoseconds; the field is not used
	Scale    float64 // multiplies the result; 0 means 1
	Which    int     // of several ratios; each has a window of its own
	Breaks   uint32  // as Counter.Breaks; a window across a change has no value
}

// Window is the newest span of time over which a ratio is known. Each consumer has
// its own. The zero Window begins with its first reading.
type Window struct {
	at       time.Duration
	num, den uint64
	breaks   uint32
	begun    bool
	known    bool
	value    float64
}

// Observe takes a reading made at a time on the consumer's clock, and returns the
// value of the newest window; false if there is none. A window ends with the first
// reading after it has lasted for least, or MinWindow if that is longer.
func (w *Window) Observe(at time.Duration, r Ratio, least time.Duration) (float64, bool) {
	den := r.Den
	if r.PerTime {
		den = uint64(at)
	}
	switch {
	case !w.begun || r.Breaks != w.breaks:
		w.known = false
	case at-w.at < max(least, MinWindow):
		return w.value, w.known
	case r.Num < w.num || den < w.den:
		w.known = false
	default:
		// Nothing to divide by: no time was counted, or nothing passed.
		if w.known = den > w.den; w.known {
			w.value = float64(r.Num-w.num) / float64(den-w.den)
			if r.Scale != 0 {
				w.value *= r.Scale
			}
		}
	}
	w.at, w.num, w.den, w.breaks, w.begun = at, r.Num, den, r.Breaks, true
	return w.value, w.known
}
