package engine

import (
	"math"
	"strconv"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// diskKey tells devices apart. The number alone does not: the hidden paths of
// NVMe multipath can all have 0:0.
type diskKey struct {
	number deviceNumber
	name   string
}

// deviceNumber is the number by which Linux knows a block device.
type deviceNumber struct {
	major, minor uint32
}

// String returns MAJ:MIN.
func (n deviceNumber) String() string {
	return strconv.FormatUint(uint64(n.major), 10) + ":" + strconv.FormatUint(uint64(n.minor), 10)
}

// diskAccount turns the counters of devices that come and go into ones that
// never go backwards and never spike. The total grows by what the devices
// count between two readings: one that leaves keeps what it added.
type diskAccount struct {
	// disks are those of the newest reading, in its order, and then those that left.
	disks  []*diskState
	listed int // by the newest reading
	was    int // by the one before
	added  int // of those listed, by now
	// index has those of disks that this reading has not listed yet, and nil for
	// those that it has. It is made for a reading that lists other devices than
	// the one before.
	index map[diskKey]*diskState

	total  diskCounts
	inWork sample.OptUint // requests, of those in the total
	begun  bool           // there was a reading
	moved  bool           // the source is another one than that of the reading before
	// fromUse says that the kernel lists a device from its first use on, as
	// io.stat does: then all that a new one counts is new. Else a device that
	// appears later counts from its first reading.
	fromUse bool
}

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

// diskState is what is known of a device. Each of its counters is a counter in
// the sense of that type.
type diskState struct {
	key     diskKey
	name    string
	number  string // of key; "": it has none
	inWork  sample.OptUint
	latency *sample.Latency // nil: none, as of most
	counted bool            // in the total

	present uint32                   // bits: which counters there are
	based   uint32                   // bits: which of last are of this source
	last    *[numDiskCounters]uint64 // as the kernel counts; nil: it has counted nothing
	before  *[numDiskCounters]uint64 // what was counted before the kernel counted anew; nil: it never did
}

// count takes what the kernel counts now and adds to total, where there is one, by how
// much each counter grew. One that starts has grown by all of it in whole, and by nothing else.
func (d *diskState) count(now *diskCounts, whole bool, total *diskCounts) {
	if total != nil {
		total.present |= now.present
	}
	if d.last == nil {
		if now.n == [numDiskCounters]uint64{} {
			d.present |= now.present
			d.based |= now.present
			return // most disks of a machine do nothing ever
		}
		d.last = new([numDiskCounters]uint64)
	} else if d.based == now.present && *d.last == now.n {
		return // and of the others most do nothing now
	}
	for i, n := range &now.n {
		bit, grown := uint32(1)<<i, uint64(0)
		switch {
		case now.present&bit == 0:
			continue
		case d.present&bit == 0:
			if whole {
				grown = n
			}
			d.last[i] = n
		case d.based&bit != 0 && n >= d.last[i]:
			grown = n - d.last[i]
			d.last[i] = n
		default:
			d.restart(i, n)
		}
		if total != nil {
			total.n[i] += min(grown, math.MaxUint64-total.n[i])
		}
	}
	d.present |= now.present
	d.based |= now.present
}

// restart makes a counter that stands at n go on from where it was.
func (d *diskState) restart(i int, n uint64) {
	if d.before == nil {
		d.before = new([numDiskCounters]uint64)
	}
	d.before[i] += d.last[i] - n
	d.last[i] = n
}

// total is what was counted.
func (d *diskState) total() diskCounts {
	c := diskCounts{present: d.present}
	if d.last != nil {
		c.n = *d.last
	}
	if d.before != nil {
		for i, n := range d.before {
			c.n[i] += n
		}
	}
	return c
}

// move says that what follows is another cgroup's, which counts anew; one to which the
// process returns as well, as it has counted meanwhile.
func (a *diskAccount) move() { a.moved = a.begun }

// begin starts a reading, which lists the devices and then adds what they count.
func (a *diskAccount) begin() {
	if a.moved {
		for _, d := range a.disks {
			d.based = 0
		}
	}
	a.was, a.listed, a.added = a.listed, 0, 0
	a.inWork = sample.OptUint{}
}

// list returns the next device of a reading, which is mostly the one that had this place
// in the reading before. No kernel lists a device twice; two counts of one would look
// like resets, so the second time it is nil.
func (a *diskAccount) list(key diskKey) *diskState {
	if a.index == nil {
		if i := a.listed; i < a.was && a.disks[i].key == key {
			a.listed++
			return a.disks[i]
		}
		a.reorder()
	}
	d, known := a.index[key]
	if known && d == nil {
		return nil
	}
	if !known {
		d = &diskState{key: key}
		if key.number != (deviceNumber{}) { // 0:0 is no device's
			d.number = key.number.String()
		}
	}
	a.index[key] = nil
	a.disks = append(a.disks, d)
	a.listed++
	return d
}

// reorder makes a list of the devices listed so far, and an index of the others.
func (a *diskAccount) reorder() {
	a.index = make(map[diskKey]*diskState, len(a.disks)+1)
	for i, d := range a.disks {
		if i < a.listed {
			a.index[d.key] = nil
		} else {
			a.index[d.key] = d
		}
	}
	a.disks = a.disks[:a.listed]
}

// add takes what the kernel says of one device, in the order in which they were listed.
func (a *diskAccount) add(key diskKey, r *diskReading) {
	if a.added == a.listed || a.disks[a.added].key != key {
		return // it was listed twice
	}
	d := a.disks[a.added]
	a.added++
	d.inWork = r.inWork
	if d.latency != nil || r.latency != (sample.Latency{}) {
		if d.latency == nil {
			d.latency = new(sample.Latency)
		}
		*d.latency = r.latency
	}
	var total *diskCounts
	if d.counted {
		total = &a.total
	}
	d.count(&r.counts, !a.begun || a.fromUse && !a.moved, total)
	if n, ok := r.inWork.Get(); ok && d.counted {
		a.inWork = sample.SomeUint(a.inWork.Or(0) + n)
	}
}

// end closes a reading.
func (a *diskAccount) end() {
	for _, d := range a.index {
		if d != nil {
			a.disks = append(a.disks, d)
		}
	}
	a.index = nil
	left := a.disks[a.listed:]
	if a.moved && a.fromUse {
		// What the other cgroup does not list it has not used: should it be
		// listed later, its counters start from zero.
		for _, d := range left {
			if d.last != nil {
				for i := range d.last {
					d.restart(i, 0)
				}
			}
			d.based = d.present
		}
	}
	a.begun, a.moved = true, false
	// Devices that come and go for ever, each with another name, must not fill
	// the memory. One that was dropped is new when it returns.
	if len(left) > a.listed+64 {
		clear(left)
		a.disks = a.disks[:a.listed]
	}
}

// fill hands out what was counted. Of a reading that failed (not current) the
// counters are still true, and the rest is not.
func (a *diskAccount) fill(to *sample.Disks, devices, current bool) {
	to.Total = a.total.disk()
	if current {
		to.Total.InProgress = a.inWork
	}
	if !devices || a.listed == 0 {
		return
	}
	to.Devices = room(to.Devices, a.listed)[:a.listed]
	for i, d := range a.disks[:a.listed] {
		one := &to.Devices[i]
		counts := d.total()
		*one = counts.disk()
		one.Name, one.Number = d.name, d.number
		if !current {
			continue
		}
		one.InProgress = d.inWork
		if d.latency != nil {
			wait := one.Latency.CostWait
			one.Latency = *d.latency
			one.Latency.CostWait = wait
		}
	}
}

// renew makes a device that was not there in the reading before count anew.
func (a *diskAccount) renew(key diskKey) {
	for _, d := range a.disks[a.listed:] {
		if d.key == key {
			d.based = 0
		}
	}
}

// empty reports whether nothing was ever counted.
func (a *diskAccount) empty() bool { return len(a.disks) == 0 }
