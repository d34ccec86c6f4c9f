package engine

import (
	"slices"
	"strconv"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
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

// diskAccount follows the counters of devices that come and go. A device that
// leaves keeps what it counted. The total grows by what its devices count
// between two readings.
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

	now      time.Time      // of this reading
	total    diskCounts     // grown by what was counted
	since    time.Time      // as sample.Disks.Since
	inWork   sample.OptUint // requests, of those in the total
	partial  bool           // inWork lacks those of a disk
	begun    bool           // there was a reading
	moved    bool           // the source is another one than that of the reading before
	returned bool           // this reading lists a device that had left
	// fromUse says that the kernel lists a device from its first use on, as
	// io.stat does: then all that a new one counts is new. Else a device that
	// appears later counts from its first reading.
	fromUse bool
	serial  uint32 // of the newest series
}

func (a *diskAccount) nextSeries() uint32 {
	a.serial++
	return a.serial
}

// diskState is what is known of a device. Each of its counters is a counter in
// the sense of that type.
type diskState struct {
	key      diskKey
	name     string
	number   string // of key; "": it has none
	identity string // what tells the device from another of its name; "": not known
	inWork   sample.OptUint
	latency  *sample.Latency // nil: none, as of most
	counted  bool            // in the total
	below    bool            // since this reading, a device above it is not in the total
	since    time.Time       // as sample.Disk.Since
	left     bool            // the newest reading does not list it
	leftAt   time.Time

	series  uint32 // as sample.Disk.Series
	source  counter.Source
	present uint32                            // bits: which counters there are
	counts  *[numDiskCounters]counter.Counter // nil: all of them are 0, as most disks do nothing ever
}

// count takes what the kernel counts now and adds to total, if there is one, by how
// much each counter grew. A counter read for the first time grew by all of it if
// whole, else by nothing.
func (d *diskState) count(now *diskCounts, whole bool, total *diskCounts) {
	if total != nil {
		total.present |= now.present
	}
	if d.counts == nil {
		if now.n == [numDiskCounters]uint64{} {
			d.present |= now.present
			return
		}
		d.makeCounters()
	}
	for i, n := range &now.n {
		bit := uint32(1) << i
		if now.present&bit == 0 {
			continue
		}
		grown := d.counts[i].Grow(d.source, n)
		if d.present&bit == 0 && whole {
			grown = d.counts[i].Total().Or(0)
		}
		if total != nil {
			total.n[i] = addCounts(total.n[i], grown)
		}
	}
	d.present |= now.present
}

// makeCounters makes the counters, at 0 if they have been read.
func (d *diskState) makeCounters() {
	d.counts = new([numDiskCounters]counter.Counter)
	for i := range d.counts {
		if d.present>>i&1 == 1 {
			d.counts[i].Begin(d.source, 0, 0)
		}
	}
}

// replace says that the next values are of another source, such as another
// device under the same name.
func (d *diskState) replace() {
	if d.counts == nil && d.present != 0 {
		d.makeCounters()
	}
	d.source++
}

// total is what was counted.
func (d *diskState) total() diskCounts {
	c := diskCounts{present: d.present}
	if d.counts != nil {
		for i := range d.counts {
			c.n[i] = d.counts[i].Total().Or(0)
		}
	}
	return c
}

// move says that what follows is another cgroup's, which counts anew. One to which the
// process returns has counted meanwhile.
func (a *diskAccount) move() { a.moved = a.begun }

// begin starts a reading, which lists the devices and then adds what they count.
func (a *diskAccount) begin(now time.Time) {
	if a.moved {
		for _, d := range a.disks {
			d.replace()
		}
	}
	a.now, a.was, a.listed, a.added, a.returned = now, a.listed, 0, 0, false
	a.inWork, a.partial = sample.OptUint{}, false
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
	switch {
	case !known:
		d = &diskState{key: key, name: key.name, series: a.nextSeries()}
		if key.number != (deviceNumber{}) { // 0:0 is no device's
			d.number = key.number.String()
		}
		if a.fromUse && a.begun && !a.moved {
			d.since = a.now
		}
	case d == nil:
		return nil
	case d.left:
		d.left, a.returned, d.since = false, true, time.Time{}
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

// identify gives the device at a place of the listing its name and identity. A
// device that has taken the name of one that left continues its counters.
func (a *diskAccount) identify(place int, name, identity string) {
	d := a.disks[place]
	replaced := d.identity != "" && identity != "" && d.identity != identity
	if replaced && d.name != name {
		a.setAside(d)
	}
	switch {
	case d.present == 0:
		for key, old := range a.index {
			if old != nil && old.name == name && old.present != 0 {
				delete(a.index, key)
				old.replace()
				d.series = old.series
				d.source, d.present, d.counts, d.since = old.source, old.present, old.counts, time.Time{}
				break
			}
		}
	case replaced:
		d.replace()
	}
	if d.name = name; identity != "" {
		d.identity = identity
	}
}

// setAside makes d a new device, whose number a device of another name had. What
// that one counted stays with its name.
func (a *diskAccount) setAside(d *diskState) {
	if a.index == nil {
		a.reorder()
	}
	old := *d
	old.key = diskKey{name: d.name}
	a.index[old.key] = &old
	*d = diskState{key: d.key, number: d.number, counted: d.counted, series: a.nextSeries()}
	if a.fromUse && a.begun && !a.moved {
		d.since = a.now
	}
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
		if total.present == 0 && a.fromUse && a.begun && !a.moved {
			a.since = a.now
		}
	}
	// What a device below a counted one did is in the total already.
	d.count(&r.counts, !a.begun || a.fromUse && !a.moved && !d.below, total)
	d.below = false
	if n, ok := r.inWork.Get(); ok && d.counted {
		a.inWork = sample.SomeUint(a.inWork.Or(0) + n)
	} else if d.counted {
		a.partial = true
	}
}

// maxDeparted bounds how many devices are maxDeparted after they left. Devices with
// ever new names must not fill the memory.
const maxDeparted = 256

// end closes a reading.
func (a *diskAccount) end() {
	for _, d := range a.index {
		if d != nil {
			a.disks = append(a.disks, d)
		}
	}
	a.index = nil
	left := a.disks[a.listed:]
	for _, d := range left {
		if !d.left {
			d.left, d.leftAt = true, a.now
		}
	}
	if a.moved && a.fromUse {
		// What the other cgroup does not list it has not used: if it is
		// listed later, its counters start from zero.
		for _, d := range left {
			if d.counts != nil {
				for i := range d.counts {
					d.counts[i].Begin(d.source, d.counts[i].Total().Or(0), 0)
				}
			}
		}
	}
	a.begun, a.moved = true, false
	if len(left) > maxDeparted {
		slices.SortFunc(left, func(x, y *diskState) int { return y.leftAt.Compare(x.leftAt) })
		clear(left[maxDeparted:])
		a.disks = a.disks[:a.listed+maxDeparted]
	}
}

// fill hands out what was counted. Of a reading that failed (not current) the
// counters are still true, and the rest is not.
func (a *diskAccount) fill(to *sample.Disks, devices, current bool) {
	to.Total, to.Since = a.total.disk(), a.since
	if current && !a.partial {
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
		one.Name, one.Number, one.Series, one.Since = d.name, d.number, d.series, d.since
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

// renew makes a device that was not there in the reading before another one.
func (a *diskAccount) renew(key diskKey) {
	for _, d := range a.disks[a.listed:] {
		if d.key == key {
			d.replace()
		}
	}
}

// empty reports whether nothing was ever counted.
func (a *diskAccount) empty() bool { return len(a.disks) == 0 }
