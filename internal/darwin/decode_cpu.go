package darwin

import (
	"encoding/binary"
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

// TickAccumulator widens the 32-bit ticks of every CPU to 64 bits. The
// differences are taken modulo 2^32, so a wrap between two readings costs nothing.
type TickAccumulator struct {
	previous []rawTicks // of the last reading
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
		switch {
		case first:
			a.totals[i].add(now, rawTicks{})
		case known:
			a.totals[i].add(now, a.previous[i])
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

func (t *Ticks) add(now, before rawTicks) {
	t.User += uint64(now.user - before.user)
	t.System += uint64(now.system - before.system)
	t.Idle += uint64(now.idle - before.idle)
	t.Nice += uint64(now.nice - before.nice)
}
