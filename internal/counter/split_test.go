package counter_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestSplitFollowsTheSharesOfItsCounters(t *testing.T) {
	const s = uint64(time.Second)
	var split counter.Split
	u, y := split.Add(1, some(12*s), some(10*s), some(2*s))
	if u != some(10*s) || y != some(2*s) {
		t.Errorf("first: %v %v", u, y)
	}
	u, y = split.Add(1, some(14*s), some(10*s), some(4*s))
	if u != some(10*s) || y != some(4*s) {
		t.Errorf("all in the system: %v %v", u, y)
	}
	if u, y = split.Add(1, none, some(1), some(1)); u.Present() || y.Present() {
		t.Errorf("without a total: %v %v", u, y)
	}
}

func TestSplitOfAbsurdCounters(t *testing.T) {
	const m = 9223372036854775 * 1000
	var split counter.Split
	var usage counter.Counter
	for i, s := range [][3]uint64{{1000, m, m}, {2000, 0, m}, {3000, 2000, m}, {9000, 2000, m}, {10_000, m, m}, {m, m, 0}, {m, m, m}} {
		total := usage.Add(0, some(s[0]))
		u, y := split.Add(0, total, some(s[1]), some(s[2]))
		if got := u.Or(0) + y.Or(0); got != total.Or(1) {
			t.Errorf("step %d: %v and %v are %d, want %v", i, u, y, got, total)
		}
	}
}

// FuzzSplit divides any sequence of totals.
func FuzzSplit(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint8(60))
	f.Fuzz(func(t *testing.T, seed1, seed2 uint64, bits uint8) {
		random := rand.New(rand.NewPCG(seed1, seed2))
		value := func() sample.OptUint {
			if random.IntN(16) == 0 {
				return none
			}
			return some(random.Uint64() >> (bits & 63) << random.UintN(8))
		}
		var split counter.Split
		var usage counter.Counter
		var lastUser, lastSystem uint64
		for step := range 64 {
			source := counter.Source(random.IntN(16) / 15)
			total := usage.Add(source, value())
			u, y := split.Add(source, total, value(), value())
			if u.Present() != y.Present() {
				t.Fatalf("step %d: half a split", step)
			}
			if !u.Present() {
				continue
			}
			if u.Or(0)+y.Or(0) != total.Or(0) {
				t.Fatalf("step %d: %v + %v is not %v", step, u, y, total)
			}
			if u.Or(0) < lastUser || y.Or(0) < lastSystem {
				t.Fatalf("step %d: user %v after %d, system %v after %d", step, u, lastUser, y, lastSystem)
			}
			lastUser, lastSystem = u.Or(0), y.Or(0)
		}
	})
}
