package engine

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// faultCounters count page faults.
type faultCounters struct {
	all, major counter.Counter
	minor      uint64 // the newest result
}

// add takes the kernel's counters. Its counter of all faults includes the major
// ones. The two are not read at one moment, so minor waits if it would go back.
func (f *faultCounters) add(source counter.Source, all, major sample.OptUint) (s sample.Faults) {
	s.Major = f.major.Add(source, major)
	n, ok := f.all.Add(source, all).Get()
	if major, ok2 := s.Major.Get(); ok && ok2 {
		f.minor = max(f.minor, n-min(n, major))
		s.Minor = sample.SomeUint(f.minor)
	}
	return s
}

// addCounts returns a sum that stops at the largest number: one count that is
// absurd must not make a total go back.
func addCounts(a, b uint64) uint64 { return a + min(b, math.MaxUint64-a) }

// withIndex returns list with so many zero elements more that it has the index n.
func withIndex[T any](list []T, n int) []T {
	if missing := n + 1 - len(list); missing > 0 {
		return append(list, make([]T, missing)...)
	}
	return list
}

// processCounters are the counters of one process. It is one source for ever:
// they hold what could not be read this time.
type processCounters struct {
	user, system, minor, major, read, written, voluntary, involuntary counter.Counter
}

// add replaces the counts of s by what was counted.
func (c *processCounters) add(s *sample.Process) {
	for _, one := range []struct {
		counter *counter.Counter
		value   *sample.OptUint
	}{
		{&c.user, &s.User}, {&c.system, &s.System}, {&c.minor, &s.Faults.Minor}, {&c.major, &s.Faults.Major},
		{&c.read, &s.ReadBytes}, {&c.written, &s.WriteBytes},
		{&c.voluntary, &s.Voluntary}, {&c.involuntary, &s.Involuntary},
	} {
		*one.value = one.counter.Add(0, *one.value)
	}
}
