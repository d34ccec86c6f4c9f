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

// Disks is the I/O of the own cgroup or of the machine.
type Disks struct {
	Total    Disk   // each byte once: what stacked devices pass on is not added
	Devices  []Disk // every device, only where details are wanted
	Pressure Pressure
}

// Disk is one block device, or the total of several.
type Disk struct {
	Name   string // sda, disk0; MAJ:MIN where nothing tells; "" of a total
	Number Opt[DeviceNumber]

	Read, Write, Discard Transfer
	Flushes, FlushTime   Opt[uint64]
	IOTime               Opt[uint64] // during which the device had work
	QueueTime            Opt[uint64] // the same, times the requests that waited or ran
	InProgress           Opt[uint64] // requests
	Latency              Latency
}

// DeviceNumber is the number by which Linux knows a block device.
type DeviceNumber struct {
	Major, Minor uint32
}

// Transfer counts one direction.
type Transfer struct {
	Bytes, Operations Opt[uint64]
	Merged            Opt[uint64] // operations joined with a neighbor before they were queued
	Time              Opt[uint64] // summed over the operations
	Wait              Opt[uint64] // of it in the scheduler's queue; v1 cgroups under BFQ or CFQ
}

// Latency is what io.latency and io.cost say of a device in a v2 cgroup, where
// the kernel prints it.
type Latency struct {
	Average    Opt[uint64] // moving, of a rotating disk
	Delay      Opt[uint64] // that a task is made to wait
	QueueDepth Opt[uint64] // requests that pass at once; absent: all
	CostWait   Opt[uint64] // cumulative
}
