package sample

import "time"

// IO is one reading of the I/O collector. Counts are cumulative, times nanoseconds.
type IO struct {
	Time      time.Time
	Own       bool  // as Memory.Own
	Err       error // why Cgroup has no totals
	SystemErr error // why System has none, where it was read
	Cgroup    Disks
	System    Disks
}

// Reset is as that of CPU.
func (s *IO) Reset(now time.Time) {
	own, all := s.Cgroup.Devices[:0], s.System.Devices[:0]
	*s = IO{Time: now}
	s.Cgroup.Devices, s.System.Devices = own, all
}

// ReadAt returns when the reading was made.
func (s *IO) ReadAt() time.Time { return s.Time }

// Disks is the I/O of the own cgroup or of the machine.
type Disks struct {
	Since    time.Time // when the first device was listed, if that was its first use
	Total    Disk      // each byte once: what stacked devices pass on is not added
	Devices  []Disk    // every device, only where details are wanted
	Pressure Pressure
}

// Disk is one block device, or the total of several.
type Disk struct {
	Name   string // sda, disk0; MAJ:MIN where nothing tells; "" of a total
	Number string // MAJ:MIN; "" where it has none

	Read, Write, Discard Transfer
	Flushes, FlushTime   OptUint
	IOTime               OptUint // during which the device had work
	QueueTime            OptUint // the same, times the requests that waited or ran
	InProgress           OptUint // requests
	Latency              Latency
	Series               uint32    // a device of the same name with another number has other counts
	Since                time.Time // when the device was listed, if that was its first use; in a cgroup only
}

// Transfer counts one direction.
type Transfer struct {
	Bytes, Operations OptUint
	Merged            OptUint // operations joined with a neighbor before they were queued
	Time              OptUint // summed over the operations
	Wait              OptUint // of it in the scheduler's queue; v1 cgroups under BFQ or CFQ
}

// Latency is what io.latency and io.cost say of a device in a v2 cgroup, where
// the kernel prints it.
type Latency struct {
	Average    OptUint // moving, of a rotating disk
	Delay      OptUint // that a task is made to wait
	QueueDepth OptUint // requests that pass at once; absent: all
	CostWait   OptUint // cumulative
}
