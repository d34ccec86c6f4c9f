// Package counter turns readings of kernel counters into totals that never go
// back and never spike, and totals into usage over a window of time.
package counter

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Source identifies what a counter is read from, such as a cgroup or a device.
// Readings can be compared only if they have the same source.
type Source uint32

// Counter follows one kernel counter. Its total starts at the first value read,
// grows with the counter, never goes back and never jumps.
//
// If the source is replaced, the total continues from the first value of the new
// source.
//
// A value smaller than the one before is held: the total stays, and the next value
// decides. If that is at least the old value, the held value was an error of the
// kernel. If it is larger than the held value, the source restarted, and counting
// continues from the held value. If it equals the held value, nothing is decided yet.
//
// The zero Counter has read nothing.
type Counter struct {
	total   uint64
	last    uint64 // the newest accepted value
	held    uint64 // if holding
	source  Source
	breaks  uint16
	known   bool
	holding bool
}

// Add takes a reading and returns the total. A reading without a value returns the
// last total again, and so does a value that does not fit into an int64: no counter
// reaches it. The total is absent until a value has been read.
func (c *Counter) Add(source Source, raw sample.OptUint) sample.OptUint {
	if n, ok := raw.Get(); ok && n <= math.MaxInt64 {
		c.read(source, n, unbounded, math.MaxUint64)
	}
	return c.Total()
}

// Grow takes a value and returns by how much the total grew. The first value grows it by 0.
func (c *Counter) Grow(source Source, n uint64) uint64 {
	before, known := c.total, c.known
	c.Add(source, sample.SomeUint(n))
	if !known {
		return 0
	}
	return c.total - before
}

// Begin sets the total, and the value from which the source is counted on.
func (c *Counter) Begin(source Source, total, raw uint64) {
	*c = Counter{total: total, last: raw, source: source, breaks: c.breaks + 1, known: true}
}

// Total returns what was counted; absent if no value was read yet.
func (c *Counter) Total() sample.OptUint {
	if !c.known {
		return sample.OptUint{}
	}
	return sample.SomeUint(c.total)
}

// Breaks returns a number that changes with every reading that says nothing about
// the time since the one before: the source was replaced, or the value was held.
func (c *Counter) Breaks() uint16 { return c.breaks }

// read takes a value. The counter can have grown by room since last, and by b.Most
// since the reading before. It reports whether the value was accepted.
func (c *Counter) read(source Source, n uint64, b Bounds, room uint64) bool {
	switch {
	case !c.known:
		c.total, c.known = n, true
	case source != c.source:
		c.breaks++
	case n >= c.last && n-c.last <= room:
		c.total = add(c.total, n-c.last)
		if c.holding {
			c.breaks++ // it grew over the interval of the held value as well
		}
	case n < c.last && c.last-n <= max(b.Back, c.last/stepBack):
		// The kernel adds some counters up from parts that it reads one after
		// another, so that a value can step back a little. Keep the larger one.
		c.holding = false
		return false
	case c.holding && n > c.held && n-c.held <= b.Most:
		c.total = add(c.total, n-c.held)
	default:
		if !c.holding || n != c.held {
			c.breaks++
		}
		c.held, c.holding = n, true
		return false
	}
	c.source, c.last, c.holding = source, n, false
	return true
}

// A source that restarts is assumed to be more than 1/stepBack below its last value.
const stepBack = 256

// Bounds say how far a value can be from the one before.
type Bounds struct {
	Most uint64 // that it can have grown
	Back uint64 // that it can have stepped back without a restart
}

var unbounded = Bounds{Most: math.MaxUint64}

// Bounded is a Counter with a known maximum growth between two readings. A value
// beyond it is held like one that is smaller.
type Bounded struct {
	Counter
	room uint64 // that it can have grown since last
}

// Add is Counter.Add with bounds.
func (c *Bounded) Add(source Source, raw sample.OptUint, b Bounds) sample.OptUint {
	n, ok := raw.Get()
	if ok && c.holding && n == c.held && source == c.source {
		return c.Total() // a value does not become possible by standing still
	}
	c.room = add(c.room, b.Most)
	if ok && c.read(source, n, b, c.room) {
		c.room = 0
	}
	return c.Total()
}

// add returns the sum, at most the largest number.
func add(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}
