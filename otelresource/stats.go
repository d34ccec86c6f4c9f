package otelresource

import "time"

// LimitSource says what sets an effective limit.
type LimitSource string

// The sources of limits.
const (
	LimitSourceCgroupV1       LimitSource = "cgroup_v1"
	LimitSourceCgroupV2       LimitSource = "cgroup_v2"
	LimitSourceCpuset         LimitSource = "cpuset"
	LimitSourceAffinity       LimitSource = "affinity"
	LimitSourcePlatform       LimitSource = "platform"       // AWS Lambda; LXCFS, which shows another size than the machine's
	LimitSourceVirtualization LimitSource = "virtualization" // the size of the virtual machine
	LimitSourceHost           LimitSource = "host"           // the size of the machine
	LimitSourceProcess        LimitSource = "process"        // setrlimit(2); in GetLimits only
)

// Scope says whose numbers these are.
type Scope string

// The scopes.
const (
	ScopeContainer Scope = "container" // the process's cgroup
	ScopeSystem    Scope = "system"    // the machine, or the virtual machine, as the process sees it
	ScopeProcess   Scope = "process"   // this process; for metrics only
)

// MemoryStats is one reading of memory. All sizes are bytes.
//
// In ScopeContainer the numbers are those of the process's cgroup, on
// cgroup v1 and v2 alike (memory.current, memory.stat, memory.events and their v1 relatives:
// https://docs.kernel.org/admin-guide/cgroup-v2.html#memory-interface-files).
// If that cgroup has no memory controller, they are those of its nearest ancestor that has one,
// because the kernel charges the process's memory to it; UsageCgroup names the cgroup.
// In ScopeSystem they are the machine's, from /proc/meminfo, and so is the limit.
//
// A number that the kernel does not offer is 0 here and Has is false for it;
// JSON leaves it out. A *MemoryStats is a shared, immutable snapshot: read it
// from any goroutine, change nothing.
type MemoryStats struct {
	// UsageBytes is what is used, reclaimable page cache included; in
	// ScopeSystem it is MemTotal - MemAvailable.
	UsageBytes int64 `json:"usage_bytes"`
	// UsageCgroup is the cgroup whose usage this is, as /proc/self/cgroup names it. "" in ScopeSystem.
	UsageCgroup string `json:"usage_cgroup,omitzero"`
	// AvailableBytes is how much more the process can use before the kernel throttles,
	// swaps or kills. In ScopeContainer it is the smallest of
	//
	//   - bound - (usage - reclaimable) of the cgroup and of each visible ancestor. A
	//     bound is the memory limit, memory.high, and on v1 the limit of memory plus
	//     swap, which goes with the usage of both.
	//   - the machine's MemAvailable
	//
	// Reclaimable is inactive_file + active_file + slab_reclaimable - file_dirty -
	// file_writeback of memory.stat, on v1 the total_ fields without slab. In
	// ScopeSystem it is MemAvailable, at most MemTotal. Absent if a bound of the cgroup
	// cannot be read. The metric container.memory.available is another number: limit - working set.
	AvailableBytes int64 `json:"available_bytes"`
	// LimitBytes is the effective limit: the smallest over all visible
	// ancestors, or the machine's size; in ScopeSystem the machine's size. It is never a
	// sentinel. Absent if the limit of the cgroup cannot be read.
	LimitBytes int64 `json:"limit_bytes"`
	// HighBytes is the smallest memory.high of the cgroup and its visible ancestors. Usage above
	// it is throttled and reclaimed, but it is not a limit. Absent on v1, in ScopeSystem and if none is set.
	HighBytes int64 `json:"high_bytes"`
	// LimitSource says what sets LimitBytes. "" where no limit is known.
	LimitSource LimitSource `json:"limit_source,omitzero"`
	// LimitCgroup is the cgroup that sets LimitBytes; "" if none does, and on v1 if it is not visible.
	LimitCgroup string `json:"limit_cgroup,omitzero"`
	// LimitFile is the kernel file that said so, on macOS the sysctl, or $NAME for an environment variable.
	LimitFile string `json:"limit_file,omitzero"`
	// RSSBytes is anonymous memory: anon, or total_rss on v1. ScopeContainer only.
	RSSBytes int64 `json:"rss_bytes"`
	// CacheBytes is page cache: file, or total_cache on v1; in ScopeSystem what is reclaimable of it.
	CacheBytes int64 `json:"cache_bytes"`
	// WorkingSetBytes is usage without inactive file pages, the number that
	// Kubernetes watches. ScopeContainer only.
	WorkingSetBytes int64 `json:"working_set_bytes"`
	// SwapUsageBytes is swap only, also on v1. Absent if swap is not accounted.
	SwapUsageBytes int64 `json:"swap_usage_bytes"`
	// SwapLimitBytes is the smallest memory.swap.max over the cgroup and its visible ancestors. On v1 it is the smallest
	// limit of memory plus swap minus the smallest limit of memory. In ScopeSystem it is SwapTotal. Absent without a limit.
	SwapLimitBytes int64 `json:"swap_limit_bytes"`
	// Pressure is PSI of the process's own cgroup, which has it without a memory controller too, or of
	// the machine in ScopeSystem. It is nil if the kernel has none.
	Pressure *MemoryPressure `json:"pressure,omitzero"`
	// Events counts limits reached; nil where the kernel counts none.
	Events *MemoryEvents `json:"events,omitzero"`
	// LocalEvents are those of UsageCgroup without its children
	// (memory.events.local, since Linux 5.2); nil where there are none, as on v1.
	LocalEvents *MemoryEvents `json:"local_events,omitzero"`
	// SwapEvents counts limits of swap reached (memory.swap.events); nil where there are none, as on v1.
	SwapEvents *SwapEvents `json:"swap_events,omitzero"`
	// Scope says whose numbers these are.
	Scope Scope `json:"scope"`
	// Timestamp is when they were read.
	Timestamp time.Time `json:"timestamp"`

	present presence
}

// Has reports whether the number is there: FieldUsageBytes for UsageBytes and so on.
func (s *MemoryStats) Has(f Field) bool { return s.present.has(f) }

// MarshalJSON leaves absent numbers out.
func (s MemoryStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

// MemoryEvents counts, since the cgroup was made, how often a boundary was
// reached (memory.events). Low, High, Max and OOM are those of the cgroup that sets the
// smallest limit or, without a limit, the smallest memory.high. The kills are those of
// MemoryStats.UsageCgroup. On v1 there are only Max (memory.failcnt) and OOMKill (memory.oom_control).
type MemoryEvents struct {
	Low          int64 `json:"low"`            // reclaimed although below memory.low
	High         int64 `json:"high"`           // throttled at memory.high
	Max          int64 `json:"max"`            // usage was about to pass the limit
	OOM          int64 `json:"oom"`            // the limit was reached and nothing could be reclaimed
	OOMKill      int64 `json:"oom_kill"`       // processes killed
	OOMGroupKill int64 `json:"oom_group_kill"` // whole cgroups killed; since Linux 5.12

	present presence
}

// Has reports whether the count is there.
func (e *MemoryEvents) Has(f Field) bool { return e.present.has(f) }

// MarshalJSON leaves absent counts out.
func (e MemoryEvents) MarshalJSON() ([]byte, error) { return marshalPresent(e, e.present) }

// SwapEvents counts, since the cgroup was made, what happened at its boundaries
// of swap.
type SwapEvents struct {
	High int64 `json:"high"` // memory.swap.high was passed; since Linux 5.8
	Max  int64 `json:"max"`  // usage was about to pass memory.swap.max
	Fail int64 `json:"fail"` // a swap allocation failed: the limit was reached, or no swap was left

	present presence
}

// Has reports whether the count is there.
func (e *SwapEvents) Has(f Field) bool { return e.present.has(f) }

// MarshalJSON leaves absent counts out.
func (e SwapEvents) MarshalJSON() ([]byte, error) { return marshalPresent(e, e.present) }

// Stall is how long tasks were held up (PSI, https://docs.kernel.org/accounting/psi.html).
type Stall struct {
	Avg10        float64 `json:"avg10"`         // share of the last 10 s, 0-1
	Avg60        float64 `json:"avg60"`         // share of the last 60 s, 0-1
	Avg300       float64 `json:"avg300"`        // share of the last 300 s, 0-1
	TotalSeconds float64 `json:"total_seconds"` // cumulative, since the cgroup was made or the machine booted
}

// Pressure is the PSI of one resource. A nil line is one that the kernel does not have.
type Pressure struct {
	Some *Stall `json:"some,omitempty"` // at least one task was held up
	Full *Stall `json:"full,omitempty"` // all tasks were
}

// MemoryPressure is memory.pressure, or /proc/pressure/memory in ScopeSystem.
type MemoryPressure = Pressure

// CPUPressure is cpu.pressure, or /proc/pressure/cpu in ScopeSystem.
type CPUPressure = Pressure

// CPUStats is one reading of the CPU.
//
// In ScopeContainer usage and times are those of the process's own cgroup
// (cpu.stat, https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files;
// cpuacct.* on v1), in ScopeSystem those of the machine (/proc/stat).
//
// What is absent is 0 and Has is false for it; JSON leaves it out. A *CPUStats
// is a shared, immutable snapshot.
type CPUStats struct {
	// UsagePercent is UsageCores as a share of the cgroup's limit, 0-100; with burst
	// it may exceed 100. That is LimitCores, unless the affinity of this process is
	// smaller. In ScopeSystem it is the share of the machine's online CPUs.
	UsagePercent float64 `json:"usage_percent"`
	// UsageCores is the cores in use over the newest window of at least
	// max(UpdateInterval, 100 ms). All getters of a Monitor share the window.
	// Absent until the first window is full, and if the times could not be read.
	UsageCores float64 `json:"usage_cores"`
	// UsageSeconds, UserSeconds and SystemSeconds are cumulative and never go back.
	UsageSeconds  float64 `json:"usage_seconds"`
	UserSeconds   float64 `json:"user_seconds"`
	SystemSeconds float64 `json:"system_seconds"`
	// AvailableCores is the online CPUs that this process may be scheduled on.
	AvailableCores float64 `json:"available_cores"`
	// LimitCores is the effective limit: the smallest of the quotas of all
	// visible levels, the cpuset, the affinity and the online CPUs. In ScopeSystem
	// those of cgroups are left out. Absent if the quota or cpuset of the cgroup cannot be read.
	LimitCores float64 `json:"limit_cores"`
	// LimitSource says what sets LimitCores.
	LimitSource LimitSource `json:"limit_source,omitzero"`
	// LimitCgroup is the cgroup that sets LimitCores; "" where none does.
	LimitCgroup string `json:"limit_cgroup,omitzero"`
	// LimitFile is the kernel file that said so, on macOS the sysctl; "" for the affinity, a system call.
	LimitFile string `json:"limit_file,omitzero"`
	// Shares is v1's cpu.shares, 2-262144. On v2 it is converted from the weight by the
	// inverse of weight = ceil(10^((L²+125L)/612 - 7/34)), L = log2(shares),
	// which container runtimes use since 2025; those before used another.
	Shares int64 `json:"shares"`
	// Weight is v2's cpu.weight, 1-10000, as the kernel has it.
	Weight int64 `json:"weight"`
	// QuotaPeriodUs and QuotaUs are those of the cgroup whose quota binds, in microseconds; absent without a quota.
	QuotaPeriodUs int64 `json:"quota_period_us"`
	QuotaUs       int64 `json:"quota_us"`
	// Throttling is that of the cgroup whose quota binds; nil without a quota.
	Throttling *CPUThrottling `json:"throttling,omitzero"`
	// Pressure is PSI; nil where the kernel has none.
	Pressure *CPUPressure `json:"pressure,omitzero"`
	// PerCPUUsage is the usage of each logical CPU in percent over the newest
	// window, in the scope of the struct. nil in a v2 cgroup: the kernel has no such numbers.
	PerCPUUsage []float64 `json:"per_cpu_usage,omitzero"`
	// PerCPUIDs are the CPU numbers, parallel to PerCPUUsage.
	PerCPUIDs []int `json:"per_cpu_ids,omitzero"`
	// Scope says whose numbers these are.
	Scope Scope `json:"scope"`
	// Timestamp is when they were read.
	Timestamp time.Time `json:"timestamp"`

	present presence
}

// Has reports whether the number is there.
func (s *CPUStats) Has(f Field) bool { return s.present.has(f) }

// MarshalJSON leaves absent numbers out.
func (s CPUStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

// CPUThrottling is what CFS bandwidth control did (cpu.stat).
type CPUThrottling struct {
	Periods          int64   `json:"periods"`           // enforcement periods that have passed
	ThrottledPeriods int64   `json:"throttled_periods"` // of them, those in which the quota ran out
	ThrottledSeconds float64 `json:"throttled_seconds"` // summed over CPUs: it may pass wall time
	BurstPeriods     int64   `json:"burst_periods"`     // since Linux 5.14
	BurstSeconds     float64 `json:"burst_seconds"`     // since Linux 5.14

	present presence
}

// Has reports whether the number is there.
func (t *CPUThrottling) Has(f Field) bool { return t.present.has(f) }

// MarshalJSON leaves absent numbers out.
func (t CPUThrottling) MarshalJSON() ([]byte, error) { return marshalPresent(t, t.present) }

// ResourceLimits is every limit that was found. It is a shared, immutable snapshot.
type ResourceLimits struct {
	// Memory and CPU are the effective limits; a nil pointer: not known.
	Memory *Limit `json:"memory,omitempty"`
	CPU    *Limit `json:"cpu,omitempty"`
	// All are the limits found, binding or not, the own cgroup's before its ancestors'.
	All []Limit `json:"all"`
	// Timestamp is when they were read.
	Timestamp time.Time `json:"timestamp"`
}

// Limit is one limit and where it comes from.
type Limit struct {
	// Kind is memory, memory.high, swap, memory+swap (v1), hugetlb.SIZE, cpu.quota, cpuset, affinity, cpu (online CPUs), pids,
	// io.rbps, io.wbps, io.riops, io.wiops (of one device) or rlimit.*; on macOS also
	// memory.footprint (jetsam's), maxfilesperproc and maxprocperuid (sysctls under kern).
	Kind string `json:"kind"`
	// Value is in Unit: By (bytes), {cpu}, {thread}, {file_descriptor}, By/s, {operation}/s.
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Source says what sets it.
	Source LimitSource `json:"source"`
	// Device is the block device that a limit of I/O is for, as DeviceIOStats.Name; else "".
	Device string `json:"device,omitempty"`
	// Cgroup is the cgroup that sets it, as /proc/self/cgroup names it; "" where none does.
	Cgroup string `json:"cgroup,omitempty"`
	// File is the kernel file, or $NAME for an environment variable; "" for a system call.
	File string `json:"file,omitempty"`
}
