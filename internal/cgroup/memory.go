package cgroup

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Memory is what the memory controller says of the cgroup that the process's
// memory is charged to, and of its visible ancestors, in bytes.
type Memory struct {
	// UsageLevel is the level that the process's memory is charged to: the first with a
	// memory controller. The fields up to Swap are its numbers, except for the two limits.
	UsageLevel int
	// The limit, or any bound, of that level could not be read. It may be lower than all others.
	UnknownLimit, UnknownBound bool

	Usage     sample.OptUint // memory.current, memory.usage_in_bytes
	SwapUsage sample.OptUint // swap only, also on v1
	SwapLimit sample.OptUint // the smallest over the levels, swap only
	High      sample.OptUint // memory.high, the smallest over the levels; v2
	Peak      sample.OptUint // memory.peak (5.19), memory.max_usage_in_bytes; may exceed the limit by some pages
	Stat      MemoryStat
	Events    MemoryEvents
	Local     MemoryEvents // memory.events.local
	Swap      SwapEvents
	// Levels lead from the own cgroup to the visible root. On v1 there may follow a
	// limit of an ancestor that is not visible.
	Levels []MemoryLevel
}

// MemoryLevel is one cgroup's bounds and what counts against them. An absent bound
// is one that is not set. What counts against it is read only if there is a bound.
type MemoryLevel struct {
	Limit     sample.OptUint // memory.max, memory.limit_in_bytes
	High      sample.OptUint // memory.high; v2
	SwapLimit sample.OptUint // memory.swap.max: swap only; v2
	SumLimit  sample.OptUint // memory.memsw.limit_in_bytes: memory plus swap; v1

	Usage       sample.OptUint
	SumUsage    sample.OptUint // memory.memsw.usage_in_bytes; v1
	WorkingSet  sample.OptUint
	Reclaimable sample.OptUint // absent if memory.stat cannot be read
}

// Available returns how much more the cgroup can use before it reaches one of its bounds: the smallest
// of bound - (usage - reclaimable). If nothing is known of what is reclaimable, nothing is.
func (l *MemoryLevel) Available() sample.OptUint {
	held := minus(l.Usage, sample.SomeUint(l.Reclaimable.Or(0)))
	sum := minus(l.SumUsage, sample.SomeUint(l.Reclaimable.Or(0)))
	return least(least(minus(l.Limit, held), minus(l.High, held)), minus(l.SumLimit, sum))
}

// MemoryStat is memory.stat. On v1 the total_ fields are taken, which count the subtree as v2 does.
type MemoryStat struct {
	Anon         sample.OptUint // anon, total_rss
	File         sample.OptUint // file, total_cache
	InactiveFile sample.OptUint
	ActiveFile   sample.OptUint
	Slab         sample.OptUint // slab_reclaimable; v2
	Dirty        sample.OptUint // file_dirty, total_dirty
	Writeback    sample.OptUint // file_writeback, total_writeback
	PgFault      sample.OptUint // all faults, the major ones included
	PgMajFault   sample.OptUint
	// HierarchicalLimit and HierarchicalSum are v1's: the smallest limits of memory, and of memory
	// plus swap, on the way to the real root. They include ancestors that are not visible,
	// if memory.use_hierarchy is 1.
	HierarchicalLimit, HierarchicalSum sample.OptUint
}

// memoryStatKeys fill the fields of MemoryStat in their order. v1 prints
// inactive_file too, for the cgroup without its children; its total_ fields come later and replace it.
var memoryStatKeys = []kernfs.Key{
	{Name: "anon", Value: 0}, {Name: "total_rss", Value: 0},
	{Name: "file", Value: 1}, {Name: "total_cache", Value: 1},
	{Name: "inactive_file", Value: 2}, {Name: "total_inactive_file", Value: 2},
	{Name: "active_file", Value: 3}, {Name: "total_active_file", Value: 3},
	{Name: "slab_reclaimable", Value: 4},
	{Name: "file_dirty", Value: 5}, {Name: "total_dirty", Value: 5},
	{Name: "file_writeback", Value: 6}, {Name: "total_writeback", Value: 6},
	{Name: "pgfault", Value: 7}, {Name: "total_pgfault", Value: 7},
	{Name: "pgmajfault", Value: 8}, {Name: "total_pgmajfault", Value: 8},
	{Name: "hierarchical_memory_limit", Value: 9}, {Name: "hierarchical_memsw_limit", Value: 10},
}

// Parse reads memory.stat of either version.
func (s *MemoryStat) Parse(b []byte) error { return s.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (s *MemoryStat) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [11]sample.OptUint
	l.Parse(b, memoryStatKeys, v[:])
	*s = MemoryStat{
		Anon: v[0], File: v[1], InactiveFile: v[2], ActiveFile: v[3], Slab: v[4], Dirty: v[5], Writeback: v[6],
		PgFault: v[7], PgMajFault: v[8], HierarchicalLimit: limited(v[9]), HierarchicalSum: limited(v[10]),
	}
	if v == ([11]sample.OptUint{}) {
		return kernfs.ErrMalformed
	}
	return nil
}

// limited drops the value by which a v1 file says that there is no limit.
func limited(n sample.OptUint) sample.OptUint {
	if unlimited(n.Or(0)) {
		return sample.OptUint{}
	}
	return n
}

// Reclaimable is what the kernel can take back without writing to a disk: page cache that is neither dirty
// nor being written, and reclaimable kernel memory. Absent if the file has no page cache.
func (s *MemoryStat) Reclaimable() sample.OptUint {
	if !s.InactiveFile.Present() && !s.ActiveFile.Present() {
		return sample.OptUint{}
	}
	most := uint64(math.MaxUint64 / 4) // the sums do not overflow
	n := func(v sample.OptUint) uint64 { return min(v.Or(0), most) }
	return sample.SomeUint(saturatingSub(n(s.InactiveFile)+n(s.ActiveFile)+n(s.Slab), n(s.Dirty)+n(s.Writeback)))
}

// WorkingSet is usage without the file pages that would be reclaimed first.
// The two numbers come from different moments: the result never wraps.
func (s *MemoryStat) WorkingSet(usage sample.OptUint) sample.OptUint {
	return minus(usage, s.InactiveFile)
}

// minus subtracts two readings of different files; if one is absent, so is the result.
func minus(a, b sample.OptUint) sample.OptUint {
	x, ok := a.Get()
	y, ok2 := b.Get()
	if !ok || !ok2 {
		return sample.OptUint{}
	}
	return sample.SomeUint(saturatingSub(x, y))
}

// least returns the smaller of two; if one is absent, the other.
func least(a, b sample.OptUint) sample.OptUint {
	x, ok := a.Get()
	if y, ok2 := b.Get(); ok2 && (!ok || y < x) {
		return b
	}
	return a
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
