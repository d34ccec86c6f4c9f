package engine

import (
	"math/bits"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// splitter divides a cgroup's CPU time into user and system so that the two
// always sum to the usage and neither goes backwards. v1 gives the split in
// ticks, coarser than the usage and read a moment later.
type splitter struct {
	user, system counter
	lastUsage    uint64
	userPart     uint64 // of lastUsage
	primed       bool
}

func (s *splitter) add(group groupID, usage, user, system sample.OptUint) (u, sys sample.OptUint) {
	lastUser, lastSystem := s.user.total, s.system.total
	un, ok := s.user.of(group, user).Get()
	sn, ok2 := s.system.of(group, system).Get()
	total, ok3 := usage.Get()
	if !ok || !ok2 || !ok3 {
		return u, sys
	}
	du, ds := un-lastUser, sn-lastSystem
	if !s.primed {
		s.primed, du, ds = true, un, sn
	}
	if du+ds == 0 { // shorter than a tick: divide as everything before
		du, ds = un, sn
	}
	if total > s.lastUsage && du+ds > 0 {
		// In whole numbers of 128 bits: rounded, the two would go back by a
		// nanosecond now and then.
		hi, lo := bits.Mul64(total-s.lastUsage, du)
		part, _ := bits.Div64(hi, lo, du+ds)
		s.userPart += part
	}
	s.lastUsage = max(s.lastUsage, total)
	return sample.SomeUint(s.userPart), sample.SomeUint(s.lastUsage - s.userPart)
}

// busy is everything but idle and iowait. Steal was another guest's.
func busy(t sample.CPUTimes) sample.OptUint {
	if !t.User.Present() {
		return t.User
	}
	return sample.SomeUint(t.User.Or(0) + t.Nice.Or(0) + t.System.Or(0) + t.IRQ.Or(0) + t.SoftIRQ.Or(0))
}

// shareWindow is the split by mode of the newest window.
type shareWindow struct {
	at   time.Time
	base sample.CPUTimes
	last sample.Opt[sample.CPUShares]
}

func (w *shareWindow) observe(now time.Time, t sample.CPUTimes, rebased bool, least time.Duration) sample.Opt[sample.CPUShares] {
	if w.at.IsZero() || rebased || !t.User.Present() {
		w.at, w.base, w.last = now, t, sample.Opt[sample.CPUShares]{}
		return w.last
	}
	if now.Sub(w.at) < least {
		return w.last
	}
	d := func(a, b sample.OptUint) float64 {
		return float64(a.Or(0) - min(a.Or(0), b.Or(0)))
	}
	b := w.base
	s := sample.CPUShares{
		User: d(t.User, b.User), Nice: d(t.Nice, b.Nice), System: d(t.System, b.System), Idle: d(t.Idle, b.Idle),
		IOWait: d(t.IOWait, b.IOWait), Interrupt: d(t.IRQ, b.IRQ) + d(t.SoftIRQ, b.SoftIRQ), Steal: d(t.Steal, b.Steal),
	}
	sum := s.User + s.Nice + s.System + s.Idle + s.IOWait + s.Interrupt + s.Steal
	w.at, w.base, w.last = now, t, sample.Opt[sample.CPUShares]{}
	if sum > 0 { // equal totals: no time was counted, and there is nothing to divide
		for _, v := range []*float64{&s.User, &s.Nice, &s.System, &s.Idle, &s.IOWait, &s.Interrupt, &s.Steal} {
			*v /= sum
		}
		w.last = sample.Some(s)
	}
	return w.last
}

// withIndex returns list with so many zero elements more that it has the index n.
func withIndex[T any](list []T, n int) []T {
	if missing := n + 1 - len(list); missing > 0 {
		return append(list, make([]T, missing)...)
	}
	return list
}

// cpuWindows are the windows of single CPUs by their numbers. CPUs come and go; each
// goes on where it was.
type cpuWindows []window

// observe takes a CPU's accumulated busy time.
func (c *cpuWindows) observe(now time.Time, n int, usage sample.OptUint, times sample.CPUTimes, rebased bool, least time.Duration) sample.PerCPU {
	*c = withIndex(*c, n)
	return sample.PerCPU{
		Number: n, Times: times, Usage: usage.Or(0),
		Share: (*c)[n].observe(now, usage, rebased, least),
	}
}

// cpuUsages are the times of single CPUs that a cgroup used.
type cpuUsages struct {
	counters []counter
	windows  cpuWindows
}

// count takes a raw counter of the kernel.
func (c *cpuUsages) count(now time.Time, group groupID, n int, raw uint64, least time.Duration) sample.PerCPU {
	c.counters = withIndex(c.counters, n)
	one := &c.counters[n]
	total := one.of(group, sample.SomeUint(raw))
	return c.windows.observe(now, n, total, sample.CPUTimes{}, one.rebased, least)
}
