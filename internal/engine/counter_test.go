package engine

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

var (
	none = sample.OptUint{}
	some = sample.SomeUint
)

func TestCounter(t *testing.T) {
	type step struct {
		source  groupID
		raw     sample.OptUint
		want    sample.OptUint
		rebased bool
	}
	for name, steps := range map[string][]step{
		"starts with the kernel's value":      {{1, some(500), some(500), false}, {1, some(503), some(503), false}},
		"absent until first read":             {{1, none, none, false}, {1, some(0), some(0), false}},
		"keeps what it counted while unread":  {{1, some(5), some(5), false}, {1, none, some(5), false}, {1, some(7), some(7), false}},
		"a reset adds nothing (T3, R27)":      {{1, some(500), some(500), false}, {1, some(3), some(500), true}, {1, some(5), some(502), false}},
		"another source keeps the total":      {{1, some(500), some(500), false}, {2, some(9000), some(500), true}, {2, some(9001), some(501), false}},
		"unread in between, then another one": {{1, some(5), some(5), false}, {2, none, some(5), false}, {2, some(100), some(5), true}},
		"standing still is no rebase":         {{1, some(5), some(5), false}, {1, some(5), some(5), false}},
	} {
		t.Run(name, func(t *testing.T) {
			var c counter
			for i, s := range steps {
				if got := c.of(s.source, s.raw); got != s.want || c.rebased != s.rebased {
					t.Errorf("step %d: %v rebased %v, want %v %v", i, got, c.rebased, s.want, s.rebased)
				}
			}
		})
	}
}

func TestWindow(t *testing.T) {
	const least = time.Second
	second := uint64(time.Second)
	start := time.Now()
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	var absent sample.Opt[float64]

	t.Run("absent until it is full, then divided by the time that really passed (T4)", func(t *testing.T) {
		var w window
		for _, s := range []struct {
			at   float64
			n    uint64
			want sample.Opt[float64]
		}{
			{0, 5 * second, absent},
			{0.9, 6 * second, absent},
			{2, 6 * second, sample.Some(0.5)},
			{2.5, 60 * second, sample.Some(0.5)}, // within the next one
			{4, 8 * second, sample.Some(1.0)},
		} {
			if got := w.observe(at(s.at), some(s.n), false, least); got != s.want {
				t.Errorf("at %v: %v, want %v", s.at, got, s.want)
			}
		}
	})
	t.Run("no time passed (T5, R15a)", func(t *testing.T) {
		var w window
		for range 3 {
			if got := w.observe(start, some(second), false, 0); got != absent {
				t.Errorf("got %v", got)
			}
		}
	})
	t.Run("two readers at different rates see one usage (T6)", func(t *testing.T) {
		var w window
		for ms := 0; ms <= 10_000; ms += 10 {
			n := some(uint64(ms) * uint64(time.Millisecond) / 4) // a quarter of a core
			for range 1 + ms%3 {
				got, ok := w.observe(start.Add(time.Duration(ms)*time.Millisecond), n, false, least).Get()
				if ok != (ms >= 1000) || ok && math.Abs(got-0.25) > 1e-9 {
					t.Fatalf("at %d ms: %v %v", ms, got, ok)
				}
			}
		}
	})
	t.Run("absent after a rebase until it is full again", func(t *testing.T) {
		var w window
		w.observe(at(0), some(0), false, least)
		w.observe(at(1), some(second), false, least)
		if got := w.observe(at(2), some(second), true, least); got != absent {
			t.Errorf("at the rebase: %v", got)
		}
		if got := w.observe(at(2.5), some(2*second), false, least); got != absent {
			t.Errorf("before it is full: %v", got)
		}
		if got := w.observe(at(4), some(2*second), false, least); got != sample.Some(0.5) {
			t.Errorf("when full: %v", got)
		}
	})
	t.Run("a missed reading is no idle time", func(t *testing.T) {
		var w window
		w.observe(at(0), some(0), false, least)
		if got := w.observe(at(1), none, false, least); got != absent {
			t.Errorf("missed: %v", got)
		}
		if got := w.observe(at(2), some(2*second), false, least); got != sample.Some(1.0) {
			t.Errorf("after it: %v", got)
		}
	})
}

// Whatever the kernel counts, user and system time sum to the usage and never go back.
func TestSplitterSumsAndNeverGoesBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for round := range 200 {
		var (
			s                   splitter
			usage               counter
			rawUsage, user, sys uint64
			lastUser, lastSys   uint64
			source              groupID
		)
		if round%2 == 0 { // past what a float64 holds exactly
			rawUsage, user, sys = 1<<60+3, 1<<59, 1<<59
		}
		for step := range 300 {
			rawUsage += random.Uint64N(5_000_000)
			user += random.Uint64N(2) * 10_000_000
			sys += random.Uint64N(2) * 10_000_000
			switch random.IntN(40) {
			case 0:
				source++
				rawUsage, user, sys = random.Uint64N(1000), random.Uint64N(1000), 0
			case 1:
				user = 0 // a reset of one alone
			}
			given := func(n uint64) sample.OptUint {
				if random.IntN(20) == 0 {
					return none
				}
				return some(n)
			}
			total := usage.of(source, given(rawUsage))
			u, y := s.add(source, total, given(user), given(sys))
			if u.Present() != y.Present() {
				t.Fatal("half a split")
			}
			if !u.Present() {
				continue
			}
			if u.Or(0)+y.Or(0) != total.Or(0) {
				t.Fatalf("round %d step %d: %d + %d is not %d", round, step, u.Or(0), y.Or(0), total.Or(0))
			}
			if u.Or(0) < lastUser || y.Or(0) < lastSys {
				t.Fatalf("round %d step %d: user %d after %d, system %d after %d", round, step, u.Or(0), lastUser, y.Or(0), lastSys)
			}
			lastUser, lastSys = u.Or(0), y.Or(0)
		}
	}
}

func TestSplitterFollowsTheKernelsShares(t *testing.T) {
	const s = uint64(time.Second)
	var split splitter
	u, y := split.add(1, some(12*s), some(10*s), some(2*s)) // R11
	if u != some(10*s) || y != some(2*s) {
		t.Errorf("first: %v %v", u, y)
	}
	u, y = split.add(1, some(14*s), some(10*s), some(4*s))
	if u != some(10*s) || y != some(4*s) {
		t.Errorf("all in the system: %v %v", u, y)
	}
	if u, y = split.add(1, none, some(1), some(1)); u.Present() || y.Present() {
		t.Errorf("without a usage: %v %v", u, y)
	}
}

func TestShareWindow(t *testing.T) {
	start := time.Now()
	times := func(user, idle uint64) sample.CPUTimes {
		return sample.CPUTimes{User: some(user), Nice: some(0), System: some(0), Idle: some(idle)}
	}
	var w shareWindow
	if w.observe(start, times(10, 10), false, time.Second).Present() {
		t.Error("a share without a window")
	}
	if got, ok := w.observe(start.Add(time.Second), times(11, 13), false, time.Second).Get(); !ok || got.User != 0.25 || got.Idle != 0.75 {
		t.Errorf("%+v %v", got, ok)
	}
	// Equal totals are no measurement, neither 0 nor 100 % (R15a).
	if got := w.observe(start.Add(2*time.Second), times(11, 13), false, time.Second); got.Present() {
		t.Errorf("equal totals: %+v", got)
	}
	// The kernel lets idle go back a little: it is not counted, and nothing turns negative.
	if got, ok := w.observe(start.Add(3*time.Second), times(12, 12), false, time.Second).Get(); !ok || got.User != 1 || got.Idle != 0 {
		t.Errorf("idle back: %+v %v", got, ok)
	}
	if w.observe(start.Add(4*time.Second), times(20, 20), true, time.Second).Present() {
		t.Error("a share across a rebase")
	}
	if got := w.observe(start.Add(5*time.Second), sample.CPUTimes{}, false, time.Second); got.Present() {
		t.Errorf("without times: %+v", got)
	}
}

// CPUs come and go, each is counted by its number (C9, R15b).
func TestPerCPUIsKeyedByNumber(t *testing.T) {
	start := time.Now()
	var c cpuUsages
	read := func(at time.Duration, raw map[int]uint64) map[int]sample.PerCPU {
		out := map[int]sample.PerCPU{}
		for n, v := range raw {
			out[n] = c.count(start.Add(at), 1, n, v, time.Second)
		}
		return out
	}
	s := uint64(time.Second)
	read(0, map[int]uint64{0: 0, 1: 0, 3: 5 * s})
	read(time.Second, map[int]uint64{0: s, 3: 5 * s}) // 1 went offline
	got := read(2*time.Second, map[int]uint64{0: s, 1: s, 3: 6 * s})
	if got[0].Share != sample.Some(0.0) || got[3].Share != sample.Some(1.0) || got[1].Share != sample.Some(0.5) {
		t.Errorf("shares %v", got)
	}
	if got[1].Usage != s || got[3].Usage != 6*s {
		t.Errorf("usages %v", got)
	}
}

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestFaultsAreDisjoint(t *testing.T) {
	for _, c := range []struct {
		all, major sample.OptUint
		want       sample.Faults
	}{
		{some(100), some(7), sample.Faults{Minor: some(93), Major: some(7)}},
		{some(6), some(7), sample.Faults{Minor: some(0), Major: some(7)}},
		{some(6), sample.OptUint{}, sample.Faults{}},
		{sample.OptUint{}, some(7), sample.Faults{Major: some(7)}},
	} {
		if got := new(faultCounters).of(0, c.all, c.major); got != c.want {
			t.Errorf("%v, %v: %+v", c.all, c.major, got)
		}
	}
}
