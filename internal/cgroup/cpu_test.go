package cgroup

import (
	"math"
	"slices"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestCPUStat(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       CPUStat
		malformed  bool
	}{
		{"v2 counts microseconds (R1)", "usage_usec 4200000\nuser_usec 3000000\nsystem_usec 1200000\n", CPUStat{Usage: some(4_200_000_000), User: some(3_000_000_000), System: some(1_200_000_000)}, false},
		{
			"v2 in full", "usage_usec 9\nuser_usec 5\nsystem_usec 4\nnice_usec 1\ncore_sched.force_idle_usec 0\nnr_periods 10\nnr_throttled 3\nthrottled_usec 7\nnr_bursts 2\nburst_usec 6\n",
			CPUStat{Usage: some(9000), User: some(5000), System: some(4000), Periods: some(10), Throttled: some(3), ThrottledTime: some(7000), Bursts: some(2), BurstTime: some(6000)}, false,
		},
		{
			"v1 counts nanoseconds", "nr_periods 10\nnr_throttled 3\nthrottled_time 7000\nnr_bursts 1\nburst_time 5\nwait_sum 8\n",
			CPUStat{Periods: some(10), Throttled: some(3), ThrottledTime: some(7000), Bursts: some(1), BurstTime: some(5)}, false,
		},
		{"without the cpu controller: usage alone", "usage_usec 0\nuser_usec 0\nsystem_usec 0", CPUStat{Usage: some(0), User: some(0), System: some(0)}, false},
		{"too large for nanoseconds", "usage_usec 18446744073709551615\nuser_usec 1\n", CPUStat{User: some(1000)}, false},
		{"a bad line loses only itself", "usage_usec x\n\nuser_usec 1\n", CPUStat{User: some(1000)}, false},
		{"empty", "", CPUStat{}, true},
		{"another file", "anon 3\n", CPUStat{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := CPUStat{Usage: some(77)}
			if err := got.Parse([]byte(c.text)); (err != nil) != c.malformed || got != c.want {
				t.Errorf("got %+v %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestParseCPUMax(t *testing.T) {
	for _, c := range []struct {
		text          string
		quota, period sample.OptUint
		ok            bool
	}{
		{"max 100000\n", none, some(100000), true},
		{"max", none, some(100000), true},
		{"150000 100000", some(150000), some(100000), true}, // R22a: no newline
		{"50000\n", some(50000), some(100000), true},        // C1
		{"1000 1000000\n", some(1000), some(1000000), true},
		{"100000 0\n", none, none, false}, // R22b
		{"100000 x\n", none, none, false},
		{"0 100000\n", none, none, false},
		{"-1 100000\n", none, none, false},
		{"1 2 3\n", none, none, false},
		{"", none, none, false},
		{"\n", none, none, false},
	} {
		q, p, err := ParseCPUMax([]byte(c.text))
		if q != c.quota || p != c.period || (err == nil) != c.ok {
			t.Errorf("%q: %v %v %v, want %v %v", c.text, q, p, err, c.quota, c.period)
		}
	}
}

func TestParseCFSQuota(t *testing.T) {
	for _, c := range []struct {
		text string
		want sample.OptUint
		ok   bool
	}{
		{"-1\n", none, true},
		{"50000\n", some(50000), true},
		{"50000", some(50000), true},
		{"0\n", none, false},
		{"max\n", none, false},
		{"", none, false},
		{"1 2\n", none, false},
		{"9223372036854775808\n", none, false},
	} {
		if got, err := ParseCFSQuota([]byte(c.text)); got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v %v, want %v", c.text, got, err, c.want)
		}
	}
}

func TestParseCpuacctStat(t *testing.T) {
	for _, c := range []struct {
		text         string
		user, system sample.OptUint
		ok           bool
	}{
		{"user 123\nsystem 4\n", some(1_230_000_000), some(40_000_000), true},
		{"system 4\nuser 0", some(0), some(40_000_000), true},
		{"user 1\n", some(10_000_000), none, false},
		{"user 18446744073709551615\nsystem 1\n", none, some(10_000_000), false},
		{"", none, none, false},
	} {
		u, s, err := ParseCpuacctStat([]byte(c.text))
		if u != c.user || s != c.system || (err == nil) != c.ok {
			t.Errorf("%q: %v %v %v", c.text, u, s, err)
		}
	}
}

func TestParsePerCPU(t *testing.T) {
	buf := make([]uint64, 0, 8)
	got, err := ParsePerCPU([]byte("10 20 0 \n"), buf) // the kernel leaves a blank at the end (2.2)
	if err != nil || !slices.Equal(got, []uint64{10, 20, 0}) {
		t.Errorf("%v %v", got, err)
	}
	for _, bad := range []string{"", " \n", "1 x 2\n", "-1\n"} {
		if got, err := ParsePerCPU([]byte(bad), buf); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

// The weights that runtimes write for a few shares (2.6). A weight stands for a range of
// shares; the conversion gives the largest, which is exact at the three pinned points.
func TestSharesFromWeight(t *testing.T) {
	for weight, want := range map[uint64]uint64{1: 2, 100: 1024, 10000: 262144, 0: 0, 10001: 0} {
		if got := SharesFromWeight(weight); got != want {
			t.Errorf("weight %d: %d shares, want %d", weight, got, want)
		}
	}
	toWeight := func(shares uint64) float64 {
		l := math.Log2(float64(shares))
		return math.Pow(10, (l*l+125*l)/612-7.0/34)
	}
	last := uint64(0)
	for weight := uint64(1); weight <= 10000; weight++ {
		shares := SharesFromWeight(weight)
		if shares < last || shares < 2 || shares > 262144 {
			t.Fatalf("weight %d: %d shares after %d", weight, shares, last)
		}
		last = shares
		// Rounded to whole shares, the weight is met as closely as shares allow.
		if low, high := toWeight(shares-1), toWeight(shares+1); shares > 2 && (float64(weight) < low || float64(weight) > high) {
			t.Fatalf("weight %d: %d shares, which are %f..%f", weight, shares, low, high)
		}
	}
}

func TestBindingIsTheSmallestQuotaAndOfEqualOnesTheInnermost(t *testing.T) {
	level := func(q, p sample.OptUint) CPULevel { return CPULevel{Quota: q, Period: p} }
	for _, c := range []struct {
		name   string
		levels []CPULevel
		want   int
		cores  float64
	}{
		{"none set", []CPULevel{level(none, some(100000)), level(none, none)}, -1, math.Inf(1)},
		{"no level", nil, -1, math.Inf(1)},
		{"parent only (R22c)", []CPULevel{level(none, some(100000)), level(some(50000), some(100000))}, 1, 0.5},
		{"equal", []CPULevel{level(some(50000), some(100000)), level(some(25000), some(50000))}, 0, 0.5},
		{"a period of zero drops out", []CPULevel{level(some(1), some(0)), level(some(200000), some(100000))}, 1, 2},
		{"an unread period drops out", []CPULevel{level(some(1), none)}, -1, math.Inf(1)},
	} {
		got, cores := (&CPU{Levels: c.levels}).Binding()
		if got != c.want || cores != c.cores {
			t.Errorf("%s: level %d, %v cores", c.name, got, cores)
		}
	}
}

func FuzzCPUStat(f *testing.F) {
	f.Add("usage_usec 4200000\nnr_periods 1\nthrottled_time 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		var s CPUStat
		if err := s.Parse([]byte(text)); err != nil && s != (CPUStat{}) {
			t.Fatalf("%+v with %v", s, err)
		}
		for _, n := range []sample.OptUint{s.Usage, s.User, s.System, s.ThrottledTime, s.BurstTime} {
			if n.Or(0) > math.MaxInt64 {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func FuzzCPULimits(f *testing.F) {
	f.Add("max 100000\n")
	f.Add("100000 0")
	f.Add("-1\n")
	f.Fuzz(func(t *testing.T, text string) {
		b := []byte(text)
		q, p, err := ParseCPUMax(b)
		l := CPULevel{Quota: q, Period: p}
		if n, ok := l.Cores(); ok && (err != nil || n <= 0 || math.IsInf(n, 0) || math.IsNaN(n)) {
			t.Fatalf("%q: %v cores, %v", text, n, err)
		}
		if q, err := ParseCFSQuota(b); q.Present() && (err != nil || q.Or(0) == 0) {
			t.Fatalf("%q: quota %v, %v", text, q, err)
		}
		if all, err := ParsePerCPU(b, nil); err == nil && len(all) == 0 {
			t.Fatalf("%q: no CPU and no error", text)
		}
		if u, s, err := ParseCpuacctStat(b); err == nil && (!u.Present() || !s.Present()) {
			t.Fatalf("%q: half and no error", text)
		}
	})
}
