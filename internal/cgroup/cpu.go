package cgroup

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// CPU is what the cpu, cpuacct and cpuset controllers say of the process's
// cgroup and of its visible ancestors.
type CPU struct {
	Usage        sample.Opt[uint64] // nanoseconds
	User, System sample.Opt[uint64] // nanoseconds; v1: of the resolution of a tick
	Weight       sample.Opt[uint64] // cpu.weight, 1..10000
	Shares       sample.Opt[uint64] // cpu.shares, 2..262144
	Throttling   CPUStat            // of the level asked for
	PerCPU       []uint64           // v1 cpuacct.usage_percpu, nanoseconds, by CPU number
	Cpuset       sample.Opt[uint64] // CPUs of the effective cpuset
	CpusetCgroup string
	CpusetFile   string
	Levels       []CPULevel
}

// CPULevel is one cgroup's quota.
type CPULevel struct {
	Level
	Version       Version
	Quota, Period sample.Opt[uint64] // microseconds; an absent quota: none at this level
	QuotaFile     string
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
	Usage, User, System sample.Opt[uint64]
	Periods, Throttled  sample.Opt[uint64]
	ThrottledTime       sample.Opt[uint64]
	Bursts, BurstTime   sample.Opt[uint64] // since Linux 5.14
}

// Parse reads cpu.stat of either version: v2 has microseconds (_usec), v1
// nanoseconds (_time) for the same thing.
func (s *CPUStat) Parse(b []byte) error {
	*s = CPUStat{}
	known := false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, n, ok := kernfs.KeyUint(line)
		if !ok {
			continue
		}
		var field *sample.Opt[uint64]
		unit := uint64(1000)
		switch string(key) {
		case "usage_usec":
			field = &s.Usage
		case "user_usec":
			field = &s.User
		case "system_usec":
			field = &s.System
		case "throttled_usec":
			field = &s.ThrottledTime
		case "burst_usec":
			field = &s.BurstTime
		case "throttled_time":
			field, unit = &s.ThrottledTime, 1
		case "burst_time":
			field, unit = &s.BurstTime, 1
		case "nr_periods":
			field, unit = &s.Periods, 1
		case "nr_throttled":
			field, unit = &s.Throttled, 1
		case "nr_bursts":
			field, unit = &s.Bursts, 1
		default:
			continue
		}
		known = true
		if n <= math.MaxInt64/unit {
			*field = sample.Some(n * unit)
		}
	}
	if !known {
		return kernfs.ErrMalformed
	}
	return nil
}

// defaultPeriod is what the kernel takes where cpu.max holds the quota alone, in microseconds.
const defaultPeriod = 100_000

// ParseCPUMax reads v2's cpu.max, "quota period" or "max period". A period of
// zero is invalid, never an infinite limit.
func ParseCPUMax(b []byte) (quota, period sample.Opt[uint64], err error) {
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
		return quota, sample.Some(p), nil
	}
	q, ok := kernfs.Uint(first)
	if !ok || q == 0 { // the kernel accepts none below a millisecond
		return quota, period, kernfs.ErrMalformed
	}
	return sample.Some(q), sample.Some(p), nil
}

// ParseCFSQuota reads v1's cpu.cfs_quota_us, where -1 is none.
func ParseCFSQuota(b []byte) (quota sample.Opt[uint64], err error) {
	f, rest := kernfs.Field(b)
	n, ok := kernfs.Int(f)
	if more, _ := kernfs.Field(rest); !ok || n == 0 || len(more) > 0 {
		return quota, kernfs.ErrMalformed
	}
	if n < 0 {
		return quota, nil
	}
	return sample.Some(uint64(n)), nil
}

// tick is USER_HZ, 1/100 s on every platform that this module supports, in nanoseconds.
const tick = 10_000_000

// ParseCpuacctStat reads v1's cpuacct.stat: USER_HZ ticks, here as nanoseconds.
func ParseCpuacctStat(b []byte) (user, system sample.Opt[uint64], err error) {
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, n, ok := kernfs.KeyUint(line)
		if !ok || n > math.MaxInt64/tick {
			continue
		}
		switch string(key) {
		case "user":
			user = sample.Some(n * tick)
		case "system":
			system = sample.Some(n * tick)
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
