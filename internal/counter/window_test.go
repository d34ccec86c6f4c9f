package counter_test

import (
	"math"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
)

const absent = -1

func TestWindow(t *testing.T) {
	type step struct {
		at   time.Duration
		read counter.Ratio
		want float64
	}
	cores := func(d time.Duration) counter.Ratio { return counter.Ratio{Num: uint64(d), PerTime: true} }
	const s, ms = time.Second, time.Millisecond
	for name, steps := range map[string][]step{
		"absent until it is full, then divided by the time that passed": {
			{0, cores(5 * s), absent}, {900 * ms, cores(6 * s), absent}, {2 * s, cores(6 * s), 0.5},
			{2500 * ms, cores(60 * s), 0.5}, {4 * s, cores(8 * s), 1},
		},
		"no time passed":                      {{s, cores(s), absent}, {s, cores(2 * s), absent}},
		"an older reading changes nothing":    {{s, cores(s), absent}, {3 * s, cores(2 * s), 0.5}, {2 * s, cores(s), 0.5}, {4 * s, cores(3 * s), 1}},
		"a replaced source says nothing":      {{0, cores(0), absent}, {s, counter.Ratio{Num: 9e9, PerTime: true, Breaks: 1}, absent}, {2 * s, counter.Ratio{Num: 95e8, PerTime: true, Breaks: 1}, 0.5}},
		"a total that went back says nothing": {{0, cores(5 * s), absent}, {s, cores(0), absent}, {2 * s, cores(s), 1}},
		"a share of another total":            {{0, counter.Ratio{Num: 10, Den: 100}, absent}, {s, counter.Ratio{Num: 11, Den: 104}, 0.25}},
		"nothing to divide by":                {{0, counter.Ratio{Num: 10, Den: 100}, absent}, {s, counter.Ratio{Num: 10, Den: 100}, absent}, {2 * s, counter.Ratio{Num: 12, Den: 104}, 0.5}},
		"scaled":                              {{0, counter.Ratio{Scale: 10, PerTime: true}, absent}, {s, counter.Ratio{Num: 5e8, Scale: 10, PerTime: true}, 5}},
	} {
		t.Run(name, func(t *testing.T) {
			var w counter.Window
			for i, s := range steps {
				got, ok := w.Observe(s.at, s.read, time.Second)
				if ok != (s.want >= 0) || ok && math.Abs(got-s.want) > 1e-9 {
					t.Errorf("step %d: got %v %v, want %v", i, got, ok, s.want)
				}
			}
		})
	}
}

func TestWindowLastsAtLeastItsMinimum(t *testing.T) {
	var w counter.Window
	for at := time.Duration(0); at <= time.Second; at += 10 * time.Millisecond {
		// A quarter of a core in steps of 50 ms: shorter windows would show 0 or 1.
		used := uint64(at/(50*time.Millisecond)) * uint64(50*time.Millisecond) / 4
		got, ok := w.Observe(at, counter.Ratio{Num: used, PerTime: true}, 0)
		if want := at >= counter.MinWindow; ok != want || ok && got != 0.25 {
			t.Fatalf("at %v: got %v %v, want 0.25 %v", at, got, ok, want)
		}
	}
}

func TestPace(t *testing.T) {
	start := time.Now()
	var p counter.Pace
	if got := p.Next(start, 4, time.Microsecond); got != math.MaxUint64 {
		t.Errorf("the first reading has the bound %d", got)
	}
	for _, s := range []struct {
		at   time.Duration
		cpus int
		want uint64
	}{
		{2 * time.Second, 4, 12e6},                         // 2 s and a second
		{102 * time.Second, 1, 440e6},                      // 100 s and a tenth, of the four CPUs there were
		{102 * time.Second, 1, 1e6},                        // no time passed
		{101 * time.Second, 2, 2e6},                        // a clock that went back
		{102 * time.Second, 0, math.MaxUint64},             // the number of CPUs is not known
		{102*time.Second + 1<<62, 1 << 20, math.MaxUint64}, // no overflow
	} {
		if got := p.Next(start.Add(s.at), s.cpus, time.Microsecond); got != s.want {
			t.Errorf("at %v: got %d, want %d", s.at, got, s.want)
		}
	}
}
