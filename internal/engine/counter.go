package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// counter turns a kernel counter into one that never goes backwards and never
// spikes: it starts with the kernel's value and adds deltas. Where the kernel
// counts anew, what was counted stays and the next delta starts from the new value.
type counter struct {
	last, total uint64
	primed      bool
	rebased     bool // by the newest add: the interval before it says nothing
}

func (c *counter) add(raw sample.OptUint) sample.OptUint { return c.follow(raw, false) }

// follow adds what another counter than before has, or the same one.
func (c *counter) follow(raw sample.OptUint, another bool) sample.OptUint {
	n, ok := raw.Get()
	c.rebased = false
	switch {
	case !ok && !c.primed:
		return sample.OptUint{}
	case !ok:
		// Not read this time: what was counted is still true.
		return sample.SomeUint(c.total)
	case !c.primed:
		c.total, c.primed = n, true
	case another || n < c.last:
		c.rebased = true
	default:
		c.total += n - c.last
	}
	c.last = n
	return sample.SomeUint(c.total)
}

// groupCounter is a counter of a cgroup, which may be another one at the next reading.
type groupCounter struct {
	counter
	group string
}

func (c *groupCounter) add(group string, raw sample.OptUint) sample.OptUint {
	another := group != c.group
	if raw.Present() {
		c.group = group
	}
	return c.follow(raw, another)
}

// window is the newest span of at least its minimum over which a usage is
// known. Whoever reads and however often, there is one baseline: a reading
// within the span changes nothing.
type window struct {
	at    time.Time
	base  uint64
	cores sample.Opt[float64]
}

// observe takes a cumulative number of nanoseconds at a monotonic time.
func (w *window) observe(now time.Time, total sample.OptUint, rebased bool, least time.Duration) sample.Opt[float64] {
	n, ok := total.Get()
	if !ok {
		// Not read this time. The window goes on, and the next reading
		// divides by all the time since it began.
		return sample.Opt[float64]{}
	}
	if w.at.IsZero() || rebased || n < w.base {
		w.at, w.base, w.cores = now, n, sample.Opt[float64]{}
		return w.cores
	}
	if elapsed := now.Sub(w.at); elapsed >= least && elapsed > 0 {
		w.cores = sample.Some(float64(n-w.base) / float64(elapsed))
		w.at, w.base = now, n
	}
	return w.cores
}
