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
	group       groupID // whose it is
	primed      bool
	rebased     bool // by the newest reading: the interval before it says nothing
}

// groupID tells a cgroup from the others that a collector reads, at once or one
// after the other.
type groupID uint32

// add takes the kernel's counter of what is never another one.
func (c *counter) add(raw sample.OptUint) sample.OptUint { return c.of(0, raw) }

// of takes the kernel's counter of a cgroup, which may be another one than before.
func (c *counter) of(group groupID, raw sample.OptUint) sample.OptUint {
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
	case group != c.group || n < c.last:
		c.rebased = true
	default:
		c.total += n - c.last
	}
	c.last, c.group = n, group
	return sample.SomeUint(c.total)
}

// faultCounters count page faults.
type faultCounters struct {
	all, major counter
	minor      uint64 // handed out last
}

// of takes the kernel's counters, of which the one of all counts the major faults too. A fault
// is not counted in both at the same moment: minor waits where it would go back.
func (f *faultCounters) of(group groupID, all, major sample.OptUint) (s sample.Faults) {
	s.Major = f.major.of(group, major)
	n, ok := f.all.of(group, all).Get()
	if major, ok2 := s.Major.Get(); ok && ok2 {
		f.minor = max(f.minor, n-min(n, major))
		s.Minor = sample.SomeUint(f.minor)
	}
	return s
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
