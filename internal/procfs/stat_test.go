package procfs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// A tick is the unit of /proc/stat.
const (
	tick      = 10_000 // microseconds
	tickNanos = 1000 * tick
)

const stat = `cpu  1000 50 300 8000 20 0 10 0 400 5
cpu0 500 25 150 4000 10 0 5 0 200 3
cpu2 500 25 150 4000 10 0 5 0 200 2
intr 644146 0 0
ctxt 1054650
btime 1763500000
`

// times are the states of a line in ticks, as many as there are.
func times(ticks ...uint64) (c sample.CPUTimes) {
	for i, f := range []*sample.OptUint{&c.User, &c.Nice, &c.System, &c.Idle, &c.IOWait, &c.IRQ, &c.SoftIRQ, &c.Steal} {
		if i < len(ticks) {
			*f = sample.SomeUint(ticks[i] * tick)
		}
	}
	return c
}

// lacking returns c without one state.
func lacking(c sample.CPUTimes, state int) sample.CPUTimes {
	*[]*sample.OptUint{&c.User, &c.Nice, &c.System, &c.Idle, &c.IOWait, &c.IRQ, &c.SoftIRQ, &c.Steal}[state] = sample.OptUint{}
	return c
}

func sum(c sample.CPUTimes) (n uint64) {
	for _, f := range []sample.OptUint{c.User, c.Nice, c.System, c.Idle, c.IOWait, c.IRQ, c.SoftIRQ, c.Steal} {
		n += f.Or(0)
	}
	return n
}

func TestStat(t *testing.T) {
	for name, tc := range map[string]struct {
		text string
		want sample.CPUTimes
		cpus []int
	}{
		"C9 CPU 1 is offline":                     {stat, times(1000, 50, 300, 8000, 20, 0, 10, 0), []int{0, 2}},
		"2.4 has four columns":                    {"cpu 1 2 3 4\n", times(1, 2, 3, 4), nil},
		"before 2.6.11 no steal":                  {"cpu 1 2 3 4 5 6 7\n", times(1, 2, 3, 4, 5, 6, 7), nil},
		"steal":                                   {"cpu 1 2 3 4 5 6 7 8 0 0\n", times(1, 2, 3, 4, 5, 6, 7, 8), nil},
		"columns to come":                         {"cpu 1 2 3 4 5 6 7 8 9 10 11 12\n", times(1, 2, 3, 4, 5, 6, 7, 8), nil},
		"missing final newline":                   {"cpu 1 2 3 4", times(1, 2, 3, 4), nil},
		"torn CPU line":                           {"cpu 1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2", times(1, 2, 3, 4), []int{0}},
		"unreadable optional column":              {"cpu 1 2 3 4 x 6\n", times(1, 2, 3, 4), nil},
		"optional column beyond 64 bits":          {"cpu 1 2 3 4 18446744073709551616 6\n", times(1, 2, 3, 4), nil},
		"a column beyond 64 bits of microseconds": {"cpu 1 2 3 18446744073709551615 5 6 7 8\n", lacking(times(1, 2, 3, 0, 5, 6, 7, 8), 3), nil},
		"a column that leaves no room for a sum":  {"cpu 1 2 3 4 5 6 7 230584300921370\n", lacking(times(1, 2, 3, 4, 5, 6, 7, 8), 7), nil},
		"a column just below that":                {"cpu 1 2 3 4 5 6 7 230584300921369\n", times(1, 2, 3, 4, 5, 6, 7, 230584300921369), nil},
		"the first column beyond 64 bits":         {"cpu 18446744073709551615 2 3 4\n", lacking(times(1, 2, 3, 4), 0), nil},
		"idle time beyond 64 bits of nanoseconds": {"cpu 1 2 3 3229286400000 5 6 7 8\n", times(1, 2, 3, 3229286400000, 5, 6, 7, 8), nil}, // 512 CPUs, two years
		"CPU without number":                      {"cpu 1 2 3 4\ncpux 1 1 1 1\ncpu3 1 1 1 1\n", times(1, 2, 3, 4), []int{3}},
		"CPU number out of range":                 {"cpu 1 2 3 4\ncpu99999999999 1 1 1 1\ncpu3 1 1 1 1\n", times(1, 2, 3, 4), []int{3}},
		"X2 per-CPU lines of zeros":               {"cpu 1 2 3 4\ncpu0 0 0 0 0\n", times(1, 2, 3, 4), nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := procfs.Stat{CPUs: []procfs.StatCPU{{Number: 77}}}
			if err := s.Parse([]byte(tc.text), true); err != nil {
				t.Fatal(err)
			}
			if s.Total != tc.want {
				t.Errorf("%+v", s.Total)
			}
			var cpus []int
			for _, c := range s.CPUs {
				cpus = append(cpus, c.Number)
			}
			if !slices.Equal(cpus, tc.cpus) {
				t.Errorf("CPUs %v", cpus)
			}
		})
	}
}

func TestR16aGuestIsInsideUser(t *testing.T) {
	var s procfs.Stat
	if err := s.Parse([]byte(stat), true); err != nil {
		t.Fatal(err)
	}
	if n := sum(s.Total) / tick; n != 9380 {
		t.Errorf("the states add up to %d", n)
	}
	if n := sum(s.CPUs[1].Times) / tick; n != 4690 {
		t.Errorf("the states of CPU 2 add up to %d", n)
	}
}

func TestStatWithoutCPUs(t *testing.T) {
	s := procfs.Stat{CPUs: make([]procfs.StatCPU, 3)}
	if err := s.Parse([]byte(stat), false); err != nil || len(s.CPUs) != 0 {
		t.Errorf("%v, %v", s.CPUs, err)
	}
}

func TestStatMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                       "",
		"X2 gVisor counts nothing":    "cpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\nintr 0\n",
		"three columns":               "cpu 1 2 3\n",
		"another file":                "MemTotal: 5 kB\n",
		"no aggregate line":           "cpu0 1 2 3 4\n",
		"negative":                    "cpu 1 2 3 -4\n",
		"beyond 64 bits":              "cpu 1 2 3 99999999999999999999\n",
		"binary":                      "\x00\x01\xff\n",
		"blank first line":            "\ncpu 1 2 3 4\n",
		"key with a colon":            "cpu: 1 2 3 4\n",
		"zeros but for guest columns": "cpu 0 0 0 0 0 0 0 0 5 5\n",
	} {
		s := procfs.Stat{Total: times(1, 1, 1, 1)}
		if err := s.Parse([]byte(text), true); !errors.Is(err, kernfs.ErrMalformed) || s.Total != (sample.CPUTimes{}) || len(s.CPUs) != 0 {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

// bigStat is that of a machine of n CPUs.
func bigStat(n int) []byte {
	var b strings.Builder
	b.WriteString("cpu  1000 50 300 8000 20 0 10 0 400 5\n")
	for i := range n {
		fmt.Fprintf(&b, "cpu%d 1000 50 300 8000 20 0 10 0 400 5\n", i)
	}
	b.WriteString("intr 5" + strings.Repeat(" 0", 1000) + "\nctxt 1\n")
	return []byte(b.String())
}

func TestStatAllocatesNothing(t *testing.T) {
	var s procfs.Stat
	text := bigStat(256)
	allocatesNothing(t, func() error { return s.Parse(text, true) })
	if len(s.CPUs) != 256 {
		t.Errorf("%d CPUs", len(s.CPUs))
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(stat), true)
	f.Add(bigStat(2), false)
	f.Fuzz(func(t *testing.T, b []byte, perCPU bool) {
		var s procfs.Stat
		if err := s.Parse(b, perCPU); (err == nil) != s.Total.User.Present() || !perCPU && len(s.CPUs) > 0 {
			t.Errorf("%q: %+v, %v", b, s, err)
		}
		for _, c := range s.CPUs {
			if c.Number < 0 || c.Number >= kernfs.MaxCPUs || sum(c.Times) == 0 {
				t.Errorf("%q: %+v", b, c)
			}
		}
	})
}

func BenchmarkStat(b *testing.B) {
	var s procfs.Stat
	text := bigStat(2)
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Parse(text, true); err != nil {
			b.Fatal(err)
		}
	}
}
