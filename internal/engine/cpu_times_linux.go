package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// timeCounter counts the CPU time of a cgroup, or of one CPU in it, in nanoseconds.
type timeCounter struct {
	counter.Bounded
	pace counter.Pace
}

// add takes a reading of what can have used so many CPUs; 0: not known.
func (c *timeCounter) add(source counter.Source, raw sample.OptUint, now time.Time, cpus int) sample.OptUint {
	return c.Add(source, raw, counter.Bounds{Most: c.pace.Next(now, cpus, time.Nanosecond)})
}
