package darwin

import (
	"encoding/binary"
	"math"
	"time"
)

// Tick is the unit of processor_cpu_load_info: xnu converts its own clocks to
// 100 Hz, whatever the hardware.
const Tick = 10 * time.Millisecond

// Offsets in processor_cpu_load_info (mach/processor_info.h).
const (
	sizeCPULoad   = 16
	offCPUUser    = 0
	offCPUSystem  = 4
	offCPUIdle    = 8
	offCPUNice    = 12
	maxProcessors = 4096 // far above any Mac: more is garbage
)

// Ticks is the time of one CPU by mode, in Ticks since boot. System holds the
// interrupts. Nice has been 0 since macOS gave up the mode.
type Ticks struct {
	User, System, Idle, Nice uint64
}

// rawTicks is one processor_cpu_load_info: each number wraps after 497 days.
type rawTicks struct {
	user, system, idle, nice uint32
}

func decodeTicks(b []byte) rawTicks {
	le := binary.LittleEndian
	return rawTicks{
		user:   le.Uint32(b[offCPUUser:]),
		system: le.Uint32(b[offCPUSystem:]),
		idle:   le.Uint32(b[offCPUIdle:]),
		nice:   le.Uint32(b[offCPUNice:]),
	}
}

// TickAccumulator widens the 32-bit ticks of every CPU to 64 bits. A wrap
// between two readings costs nothing, and a step back is not taken for one.
type TickAccumulator struct {
	previous []rawTicks // that the totals hold
	totals   []Ticks    // of every CPU ever seen
	rebases  uint64
}

// Add takes the next array of processor_cpu_load_info.
//
// Where the number of CPUs changed, an index may mean another CPU than before:
// nothing is added for that interval. A CPU that is known keeps its total and
// goes on from it, and one that appears counts from zero, so that no total ever
// goes backwards or jumps.
func (a *TickAccumulator) Add(b []byte) error {
	n := len(b) / sizeCPULoad
	if n == 0 || n > maxProcessors || len(b)%sizeCPULoad != 0 {
		return ErrMalformed
	}
	first := len(a.previous) == 0
	known := len(a.previous) == n
	if !known {
		if !first {
			a.rebases++
		}
		a.previous = make([]rawTicks, n)
		if grown := n - len(a.totals); grown > 0 {
			a.totals = append(a.totals, make([]Ticks, grown)...)
		}
	}
	for i := range a.previous {
		now := decodeTicks(b[i*sizeCPULoad:])
		if known {
			a.totals[i].add(now, &a.previous[i])
			continue
		}
		if first {
			a.totals[i] = Ticks{uint64(now.user), uint64(now.system), uint64(now.idle), uint64(now.nice)}
		}
		a.previous[i] = now
	}
	return nil
}

// Totals returns the CPUs of the last reading, valid until the next Add.
func (a *TickAccumulator) Totals() []Ticks { return a.totals[:len(a.previous)] }

// Total returns the sum over every CPU ever seen.
func (a *TickAccumulator) Total() (sum Ticks) {
	for _, t := range a.totals {
		sum.User += t.User
		sum.System += t.System
		sum.Idle += t.Idle
		sum.Nice += t.Nice
	}
	return sum
}

// Rebases counts how often the number of CPUs changed. Across a change no
// share of time can be computed.
func (a *TickAccumulator) Rebases() uint64 { return a.rebases }

func (t *Ticks) add(now rawTicks, previous *rawTicks) {
	t.User += grow(&previous.user, now.user)
	t.System += grow(&previous.system, now.system)
	t.Idle += grow(&previous.idle, now.idle)
	t.Nice += grow(&previous.nice, now.nice)
}

// grow moves a counter of 32 bits on and returns by how much, modulo 2^32. xnu adds the
// time since a CPU went idle without a lock: as the CPU wakes, a reading may
// lack all of it. That step back is no wrap of 497 days, and the next reading has it again.
func grow(previous *uint32, now uint32) uint64 {
	grown := now - *previous
	if grown > math.MaxInt32 {
		return 0
	}
	*previous = now
	return uint64(grown)
}
