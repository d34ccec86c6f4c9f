package engine

import "github.com/cboxdk/resource-monitor/internal/sample"

// diskCounts are the counters of a disk, by diskCounter, and which of them there are.
type diskCounts struct {
	n       [numDiskCounters]uint64
	present uint32 // bits
}

// diskCounter numbers what a disk counts; its other numbers are gauges.
type diskCounter uint8

const (
	diskBytes diskCounter = iota // read, and the four that follow
	diskOperations
	diskMerged
	diskTime
	diskWait
	diskTransfer // how many each direction has

	diskWritten   = diskTransfer
	diskDiscarded = 2 * diskTransfer

	diskFlushes     = 3 * diskTransfer
	diskFlushTime   = diskFlushes + 1
	diskIOTime      = diskFlushes + 2
	diskQueueTime   = diskFlushes + 3
	diskCostWait    = diskFlushes + 4
	numDiskCounters = diskFlushes + 5
)

func (c *diskCounts) get(i diskCounter) sample.OptUint {
	if c.present>>i&1 == 0 {
		return sample.OptUint{}
	}
	return sample.SomeUint(c.n[i])
}

func (c *diskCounts) set(i diskCounter, v sample.OptUint) {
	if n, ok := v.Get(); ok {
		c.n[i] = n
		c.present |= 1 << i
	}
}

func (c *diskCounts) transfer(i diskCounter) sample.Transfer {
	return sample.Transfer{
		Bytes: c.get(i), Operations: c.get(i + diskOperations), Merged: c.get(i + diskMerged),
		Time: c.get(i + diskTime), Wait: c.get(i + diskWait),
	}
}

func (c *diskCounts) setTransfer(i diskCounter, t *sample.Transfer) {
	c.set(i, t.Bytes)
	c.set(i+diskOperations, t.Operations)
	c.set(i+diskMerged, t.Merged)
	c.set(i+diskTime, t.Time)
	c.set(i+diskWait, t.Wait)
}

// disk returns the counters as a reader sees them.
func (c *diskCounts) disk() sample.Disk {
	return sample.Disk{
		Read: c.transfer(diskBytes), Write: c.transfer(diskWritten), Discard: c.transfer(diskDiscarded),
		Flushes: c.get(diskFlushes), FlushTime: c.get(diskFlushTime), IOTime: c.get(diskIOTime), QueueTime: c.get(diskQueueTime),
		Latency: sample.Latency{CostWait: c.get(diskCostWait)},
	}
}

// diskReading is what the kernel says of one device.
type diskReading struct {
	counts  diskCounts
	inWork  sample.OptUint // requests
	latency sample.Latency // but for what is cumulative
}

// diskReadingOf takes d apart.
func diskReadingOf(d *sample.Disk) (r diskReading) {
	r.inWork, r.latency = d.InProgress, d.Latency
	c := &r.counts
	c.setTransfer(diskBytes, &d.Read)
	c.setTransfer(diskWritten, &d.Write)
	c.setTransfer(diskDiscarded, &d.Discard)
	c.set(diskFlushes, d.Flushes)
	c.set(diskFlushTime, d.FlushTime)
	c.set(diskIOTime, d.IOTime)
	c.set(diskQueueTime, d.QueueTime)
	c.set(diskCostWait, d.Latency.CostWait)
	r.latency.CostWait = sample.OptUint{}
	return r
}
