package kernfs_test

import (
	"errors"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

func TestCPUList(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		cpus []int
	}{
		"R6a empty means inherit": {"", nil},
		"newline alone":           {"\n", nil},
		"one":                     {"0\n", []int{0}},
		"range":                   {"0-3\n", []int{0, 1, 2, 3}},
		"mixed":                   {"0-3,8,10-11\n", []int{0, 1, 2, 3, 8, 10, 11}},
		"missing final newline":   {"2,4", []int{2, 4}},
		"range of one":            {"5-5\n", []int{5}},
		"overlap counts once":     {"0-2,1-3\n", []int{0, 1, 2, 3}},
		"not in order":            {"64,0\n", []int{0, 64}},
		"word border":             {"63-64\n", []int{63, 64}},
	} {
		t.Run(name, func(t *testing.T) {
			var s kernfs.CPUSet
			s.Add(9000) // must not survive
			if err := s.Parse([]byte(tc.in)); err != nil {
				t.Fatal(err)
			}
			if s.Count() != len(tc.cpus) {
				t.Errorf("%d CPUs, want %d", s.Count(), len(tc.cpus))
			}
			for _, n := range tc.cpus {
				if !s.Has(n) {
					t.Errorf("CPU %d is missing", n)
				}
			}
			if s.Has(9000) || s.Has(-1) || s.Has(12) {
				t.Error("a CPU too many")
			}
		})
	}
}

func TestCPUListMalformed(t *testing.T) {
	for name, in := range map[string]string{
		"R6b backwards":   "9-3",
		"word":            "all",
		"negative":        "-1",
		"open range":      "1-",
		"trailing comma":  "1,",
		"leading comma":   ",1",
		"double comma":    "1,,2",
		"blank inside":    "1, 2",
		"double range":    "1-2-3",
		"stride":          "0-31:1/2",
		"mask":            "ff",
		"over the bound":  "0-16384",
		"64 bits":         "0-18446744073709551615",
		"over 64 bits":    "18446744073709551616",
		"NUL":             "0\x00",
		"two lines":       "0\n1\n",
		"late error":      "0-3,x",
		"hex":             "0x1",
		"sign in a range": "0--3",
	} {
		t.Run(name, func(t *testing.T) {
			var s kernfs.CPUSet
			if err := s.Parse([]byte(in)); !errors.Is(err, kernfs.ErrMalformed) {
				t.Errorf("error %v", err)
			}
			if s.Count() != 0 {
				t.Errorf("%d CPUs are left", s.Count())
			}
		})
	}
}

func TestCPUSetIntersection(t *testing.T) {
	var a, b, none kernfs.CPUSet
	if err := errors.Join(a.Parse([]byte("0-3,70")), b.Parse([]byte("2-5,70,130"))); err != nil {
		t.Fatal(err)
	}
	if n, m := a.IntersectCount(&b), b.IntersectCount(&a); n != 3 || m != 3 {
		t.Errorf("%d and %d, want 3", n, m)
	}
	if n := a.IntersectCount(&none); n != 0 {
		t.Errorf("%d in common with nothing", n)
	}
	a.Add(-1)
	a.Add(kernfs.MaxCPUs)
	if a.Count() != 5 {
		t.Error("a number out of range was added")
	}
}

func TestCPUListAllocatesNothing(t *testing.T) {
	text := []byte("0-1023\n")
	var s kernfs.CPUSet
	if n := testing.AllocsPerRun(100, func() { _ = s.Parse(text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCPUList(f *testing.F) {
	for _, s := range []string{"", "0-3,8\n", "9-3", "1-", "16383", "16384", "0-18446744073709551615"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s kernfs.CPUSet
		err := s.Parse(b)
		n := 0
		for i := range kernfs.MaxCPUs {
			if s.Has(i) {
				n++
			}
		}
		if n != s.Count() || s.IntersectCount(&s) != n || err != nil && n > 0 {
			t.Errorf("%q: %d, Count %d, %v", b, n, s.Count(), err)
		}
	})
}
