// Package measure compares costs on a noisy machine: by ratios of alternated
// batches, by allocations, and by the system calls of a helper process. Tests
// and benchmarks use it; nothing else does.
package measure

import (
	"runtime"
	"slices"
	"testing"
	"time"
)

// Cost is what one call takes.
type Cost struct {
	Nanoseconds float64 // the mean of the fastest batch, which is that of a quiet machine
	Bytes       float64
	Allocs      float64
}

// Result compares two ways to do the same work.
type Result struct {
	A, B Cost
	// Ratio is the median of B's time over A's, of batches that lie next to each
	// other: what slows the machine down hits both.
	Ratio float64
}

// batch is how long a batch takes at least: long against the clock's
// resolution, short against the scheduler's slices.
const batch = 30 * time.Microsecond

// Pair runs so many batches of a and b in turn.
func Pair(batches int, a, b func()) Result {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	na, nb := size(a), size(b)
	ratios := make([]float64, 0, batches)
	best := [2]float64{}
	note := func(i int, each float64) float64 {
		if best[i] == 0 || each < best[i] {
			best[i] = each
		}
		return each
	}
	for i := range batches {
		var ta, tb float64
		if i%2 == 0 { // neither is always the first after what the other left in the caches
			ta = note(0, timed(na, a))
			tb = note(1, timed(nb, b))
		} else {
			tb = note(1, timed(nb, b))
			ta = note(0, timed(na, a))
		}
		ratios = append(ratios, tb/ta)
	}
	slices.Sort(ratios)
	return Result{A: memory(a, best[0]), B: memory(b, best[1]), Ratio: ratios[len(ratios)/2]}
}

// Alone runs so many batches of f.
func Alone(batches int, f func()) Cost {
	n := size(f)
	best := timed(n, f)
	for range batches {
		best = min(best, timed(n, f))
	}
	return memory(f, best)
}

// size returns how many calls make a batch.
func size(f func()) int {
	f()
	for n := 1; ; n *= 2 {
		if timed(n, f)*float64(n) >= float64(batch) || n >= 1<<20 {
			return n
		}
	}
}

// timed returns the nanoseconds of one call.
func timed(n int, f func()) float64 {
	begin := time.Now()
	for range n {
		f()
	}
	return float64(time.Since(begin)) / float64(n)
}

// memory adds what a call allocates. Its allocations are whole: those of the
// runtime in between are not counted.
func memory(f func(), nanoseconds float64) Cost {
	const calls = 100
	allocs := testing.AllocsPerRun(calls, f)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		f()
	}
	runtime.ReadMemStats(&after)
	c := Cost{Nanoseconds: nanoseconds, Allocs: allocs}
	if allocs > 0 {
		c.Bytes = float64(after.TotalAlloc-before.TotalAlloc) / calls
	}
	return c
}
