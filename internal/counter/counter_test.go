package counter_test

import (
	"math"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

var (
	none = sample.OptUint{}
	some = sample.SomeUint
)

func TestCounter(t *testing.T) {
	type step struct {
		source    counter.Source
		raw, want sample.OptUint
	}
	for name, steps := range map[string][]step{
		"starts with the kernel's value":          {{1, some(500), some(500)}, {1, some(503), some(503)}},
		"absent until first read":                 {{1, none, none}, {1, some(0), some(0)}},
		"keeps what it counted if not read":       {{1, some(5), some(5)}, {1, none, some(5)}, {1, some(7), some(7)}},
		"the source starts anew":                  {{1, some(500), some(500)}, {1, some(3), some(500)}, {1, some(5), some(502)}},
		"starts anew twice":                       {{1, some(500), some(500)}, {1, some(300), some(500)}, {1, some(2), some(500)}, {1, some(9), some(507)}},
		"starts anew and rests":                   {{1, some(500), some(500)}, {1, some(0), some(500)}, {1, some(0), some(500)}, {1, some(4), some(504)}},
		"one wrong value for a while":             {{1, some(500), some(500)}, {1, some(3), some(500)}, {1, some(3), some(500)}, {1, some(510), some(510)}},
		"one wrong value":                         {{1, some(500), some(500)}, {1, some(3), some(500)}, {1, some(510), some(510)}},
		"two wrong values that do not follow":     {{1, some(500), some(500)}, {1, some(3), some(500)}, {1, some(1), some(500)}, {1, some(510), some(510)}},
		"another source keeps the total":          {{1, some(500), some(500)}, {2, some(9000), some(500)}, {2, some(9001), some(501)}},
		"a source that returns counted meanwhile": {{1, some(500), some(500)}, {2, some(7), some(500)}, {1, some(600), some(500)}, {1, some(601), some(501)}},
		"another source after a failed reading":   {{1, some(5), some(5)}, {2, none, some(5)}, {2, some(100), some(5)}},
		"another source after a held value":       {{1, some(500), some(500)}, {1, some(3), some(500)}, {2, some(4), some(500)}, {2, some(5), some(501)}},
		"a small step back that returns":          {{1, some(1000), some(1000)}, {1, some(998), some(1000)}, {1, some(999), some(1000)}, {1, some(1000), some(1000)}, {1, some(1003), some(1003)}},
		"the largest numbers":                     {{1, some(math.MaxInt64), some(math.MaxInt64)}, {2, some(0), some(math.MaxInt64)}, {2, some(1 << 62), some(math.MaxInt64 + 1<<62)}, {3, some(0), some(math.MaxInt64 + 1<<62)}, {3, some(math.MaxInt64), some(math.MaxUint64)}},
		"an absurd value is none":                 {{1, some(math.MaxUint64), none}, {1, some(1000), some(1000)}, {1, some(1 << 63), some(1000)}, {1, some(1001), some(1001)}},
	} {
		t.Run(name, func(t *testing.T) {
			var c counter.Counter
			for i, s := range steps {
				if got := c.Add(s.source, s.raw); got != s.want {
					t.Errorf("step %d: got %v, want %v", i, got, s.want)
				}
			}
		})
	}
}

// Ten is the most that the counter can grow by from reading to reading.
func TestBoundedCounter(t *testing.T) {
	for name, steps := range map[string][][2]uint64{ // raw, want
		"an absurd value for one reading":            {{100, 100}, {1 << 60, 100}, {115, 115}},
		"absurd values that do not follow":           {{100, 100}, {1 << 60, 100}, {1 << 50, 100}, {1 << 55, 100}, {140, 140}},
		"a jump that persists is a new source":       {{100, 100}, {5000, 100}, {5004, 104}, {5010, 110}},
		"a jump to the bound":                        {{100, 100}, {110, 110}},
		"a jump beyond the bound":                    {{100, 100}, {111, 100}, {112, 112}},
		"a step back within what the kernel does":    {{100, 100}, {95, 100}, {100, 100}, {96, 100}, {103, 103}},
		"a step back beyond what the kernel does":    {{100, 100}, {50, 100}, {53, 103}},
		"a step back beyond it, for one reading":     {{100, 100}, {94, 100}, {101, 101}},
		"a value held by one that steps back a bit":  {{100, 100}, {5000, 100}, {99, 100}, {105, 105}},
		"after a long hold the room is that long":    {{100, 100}, {1 << 60, 100}, {1 << 50, 100}, {130, 130}},
		"no more than the room of the time it lasts": {{100, 100}, {1 << 60, 100}, {121, 100}, {141, 100}, {142, 101}},
	} {
		t.Run(name, func(t *testing.T) {
			var c counter.Bounded
			for i, s := range steps {
				if got := c.Add(0, some(s[0]), counter.Bounds{Most: 10, Back: 5}); got != some(s[1]) {
					t.Errorf("step %d: got %v, want %v", i, got, s[1])
				}
			}
		})
	}
	t.Run("a failed reading leaves room for its interval", func(t *testing.T) {
		var c counter.Bounded
		b := counter.Bounds{Most: 10}
		c.Add(0, some(100), b)
		c.Add(0, none, b)
		if got := c.Add(0, some(120), b); got != some(120) {
			t.Errorf("got %v, want 120", got)
		}
	})
}

func TestBreaks(t *testing.T) {
	var c counter.Counter
	last := c.Breaks()
	for i, s := range []struct {
		source counter.Source
		raw    sample.OptUint
		breaks bool
	}{
		{1, some(500), false}, {1, some(600), false}, {1, none, false}, {1, some(700), false},
		{1, some(3), true},   // held
		{1, some(9), false},  // started anew at the reading before: its interval is whole
		{1, some(20), false}, //
		{2, some(50), true},
		{2, some(1), true}, {2, some(60), true}, // the held value was wrong: two intervals in one
		{2, some(61), false},
	} {
		c.Add(s.source, s.raw)
		if got := c.Breaks() != last; got != s.breaks {
			t.Errorf("step %d: breaks %v, want %v", i, got, s.breaks)
		}
		last = c.Breaks()
	}
}

func TestGrow(t *testing.T) {
	var c counter.Counter
	for i, s := range []struct {
		source        counter.Source
		raw, want, at uint64
	}{
		{1, 500, 0, 500}, {1, 503, 3, 503}, {2, 9000, 0, 503}, {2, 9001, 1, 504}, {2, 4, 0, 504}, {2, 6, 2, 506},
	} {
		if got := c.Grow(s.source, s.raw); got != s.want || c.Total() != some(s.at) {
			t.Errorf("step %d: grew by %d to %v, want %d to %d", i, got, c.Total(), s.want, s.at)
		}
	}
}

func TestBegin(t *testing.T) {
	var c counter.Counter
	c.Begin(3, 7, 1000)
	if got := c.Total(); got != some(7) {
		t.Errorf("got %v, want 7", got)
	}
	if got := c.Add(3, some(1005)); got != some(12) {
		t.Errorf("got %v, want 12", got)
	}
}

// FuzzCounter reads any sequence of values from any sources.
func FuzzCounter(f *testing.F) {
	f.Add([]byte{1, 200, 0, 3, 1, 5, 2, 255, 2, 0}, uint64(10), uint64(5))
	f.Fuzz(func(t *testing.T, steps []byte, most, back uint64) {
		var c counter.Bounded
		var last uint64
		for i := 0; i+1 < len(steps); i += 2 {
			raw := some(uint64(steps[i+1]) << (steps[i] & 63))
			if steps[i]&64 != 0 {
				raw = none
			}
			before := c.Total()
			got, known := c.Add(counter.Source(steps[i]>>7), raw, counter.Bounds{Most: most, Back: back}).Get()
			if known != (before.Present() || raw.Present()) {
				t.Fatalf("step %d: known is %v", i, known)
			}
			if before.Present() && (got < last || got-last > raw.Or(0)) {
				t.Fatalf("step %d: raw %v made %d of %d", i, raw, got, last)
			}
			last = got
		}
	})
}
