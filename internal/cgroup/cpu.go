package cgroup

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// CPU is what the cpu, cpuacct and cpuset controllers say of the process's
// cgroup and of its visible ancestors.
type CPU struct {
	Usage        sample.OptUint // nanoseconds
	User, System sample.OptUint // nanoseconds; v1: of the resolution of a tick
	Weight       sample.OptUint // cpu.weight, 1..10000
	Shares       sample.OptUint // cpu.shares, 2..262144
	Throttling   CPUStat        // of the level asked for
	PerCPU       []uint64       // v1 cpuacct.usage_percpu, nanoseconds, by CPU number
	Cpuset       sample.OptUint // CPUs of the effective cpuset
	CpusetLevel  int            // whose it is
	Unknown      bool           // the quota or the cpuset of the process's cgroup could not be read
	Levels       []CPULevel     // lead from the own cgroup to the visible root
}

// CPULevel is one cgroup's quota.
type CPULevel struct {
	Quota, Period sample.OptUint // microseconds; an absent quota: none at this level
}

// Cores returns the quota in CPUs.
func (l *CPULevel) Cores() (float64, bool) {
	q, ok := l.Quota.Get()
	p, ok2 := l.Period.Get()
	if !ok || !ok2 || p == 0 {
		return 0, false
	}
	return float64(q) / float64(p), true
}

// Binding returns the level with the smallest quota, or -1 where none is set.
// Of equal ones the innermost binds.
func (c *CPU) Binding() (level int, cores float64) {
	level, cores = -1, math.Inf(1)
	for i := range c.Levels {
		if n, ok := c.Levels[i].Cores(); ok && n < cores {
			level, cores = i, n
		}
	}
	return level, cores
}

// CPUStat is cpu.stat, of v2 with the times of the cgroup, of v1 with
// throttling alone. All times are nanoseconds here.
type CPUStat struct {
	Usage, User, System sample.OptUint
	Periods, Throttled  sample.OptUint
	ThrottledTime       sample.OptUint
	Bursts, BurstTime   sample.OptUint // since Linux 5.14
}

// cpuStatKeys fill the fields of CPUStat in their order; v2 has microseconds
// (_usec), v1 nanoseconds (_time) for the same thing.
var cpuStatKeys = []kernfs.Key{
	{Name: "usage_usec", Value: 0}, {Name: "user_usec", Value: 1}, {Name: "system_usec", Value: 2},
	{Name: "nr_periods", Value: 3}, {Name: "nr_throttled", Value: 4}, {Name: "throttled_usec", Value: 5},
	{Name: "nr_bursts", Value: 6}, {Name: "burst_usec", Value: 7},
	{Name: "throttled_time", Value: 8}, {Name: "burst_time", Value: 9},
}

// Parse reads cpu.stat of either version.
func (s *CPUStat) Parse(b []byte) error { return s.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (s *CPUStat) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [10]sample.OptUint
	l.Parse(b, cpuStatKeys, v[:])
	*s = CPUStat{
		Usage: times(v[0], 1000), User: times(v[1], 1000), System: times(v[2], 1000),
		Periods: times(v[3], 1), Throttled: times(v[4], 1), ThrottledTime: times(v[5], 1000),
		Bursts: times(v[6], 1), BurstTime: times(v[7], 1000),
	}
	if v[8].Present() {
		s.ThrottledTime = times(v[8], 1)
	}
	if v[9].Present() {
		s.BurstTime = times(v[9], 1)
	}
	if v == ([10]sample.OptUint{}) {
		return kernfs.ErrMalformed
	}
	return nil
}

// times is absent beyond the range of 64 bits.
func times(n sample.OptUint, unit uint64) sample.OptUint {
	v, ok := n.Get()
	if !ok || v > (math.MaxUint64-1)/unit {
		return sample.OptUint{}
	}
	return sample.SomeUint(v * unit)
}

// defaultPeriod is what the kernel takes where cpu.max holds the quota alone, in microseconds.
const defaultPeriod = 100_000

// ParseCPUMax reads v2's cpu.max, "quota period" or "max period". A period of
// zero is invalid, never an infinite limit.
func ParseCPUMax(b []byte) (quota, period sample.OptUint, err error) {
	first, rest := kernfs.Field(b)
	second, rest := kernfs.Field(rest)
	if more, _ := kernfs.Field(rest); len(more) > 0 {
		return quota, period, kernfs.ErrMalformed
	}
	p := uint64(defaultPeriod)
	if len(second) > 0 {
		var ok bool
		if p, ok = kernfs.Uint(second); !ok || p == 0 {
			return quota, period, kernfs.ErrMalformed
		}
	}
	if string(first) == "max" {
		return quota, sample.SomeUint(p), nil
	}
	q, ok := kernfs.Uint(first)
	if !ok || q == 0 { // the kernel accepts none below a millisecond
		return quota, period, kernfs.ErrMalformed
	}
	return sample.SomeUint(q), sample.SomeUint(p), nil
}

// ParseCFSQuota reads v1's cpu.cfs_quota_us, where -1 is none.
func ParseCFSQuota(b []byte) (quota sample.OptUint, err error) {
	f, rest := kernfs.Field(b)
	n, ok := kernfs.Int(f)
	if more, _ := kernfs.Field(rest); !ok || n == 0 || len(more) > 0 {
		return quota, kernfs.ErrMalformed
	}
	if n < 0 {
		return quota, nil
	}
	return sample.SomeUint(uint64(n)), nil
}

// tick is USER_HZ, 1/100 s on every platform that this module supports, in nanoseconds.
const tick = 10_000_000

// ParseCpuacctStat reads v1's cpuacct.stat: USER_HZ ticks, here as nanoseconds.
func ParseCpuacctStat(b []byte) (user, system sample.OptUint, err error) {
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, n, ok := kernfs.KeyUint(line)
		if !ok || n > (math.MaxUint64-1)/tick {
			continue
		}
		switch string(key) {
		case "user":
			user = sample.SomeUint(n * tick)
		case "system":
			system = sample.SomeUint(n * tick)
		}
	}
	if !user.Present() || !system.Present() {
		return user, system, kernfs.ErrMalformed
	}
	return user, system, nil
}

// ParsePerCPU appends v1's cpuacct.usage_percpu, nanoseconds of every
// possible CPU, to dst.
func ParsePerCPU(b []byte, dst []uint64) ([]uint64, error) {
	for {
		f, rest := kernfs.Field(b)
		if len(f) == 0 {
			if len(dst) == 0 {
				return dst, kernfs.ErrMalformed
			}
			return dst, nil
		}
		n, ok := kernfs.Uint(f)
		if !ok {
			return dst, kernfs.ErrMalformed
		}
		dst, b = append(dst, n), rest
	}
}

// SharesFromWeight converts cpu.weight to the cpu.shares that container
// runtimes write for it, by the inverse of the formula that they share since
// 2025: weight = ceil(10^((L^2 + 125 L)/612 - 7/34)), L = log2(shares).
// Runtimes before used a linear one; the file does not tell which wrote it.
func SharesFromWeight(weight uint64) uint64 {
	if weight < 1 || weight > 10000 {
		return 0
	}
	// L solves L^2 + 125 L - 612 (log10(weight) + 7/34) = 0.
	c := 612 * (math.Log10(float64(weight)) + 7.0/34)
	l := (-125 + math.Sqrt(125*125+4*c)) / 2
	return uint64(math.Round(math.Exp2(l)))
}
