package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// modeCounters are the counters of a CPU, or of all together, by mode.
type modeCounters struct {
	modes [8]counter.Bounded
	pace  counter.Pace
}

// idleBack is how far idle and iowait can step back: the kernel computes them
// anew for a CPU that sleeps, and moves iowait between CPUs.
const idleBack = 3 * time.Second

// add takes the times of all modes of so many CPUs.
func (m *modeCounters) add(t *sample.CPUTimes, now time.Time, cpus int) sample.CPUTimes {
	most := m.pace.Next(now, cpus, time.Microsecond)
	work := counter.Bounds{Most: most}
	idle := counter.Bounds{Most: most, Back: uint64(idleBack / time.Microsecond)}
	c := &m.modes
	return sample.CPUTimes{
		User: c[0].Add(0, t.User, work), Nice: c[1].Add(0, t.Nice, work),
		System: c[2].Add(0, t.System, work), Idle: c[3].Add(0, t.Idle, idle),
		IOWait: c[4].Add(0, t.IOWait, idle), IRQ: c[5].Add(0, t.IRQ, work),
		SoftIRQ: c[6].Add(0, t.SoftIRQ, work), Steal: c[7].Add(0, t.Steal, work),
	}
}

// breaks changes if the times say nothing about the time since the reading
// before. A mode that is read for the first time adds all of its time to the sum.
func (m *modeCounters) breaks() (n uint32) {
	for i := range m.modes {
		n += uint32(m.modes[i].Breaks())
		if m.modes[i].Total().Present() {
			n++
		}
	}
	return n
}
