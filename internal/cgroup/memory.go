package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Memory is what the memory controller says of the process's cgroup and of
// its visible ancestors, in bytes.
type Memory struct {
	Usage     sample.OptUint // memory.current, memory.usage_in_bytes
	SwapUsage sample.OptUint // swap alone, also on v1
	SwapLimit sample.OptUint // the smallest over the levels, swap alone
	High      sample.OptUint // memory.high; v2
	Peak      sample.OptUint // memory.peak (5.19), memory.max_usage_in_bytes; may exceed the limit by some pages
	Stat      MemoryStat
	Events    MemoryEvents
	Local     MemoryEvents // memory.events.local
	Swap      SwapEvents
	// Levels lead from the own cgroup to the visible root. On v1 there may follow a
	// limit of an ancestor that is not visible.
	Levels []MemoryLevel
}

// MemoryLevel is one cgroup's limit and what it uses of it.
type MemoryLevel struct {
	Limit      sample.OptUint // absent: none at this level
	Usage      sample.OptUint
	WorkingSet sample.OptUint // read on demand
	SwapLimit  sample.OptUint // swap alone, also on v1
}

// MemoryStat is memory.stat. On v1 the total_ fields are taken, which count the subtree as v2 does.
type MemoryStat struct {
	Anon         sample.OptUint // anon, total_rss
	File         sample.OptUint // file, total_cache
	InactiveFile sample.OptUint
	PgFault      sample.OptUint // all faults, the major ones included
	PgMajFault   sample.OptUint
	// HierarchicalLimit is v1's: the smallest limit on the way to the real
	// root, invisible ancestors included, where memory.use_hierarchy is 1.
	HierarchicalLimit sample.OptUint
}

// memoryStatKeys fill the fields of MemoryStat in their order. v1 prints
// inactive_file too, for the cgroup without its children; its total_ fields come later and replace it.
var memoryStatKeys = []kernfs.Key{
	{Name: "anon", Value: 0}, {Name: "total_rss", Value: 0},
	{Name: "file", Value: 1}, {Name: "total_cache", Value: 1},
	{Name: "inactive_file", Value: 2}, {Name: "total_inactive_file", Value: 2},
	{Name: "pgfault", Value: 3}, {Name: "total_pgfault", Value: 3},
	{Name: "pgmajfault", Value: 4}, {Name: "total_pgmajfault", Value: 4},
	{Name: "hierarchical_memory_limit", Value: 5},
}

// Parse reads memory.stat of either version.
func (s *MemoryStat) Parse(b []byte) error { return s.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (s *MemoryStat) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [6]sample.OptUint
	l.Parse(b, memoryStatKeys, v[:])
	*s = MemoryStat{Anon: v[0], File: v[1], InactiveFile: v[2], PgFault: v[3], PgMajFault: v[4], HierarchicalLimit: v[5]}
	if v == ([6]sample.OptUint{}) {
		return kernfs.ErrMalformed
	}
	if n, ok := s.HierarchicalLimit.Get(); ok && unlimited(n) {
		s.HierarchicalLimit = sample.OptUint{}
	}
	return nil
}

// WorkingSet is usage without the file pages that would be reclaimed first.
// The two numbers come from different moments: the result never wraps.
func (s *MemoryStat) WorkingSet(usage sample.OptUint) sample.OptUint {
	u, ok := usage.Get()
	inactive, ok2 := s.InactiveFile.Get()
	if !ok || !ok2 {
		return sample.OptUint{}
	}
	return sample.SomeUint(saturatingSub(u, inactive))
}

func saturatingSub(a, b uint64) uint64 {
	if b > a {
		return 0
	}
	return a - b
}

// MemoryEvents are the counts of memory.events and, on v1, those of
// memory.failcnt and memory.oom_control that mean the same.
type MemoryEvents struct {
	Low, High, Max, OOM   sample.OptUint
	OOMKill, OOMGroupKill sample.OptUint // oom_group_kill: 5.12
}

var memoryEventsKeys = []kernfs.Key{
	{Name: "low", Value: 0}, {Name: "high", Value: 1}, {Name: "max", Value: 2}, {Name: "oom", Value: 3},
	{Name: "oom_kill", Value: 4}, {Name: "oom_group_kill", Value: 5},
	// What memory.oom_control has besides.
	{Name: "oom_kill_disable", Value: 6}, {Name: "under_oom", Value: 6},
}

// Parse reads memory.events, and the lines of v1's memory.oom_control, of
// which only oom_kill (4.13) counts anything.
func (e *MemoryEvents) Parse(b []byte) error { return e.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (e *MemoryEvents) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [7]sample.OptUint
	l.Parse(b, memoryEventsKeys, v[:])
	*e = MemoryEvents{Low: v[0], High: v[1], Max: v[2], OOM: v[3], OOMKill: v[4], OOMGroupKill: v[5]}
	if v == ([7]sample.OptUint{}) {
		return kernfs.ErrMalformed
	}
	return nil
}

// SwapEvents are the counts of memory.swap.events.
type SwapEvents sample.SwapEvents

// Parse fills e.
func (e *SwapEvents) Parse(b []byte) error {
	*e = SwapEvents{}
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, n, ok := kernfs.KeyUint(line)
		if !ok {
			continue
		}
		switch string(key) {
		case "high":
			e.High = sample.SomeUint(n)
		case "max":
			e.Max = sample.SomeUint(n)
		case "fail":
			e.Fail = sample.SomeUint(n)
		}
	}
	if *e == (SwapEvents{}) {
		return kernfs.ErrMalformed
	}
	return nil
}

// unlimitedV1 is the smallest value by which a v1 memory file says "no limit":
// the kernel rounds MaxInt64 down to whole pages, and pages reach 64 KiB.
const unlimitedV1 = 1<<63 - 64<<10

// unlimited32 is what 32-bit kernels say: MaxInt32 pages of 4 KiB.
const unlimited32 = (1<<31 - 1) << 12

// ParseLimit reads a memory limit file of either version: a number of bytes,
// or none for "max" and for the sentinels of v1. 0 is a limit.
func ParseLimit(b []byte) (limit sample.OptUint, err error) {
	n, ok := kernfs.Single(b)
	switch {
	case !ok:
		f, rest := kernfs.Field(b)
		more, _ := kernfs.Field(rest)
		if len(more) > 0 || string(f) != "max" && string(f) != "-1" {
			return limit, kernfs.ErrMalformed
		}
		return limit, nil
	case unlimited(n):
		return limit, nil
	}
	return sample.SomeUint(n), nil
}

func unlimited(n uint64) bool { return n >= unlimitedV1 || n == unlimited32 }
