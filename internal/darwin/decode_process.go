package darwin

import (
	"encoding/binary"
	"time"
)

// Layouts of sys/resource.h, sys/proc_info.h and mach/task_info.h.
const (
	sizeRusageInfo       = 296 // rusage_info_v4; later versions append
	offRUUser            = 16
	offRUSystem          = 24
	offRUPageIns         = 48
	offRUWired           = 56
	offRUResident        = 64
	offRUFootprint       = 72
	offRUStart           = 80
	offRUDiskRead        = 144
	offRUDiskWrite       = 152
	offRULogicalWrites   = 232
	offRUMaxFootprint    = 240
	offRUInstructions    = 248
	offRUCycles          = 256
	offRURunnable        = 288
	sizeTaskInfo         = 96 // proc_taskinfo
	offTaskVirtual       = 0
	offTaskResident      = 8
	offTaskFaults        = 52
	offTaskPageIns       = 56
	offTaskSwitches      = 80
	offTaskThreads       = 84
	offTaskRunning       = 88
	sizeBSDInfo          = 136 // proc_bsdinfo
	offBSDStartSec       = 120
	offBSDStartMic       = 128
	sizeFDInfo           = 8   // proc_fdinfo
	sizeTaskVMInfo       = 344 // task_vm_info revision 4, 86 words (macOS 10.15)
	offTaskVMFootprint   = 144
	offTaskVMLimitRemain = 336
)

// RusageInfo is rusage_info_v4. Sizes are bytes. Times are mach absolute
// units, 1 ns on Intel and 125/3 ns on Apple silicon, and what a program under
// Rosetta would have to multiply with is not known: for CPU time use Rusage.
type RusageInfo struct {
	UserUnits, SystemUnits uint64
	StartUnits             uint64
	RunnableUnits          uint64 // ready to run, without a CPU
	PageIns                uint64
	Wired, Resident        uint64
	Footprint              uint64 // what Activity Monitor calls Memory
	MaxFootprint           uint64 // since the process started
	DiskRead, DiskWritten  uint64
	LogicalWrites          uint64
	Instructions, Cycles   uint64
}

// Decode fills r from the bytes of a rusage_info_v4 or a later version.
func (r *RusageInfo) Decode(b []byte) error {
	*r = RusageInfo{}
	if len(b) < sizeRusageInfo {
		return ErrMalformed
	}
	le := binary.LittleEndian
	r.UserUnits = le.Uint64(b[offRUUser:])
	r.SystemUnits = le.Uint64(b[offRUSystem:])
	r.PageIns = le.Uint64(b[offRUPageIns:])
	r.Wired = le.Uint64(b[offRUWired:])
	r.Resident = le.Uint64(b[offRUResident:])
	r.Footprint = le.Uint64(b[offRUFootprint:])
	r.StartUnits = le.Uint64(b[offRUStart:])
	r.DiskRead = le.Uint64(b[offRUDiskRead:])
	r.DiskWritten = le.Uint64(b[offRUDiskWrite:])
	r.LogicalWrites = le.Uint64(b[offRULogicalWrites:])
	r.MaxFootprint = le.Uint64(b[offRUMaxFootprint:])
	r.Instructions = le.Uint64(b[offRUInstructions:])
	r.Cycles = le.Uint64(b[offRUCycles:])
	r.RunnableUnits = le.Uint64(b[offRURunnable:])
	return nil
}

// TaskInfo is the part of proc_taskinfo that RusageInfo and Rusage lack. The
// counters are 32 bits wide and wrap.
type TaskInfo struct {
	Virtual, Resident uint64 // bytes
	Faults, PageIns   uint32
	ContextSwitches   uint32
	Threads, Running  uint32
}

// Decode fills t from the bytes of a proc_taskinfo.
func (t *TaskInfo) Decode(b []byte) error {
	*t = TaskInfo{}
	if len(b) < sizeTaskInfo {
		return ErrMalformed
	}
	le := binary.LittleEndian
	t.Virtual = le.Uint64(b[offTaskVirtual:])
	t.Resident = le.Uint64(b[offTaskResident:])
	t.Faults = le.Uint32(b[offTaskFaults:])
	t.PageIns = le.Uint32(b[offTaskPageIns:])
	t.ContextSwitches = le.Uint32(b[offTaskSwitches:])
	t.Threads = le.Uint32(b[offTaskThreads:])
	t.Running = le.Uint32(b[offTaskRunning:])
	return nil
}

// DecodeStart reads when a process started from the bytes of a proc_bsdinfo.
func DecodeStart(b []byte) (time.Time, error) {
	if len(b) < sizeBSDInfo {
		return time.Time{}, ErrMalformed
	}
	sec := binary.LittleEndian.Uint64(b[offBSDStartSec:])
	usec := binary.LittleEndian.Uint64(b[offBSDStartMic:])
	return timeOf(int64(sec), int64(usec))
}

// DecodeFootprintLimit reads the memory limit that jetsam holds the process to from
// the bytes of a task_vm_info: its footprint and what it may still take. ok is
// false where the kernel names none. It says 0 for "no limit", so a process
// that has used its limit up cannot be told from one without.
func DecodeFootprintLimit(b []byte) (limit uint64, ok bool) {
	if len(b) < sizeTaskVMInfo {
		return 0, false // before macOS 10.15
	}
	footprint := binary.LittleEndian.Uint64(b[offTaskVMFootprint:])
	remaining := binary.LittleEndian.Uint64(b[offTaskVMLimitRemain:])
	if remaining == 0 || remaining >= rlimInfinity {
		return 0, false
	}
	return satAdd(footprint, remaining), true
}
