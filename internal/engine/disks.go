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
	// fromUse says that the kernel lists a device from its first use on, as
	// io.stat does: then all that a new one counts is new. Else a device that
	// appears later counts from its first reading.
	fromUse bool

	disks  map[diskKey]*diskState
	listed []*diskState // by the newest reading
	total  diskCounts
	inWork sample.OptUint // requests, of those in the total
	source groupID        // whose counters these are: another cgroup counts anew
	begun  bool           // there was a reading
	moved  bool           // the source is another one than that of the reading before
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
	name    string
	inWork  sample.OptUint // requests
	latency sample.Latency // but for what is cumulative
}

// diskReadingOf takes d apart.
func diskReadingOf(d *sample.Disk) (r diskReading) {
	r.name, r.inWork, r.latency = d.Name, d.InProgress, d.Latency
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

	last   diskCounts               // as the kernel counts
	before *[numDiskCounters]uint64 // what was counted before the kernel counted anew; nil: it never did
	based  uint32                   // bits: which of last are of this source
	listed bool
}

// count takes what the kernel counts now and adds to total, where there is one, by how
// much each counter grew. One that starts has grown by all of it in whole, and by nothing else.
func (d *diskState) count(now *diskCounts, whole bool, total *diskCounts) {
	if total != nil {
		total.present |= now.present
	}
	if d.based == now.present && d.last.n == now.n {
		return // most disks of a machine do nothing
	}
	for i, n := range &now.n {
		bit, grown := uint32(1)<<i, uint64(0)
		switch {
		case now.present&bit == 0:
			continue
		case d.last.present&bit == 0:
			if whole {
				grown = n
			}
			d.last.n[i] = n
		case d.based&bit != 0 && n >= d.last.n[i]:
			grown = n - d.last.n[i]
			d.last.n[i] = n
		default:
			d.restart(i, n)
		}
		if total != nil {
			total.n[i] += min(grown, math.MaxUint64-total.n[i])
		}
	}
	d.last.present |= now.present
	d.based |= now.present
}

// restart makes a counter that stands at n go on from where it was.
func (d *diskState) restart(i int, n uint64) {
	if d.before == nil {
		d.before = new([numDiskCounters]uint64)
	}
	d.before[i] += d.last.n[i] - n
	d.last.n[i] = n
}

// total is what was counted.
func (d *diskState) total() diskCounts {
	c := d.last
	if d.before != nil {
		for i, n := range d.before {
			c.n[i] += n
		}
	}
	return c
}

// begin starts a reading of source.
func (a *diskAccount) begin(source groupID) {
	if a.disks == nil {
		a.disks = map[diskKey]*diskState{}
	}
	a.moved = a.begun && source != a.source
	a.source = source
	if a.moved {
		for _, d := range a.disks {
			d.based = 0
		}
	}
	for _, d := range a.listed {
		d.listed = false
	}
	a.listed = a.listed[:0]
	a.inWork = sample.OptUint{}
}

// add takes what the kernel says of one device; counted: it is part of the total.
func (a *diskAccount) add(key diskKey, r *diskReading, counted bool) {
	d := a.state(key)
	if d.listed {
		return // no kernel lists a device twice; two counts of one would look like resets
	}
	d.listed = true
	a.listed = append(a.listed, d)
	d.name, d.inWork = r.name, r.inWork
	if d.latency != nil || r.latency != (sample.Latency{}) {
		if d.latency == nil {
			d.latency = new(sample.Latency)
		}
		*d.latency = r.latency
	}
	var total *diskCounts
	if counted {
		total = &a.total
	}
	d.count(&r.counts, !a.begun || a.fromUse && !a.moved, total)
	if n, ok := r.inWork.Get(); ok && counted {
		a.inWork = sample.SomeUint(a.inWork.Or(0) + n)
	}
}

// state returns what is known of a device, which is mostly the one that had this place in
// the reading before.
func (a *diskAccount) state(key diskKey) *diskState {
	if n := len(a.listed); n < cap(a.listed) {
		if d := a.listed[:n+1][n]; d != nil && d.key == key {
			return d
		}
	}
	d := a.disks[key]
	if d == nil {
		d = &diskState{key: key}
		if key.number != (deviceNumber{}) { // 0:0 is no device's
			d.number = key.number.String()
		}
		a.disks[key] = d
	}
	return d
}

// end closes a reading.
func (a *diskAccount) end() {
	if a.moved && a.fromUse {
		// What the other cgroup does not list it has not used: should it be
		// listed later, its counters start from zero.
		for _, d := range a.disks {
			if !d.listed {
				for i := range d.last.n {
					d.restart(i, 0)
				}
				d.based = d.last.present
			}
		}
	}
	a.begun, a.moved = true, false
	clear(a.listed[len(a.listed):cap(a.listed)]) // state looks there
	// Devices that come and go for ever, each with another name, must not fill
	// the memory. One that was dropped is new when it returns.
	if len(a.disks) > 2*len(a.listed)+64 {
		for key, d := range a.disks {
			if !d.listed {
				delete(a.disks, key)
			}
		}
	}
}

// fill hands out what was counted. Of a reading that failed (not current) the
// counters are still true, and the rest is not.
func (a *diskAccount) fill(to *sample.Disks, devices, current bool) {
	to.Total = a.total.disk()
	if current {
		to.Total.InProgress = a.inWork
	}
	if !devices || len(a.listed) == 0 {
		return
	}
	to.Devices = room(to.Devices, len(a.listed))[:len(a.listed)]
	for i, d := range a.listed {
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
	if d := a.disks[key]; d != nil && !d.listed {
		d.based = 0
	}
}

// empty reports whether nothing was ever counted.
func (a *diskAccount) empty() bool { return len(a.disks) == 0 }
