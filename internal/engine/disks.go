package engine

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// diskKey tells devices apart. The number alone does not: the hidden paths of
// NVMe multipath can all have 0:0.
type diskKey struct {
	number sample.DeviceNumber
	name   string
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
	total  sample.Disk
	source string // whose counters these are: another cgroup counts anew
	begun  bool   // there was a reading
	moved  bool   // the source is another one than that of the reading before
}

type diskState struct {
	disk     sample.Disk
	counters [numDiskCounters]counter
	listed   bool
}

const numDiskCounters = 20

// cumulative are the counters of a disk; its other numbers are gauges.
func cumulative(d *sample.Disk) [numDiskCounters]*sample.Opt[uint64] {
	r, w, x := &d.Read, &d.Write, &d.Discard
	return [...]*sample.Opt[uint64]{
		&r.Bytes, &r.Operations, &r.Merged, &r.Time, &r.Wait,
		&w.Bytes, &w.Operations, &w.Merged, &w.Time, &w.Wait,
		&x.Bytes, &x.Operations, &x.Merged, &x.Time, &x.Wait,
		&d.Flushes, &d.FlushTime, &d.IOTime, &d.QueueTime, &d.Latency.CostWait,
	}
}

// begin starts a reading of source.
func (a *diskAccount) begin(source string) {
	if a.disks == nil {
		a.disks = map[diskKey]*diskState{}
	}
	a.moved = a.begun && source != a.source
	a.source = source
	for _, d := range a.listed {
		d.listed = false
	}
	a.listed = a.listed[:0]
	a.total.InProgress = sample.Opt[uint64]{}
}

// add takes what the kernel says of one device; counted: it is part of the total.
func (a *diskAccount) add(key diskKey, raw *sample.Disk, counted bool) {
	d := a.disks[key]
	if d == nil {
		d = new(diskState)
		a.disks[key] = d
	}
	if d.listed {
		return // no kernel lists a device twice; two counts of one would look like resets
	}
	d.listed = true
	a.listed = append(a.listed, d)
	allNew := !a.begun || a.fromUse && !a.moved
	kept := d.disk
	d.disk = *raw
	from, to, sum := cumulative(&kept), cumulative(&d.disk), cumulative(&a.total)
	for i := range to {
		c := &d.counters[i]
		before, known := c.total, c.primed
		*from[i] = c.add(a.source, *to[i])
		*to[i] = *from[i]
		n, ok := to[i].Get()
		switch {
		case !ok || !counted:
			continue
		case known:
			n -= before
		case !allNew:
			n = 0
		}
		t := sum[i].Or(0)
		*sum[i] = sample.Some(t + min(n, math.MaxUint64-t))
	}
	if n, ok := raw.InProgress.Get(); ok && counted {
		a.total.InProgress = sample.Some(a.total.InProgress.Or(0) + n)
	}
}

// end closes a reading.
func (a *diskAccount) end() {
	if a.moved && a.fromUse {
		// What the other cgroup does not list it has not used: should it be
		// listed later, its counters start from zero.
		for _, d := range a.disks {
			for i := range d.counters {
				if c := &d.counters[i]; !d.listed && c.primed {
					c.source, c.last = a.source, 0
				}
			}
		}
	}
	a.begun, a.moved = true, false
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
	to.Total = a.total
	if devices && len(a.listed) > 0 {
		to.Devices = make([]sample.Disk, 0, len(a.listed))
		for _, d := range a.listed {
			to.Devices = append(to.Devices, d.disk)
		}
	}
	if current {
		return
	}
	to.Total.InProgress = sample.Opt[uint64]{}
	for i := range to.Devices {
		d := &to.Devices[i]
		d.InProgress, d.Latency = sample.Opt[uint64]{}, sample.Latency{CostWait: d.Latency.CostWait}
	}
}

// empty reports whether nothing was ever counted.
func (a *diskAccount) empty() bool { return len(a.disks) == 0 }
