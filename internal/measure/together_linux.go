package measure

import (
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ErrOneCPU says that two threads cannot run at the same time.
var ErrOneCPU = errors.New("there is one CPU")

// Together returns the nanoseconds of one call of f for a thread alone, and for each
// of two that call it at the same time on CPUs of their own: medians of so many
// batches. Of two, only batches count that ran at the same time for the most part.
func Together(batches int, f func()) (one, two float64, err error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, 0, err
	}
	var cpus []int
	for cpu := 0; len(cpus) < 2 && cpu < 64*len(set); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	if len(cpus) < 2 {
		return 0, 0, ErrOneCPU
	}
	n := 10 * size(f)
	var alone, both []float64
	for range batches {
		alone = append(alone, timed(n, f))
	}
	for tries := 0; len(both) < batches && tries < 20*batches; tries++ {
		if each, ok := overlap(cpus, n, f); ok {
			both = append(both, each)
		}
	}
	if len(both) == 0 {
		return 0, 0, errors.New("no two batches overlapped")
	}
	slices.Sort(alone)
	slices.Sort(both)
	return alone[len(alone)/2], both[len(both)/2], nil
}

// overlap runs a batch on each CPU, and reports whether they ran at the same time.
func overlap(cpus []int, n int, f func()) (each float64, ok bool) {
	var ready atomic.Int32
	var began, ended [2]time.Time
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			runtime.LockOSThread() // never unlocked: the thread is bound to a CPU
			var set unix.CPUSet
			set.Set(cpus[i])
			_ = unix.SchedSetaffinity(0, &set)
			ready.Add(1)
			for ready.Load() < 2 { // both begin at once; a lock would wake one after the other
			}
			began[i] = time.Now()
			for range n {
				f()
			}
			ended[i] = time.Now()
		})
	}
	wg.Wait()
	later, earlier := began[0], ended[0]
	if began[1].After(later) {
		later = began[1]
	}
	if ended[1].Before(earlier) {
		earlier = ended[1]
	}
	whole := max(ended[0].Sub(began[0]), ended[1].Sub(began[1]))
	return float64(ended[0].Sub(began[0])+ended[1].Sub(began[1])) / float64(2*n), earlier.Sub(later) > whole*9/10
}
