//go:build linux

package main

import (
	"testing"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The gates are ratios of alternated batches, with a margin for a loaded
// machine, and allocations. Nanoseconds gate nothing.
const (
	attempts = 3 // a machine may be busy for as long as one comparison takes
	batches  = 60
)

// atLeast is how many times faster ours has to be; the targets are 3 and, of
// the CPU and the disks, 2.
func atLeast(what string) float64 {
	switch what {
	case "CPU, total", "CPU, each", "disks":
		return 1.4
	}
	return 2
}

func TestStatisticsAreFasterThanByOtherLibraries(t *testing.T) {
	for _, c := range append(statistics().comparisons, cgroupLibraries().comparisons...) {
		t.Run(c.what+" against "+c.other.name, func(t *testing.T) {
			r := hold(t, c, func(r result) bool { return r.ratio() >= atLeast(c.what) })
			if r.A.Allocs > 0 {
				t.Errorf("%v allocations", r.A.Allocs)
			}
		})
	}
}

// nearFloor is how much of a floor ours may take; the targets are 1.1 of the
// kernel's and 1.15 of the SDK's.
const nearFloor = 1.3

func TestCollectorsStayNearTheFloor(t *testing.T) {
	for _, c := range floors().comparisons {
		t.Run(c.what, func(t *testing.T) {
			hold(t, c, func(r result) bool { return r.ratio() <= nearFloor })
		})
	}
}

func TestSnapshotsAreReadForNothing(t *testing.T) {
	for _, c := range caches().comparisons {
		t.Run(c.what, func(t *testing.T) {
			r := hold(t, c, func(r result) bool { return r.ratio() >= 5 })
			if r.A.Allocs > 0 {
				t.Errorf("%v allocations", r.A.Allocs)
			}
		})
	}
}

func TestCollectionsCostWhatTheSDKTakes(t *testing.T) {
	least := map[string]float64{"Collect with a refresh": 2, "512 series by the Producer": 12} // the targets are 3 and 25
	for _, c := range collections().comparisons {
		if c.aside {
			continue
		}
		t.Run(c.what, func(t *testing.T) {
			if c.floor {
				hold(t, c, func(r result) bool { return r.ratio() <= nearFloor })
				return
			}
			r := hold(t, c, func(r result) bool { return r.ratio() >= least[c.what] })
			if r.A.Allocs > r.B.Allocs/3 {
				t.Errorf("%v allocations, against %v", r.A.Allocs, r.B.Allocs)
			}
		})
	}
}

// hold compares until the result is good, a few times at most.
func hold(t *testing.T, c comparison, good func(result) bool) (r result) {
	t.Helper()
	for range attempts {
		r = run(c, batches)
		if r.skipped != nil {
			t.Skipf("not on this machine: %v", r.skipped)
		}
		if good(r) {
			t.Log(r.verdict())
			return r
		}
	}
	t.Errorf("%s: %s (%.0f ns, %.0f ns)", c.other.name, r.verdict(), r.A.Nanoseconds, r.B.Nanoseconds)
	return r
}

// TestAnAncestorHasFewFiles bounds what a round costs for each further level of cgroups with limits: of memory
// its max, high, swap.max, current and stat, of the CPU its max, of tasks their max.
func TestAnAncestorHasFewFiles(t *testing.T) {
	for name, c := range map[string]struct {
		parts sample.Parts
		most  int
	}{
		"default": {plainCgroup, 7}, "with utilization": {usedCgroup, 8},
	} {
		first := filesAt(t, 1, c.parts)
		last := first
		for _, levels := range []int{2, 5, 10} {
			n := filesAt(t, levels, c.parts)
			if n > first+c.most*(levels-1) || n <= last {
				t.Errorf("%s: %d files at %d levels, %d at one", name, n, levels, first)
			}
			last = n
		}
	}
}

func filesAt(t *testing.T, levels int, parts sample.Parts) int {
	n, _, err := atDepth(levels, parts)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
