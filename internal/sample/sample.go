// Package sample holds the platform-neutral readings: plain numbers in base
// units, each with its presence. It imports nothing of this module, so every
// other package may speak in its terms.
package sample

import "time"

// Source names the term that decides an effective limit.
type Source uint8

// The terms, in no order of strength.
const (
	SourceNone Source = iota
	SourceCgroupV1
	SourceCgroupV2
	SourceCpuset
	SourceAffinity
	SourcePlatform
	SourceVirtualization
	SourceHost
	SourceProcess
)

// String returns the word that metrics and JSON use.
func (s Source) String() string {
	return [...]string{"", "cgroup_v1", "cgroup_v2", "cpuset", "affinity", "platform", "virtualization", "host", "process"}[s]
}

// Cgroup reports whether a cgroup's own setting decides.
func (s Source) Cgroup() bool {
	return s == SourceCgroupV1 || s == SourceCgroupV2 || s == SourceCpuset
}

// Limit is an effective limit: a concrete value and what set it. A zero Limit, with SourceNone, says that none is known.
type Limit[T uint64 | float64] struct {
	Value  T
	Source Source
	Cgroup string // the cgroup that set it, as /proc/self/cgroup names it; "" where none did
	File   string // the file that said so; "" for a system call
}

// Known reports whether there is a limit.
func (l Limit[T]) Known() bool { return l.Source != SourceNone }

// Lower replaces l where other is smaller or l is unknown. On equal values l
// stays: the term that was asked first keeps the name.
func (l *Limit[T]) Lower(other Limit[T]) {
	if other.Known() && (!l.Known() || other.Value < l.Value) {
		*l = other
	}
}

// LowerOrEqual is Lower for a term that explains l where it has the same value.
func (l *Limit[T]) LowerOrEqual(other Limit[T]) {
	if other.Known() && (!l.Known() || other.Value <= l.Value) {
		*l = other
	}
}

// Stall is one line of a PSI file.
type Stall struct {
	Avg10, Avg60, Avg300 float64 // share of time, 0..1
	Total                uint64  // cumulative, microseconds
}

// Pressure is one resource's PSI.
type Pressure struct {
	Some, Full Opt[Stall]
}

// Faults counts page faults since the cgroup or the machine started.
type Faults struct {
	Minor, Major OptUint
}

// Memory is one reading of the memory collector, in bytes.
type Memory struct {
	Time time.Time
	// Own says that the cgroup's numbers are the process's share: it runs in
	// a container, or a cgroup bounds it.
	Own         bool
	Limit       Limit[uint64] // effective
	SystemLimit Limit[uint64] // effective without cgroups; on Linux only
	// Available is what can be used before a bound is reached, with reclaimable memory counted as free:
	// at every level of the cgroups if Own, and on the machine.
	Available OptUint
	Err       error // why Cgroup has no usage
	Cgroup    CgroupMemory
	System    SystemMemory
}

// CgroupMemory is what the memory controller says of the cgroup that the process's memory is charged to.
type CgroupMemory struct {
	UsageCgroup                   string // its name in /proc/self/cgroup; the nearest ancestor if the own one has no memory controller
	Usage, WorkingSet, RSS, Cache OptUint
	Available                     OptUint // limit - working set, the smallest over the levels with a limit
	High, Peak                    OptUint // High: the smallest over the levels
	SwapUsage, SwapLimit          OptUint
	// Utilization is working set / limit, the highest over the levels, read only on demand.
	Utilization Opt[float64]
	Faults      Faults
	Events      MemoryEvents
	LocalEvents MemoryEvents // of the own cgroup without its children, read on demand
	SwapEvents  SwapEvents   // of the own cgroup, read on demand
	Pressure    Pressure
}

// SwapEvents counts what happened at the boundaries of swap.
type SwapEvents struct {
	High, Max OptUint // the boundary was reached
	Fail      OptUint // no swap was to be had, under the limit or on the machine
}

// MemoryEvents counts what happened at the level whose limit binds; OOMKill
// and OOMGroupKill at the own cgroup.
type MemoryEvents struct {
	Low, High, Max, OOM   OptUint
	OOMKill, OOMGroupKill OptUint
}

// SystemMemory is the machine's memory. On Linux Used + Free + Buffers + Cached =
// Total; on macOS some of the total is in none of them.
type SystemMemory struct {
	Total, Available            OptUint
	Used, Free, Buffers, Cached OptUint
	SwapTotal, SwapUsed         OptUint
	SwapLimit                   OptUint // absent where swap grows on demand, as on macOS
	Pressure                    Pressure
}

// Paging is one reading of the machine's page faults. They are apart from its
// memory because on Linux they cost several times as much.
type Paging struct {
	Time   time.Time
	Faults Faults
}

// CPU is one reading of the CPU collector. Times are cumulative, in nanoseconds except CPUTimes.
type CPU struct {
	Time time.Time
	Own  bool // as Memory.Own
	// Limit is the effective limit of this process, in cores; CgroupLimit
	// leaves the affinity of the one process out.
	Limit, CgroupLimit Limit[float64]
	// SystemLimit is the effective limit without those of cgroups. It goes with
	// the machine's usage.
	SystemLimit Limit[float64]
	Available   Opt[float64] // online CPUs that the process may run on
	Err         error        // why Cgroup has no usage
	Cgroup      CgroupCPU
	System      SystemCPU
}

// Reset makes s an empty reading of now, with the room that its lists had.
func (s *CPU) Reset(now time.Time) {
	own, all, levels := s.Cgroup.PerCPU[:0], s.System.PerCPU[:0], s.Cgroup.Levels[:0]
	*s = CPU{Time: now}
	s.Cgroup.PerCPU, s.System.PerCPU, s.Cgroup.Levels = own, all, levels
}

// Tasks is what the pids controller counts: every thread is a task.
type Tasks struct {
	Count OptUint // of the own cgroup
	Limit OptUint // the smallest over the levels
}

// CgroupCPU is what the CPU controllers say of the process's own cgroup.
type CgroupCPU struct {
	Usage, User, System OptUint
	Held                bool       // the times could not be read: they are those of an earlier reading
	Breaks              uint32     // as counter.Counter.Breaks, of Usage
	Levels              []LevelCPU // ancestors with a quota, read on demand
	Shares, Weight      OptUint
	Quota, Period       OptUint // microseconds, of the cgroup that binds
	Throttling          Throttling
	PerCPU              []PerCPU // v1 only: the v2 kernel has none
	Pressure            Pressure
	Tasks               Tasks
	Uptime              OptUint // nanoseconds since the init of the process's own PID namespace started
}

// LevelCPU is the CPU time of an ancestor and its quota.
type LevelCPU struct {
	Level  int // of the cgroup; 1 is the parent
	Usage  OptUint
	Breaks uint32
	Quota  float64 // cores
}

// Throttling is that of the cgroup whose quota binds.
type Throttling struct {
	Periods, Throttled OptUint
	Time               OptUint // nanoseconds, summed over CPUs
	Bursts, BurstTime  OptUint // nanoseconds; where the kernel has cpu.max.burst
}

// PerCPU is one logical CPU.
type PerCPU struct {
	Number int
	Times  CPUTimes // of the machine
	Usage  OptUint  // of a cgroup
	Breaks uint32
}

// CPUTimes splits CPU time by mode, in microseconds: in nanoseconds, 64 bits
// hold the idle time of 512 CPUs for a year. The modes are disjoint: guest time
// is inside User and Nice, as the kernel counts it.
type CPUTimes struct {
	User, Nice, System, Idle OptUint
	IOWait, IRQ, SoftIRQ     OptUint
	Steal                    OptUint
}

// Busy returns the time of all modes but idle, iowait and steal, which another guest used.
func (t *CPUTimes) Busy() OptUint {
	if !t.User.Present() {
		return OptUint{}
	}
	return SomeUint(t.User.Or(0) + t.Nice.Or(0) + t.System.Or(0) + t.IRQ.Or(0) + t.SoftIRQ.Or(0))
}

// All returns the time of all modes.
func (t *CPUTimes) All() uint64 {
	return t.Busy().Or(0) + t.Idle.Or(0) + t.IOWait.Or(0) + t.Steal.Or(0)
}

// SystemCPU is the machine's CPUs.
type SystemCPU struct {
	Times    CPUTimes // summed over the CPUs
	Breaks   uint32   // as counter.Counter.Breaks, of Times
	Logical  OptUint  // online CPUs
	PerCPU   []PerCPU
	Pressure Pressure
	IRQ      Pressure // time that interrupts took from tasks
	Uptime   OptUint  // nanoseconds, suspended time included
}

// LimitEntry is one limit that was found, binding or not.
type LimitEntry struct {
	Kind   string // memory, memory.high, swap, cpu.quota, cpuset, affinity, cpu.online, memory.total, ...
	Value  float64
	Unit   string // By, {cpu}, {thread}, By/s, {operation}/s
	Source Source
	Device string // of a limit of I/O
	Cgroup string
	File   string
}

// Limits is every limit that applies to the process.
type Limits struct {
	Time    time.Time
	Memory  Limit[uint64]
	CPU     Limit[float64]
	Entries []LimitEntry
}

// Failure is how often one source failed in one way.
type Failure struct {
	Since  time.Time // of the first one
	Source string    // the kernel file's name, such as memory.stat; on macOS the call's or sysctl's
	Type   string    // permission_denied, not_found, malformed, timeout, too_large, not_regular, io
	Count  uint64
}

// Failures is what could not be read so far.
type Failures struct {
	Time time.Time
	List []Failure
}

// Process is one reading of the process collector.
type Process struct {
	Time                   time.Time
	User, System           OptUint // nanoseconds
	CPUs                   OptUint // that it may run on; read on demand
	RSS, Virtual           OptUint // bytes; RSS is the footprint on macOS
	ReadBytes, WriteBytes  OptUint // that reached the block layer
	Threads, Descriptors   OptUint
	Voluntary, Involuntary OptUint // context switches
	Faults                 Faults
	Uptime                 Opt[float64] // seconds
}

// ReadAt returns when the reading was made.
func (s *Memory) ReadAt() time.Time { return s.Time }

// ReadAt returns when the reading was made.
func (s *Paging) ReadAt() time.Time { return s.Time }

// ReadAt returns when the reading was made.
func (s *CPU) ReadAt() time.Time { return s.Time }

// ReadAt returns when the reading was made.
func (s *Process) ReadAt() time.Time { return s.Time }

// ReadAt returns when the failures were listed.
func (f *Failures) ReadAt() time.Time { return f.Time }
