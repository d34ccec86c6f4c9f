package procfs

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Diskstats is /proc/diskstats (Documentation/admin-guide/iostats.rst): every
// block device of the machine, partitions and stacked devices too. The kernel
// hands it out a page at a time: read it with ReadRecords.
type Diskstats struct {
	Disks []Disk
}

// Disk is one device. Its times, milliseconds in the file, are nanoseconds
// here; the kernel cuts them to 32 bits of milliseconds, so that they start
// again from zero every 49.7 days of work.
type Disk struct {
	Major, Minor uint32
	Name         string
	Read, Write  DiskOps
	InProgress   uint64 // requests, a gauge
	IOTime       uint64 // during which the device had work
	WeightedTime uint64 // the same, times the requests that waited or ran
	Discard      sample.Opt[DiskOps]
	Flushes      sample.Opt[uint64] // since Linux 5.5
	FlushTime    sample.Opt[uint64]
}

// DiskOps counts the operations of one kind.
type DiskOps struct {
	Operations uint64 // completed
	Merged     uint64 // with a neighbour before they were queued
	Bytes      uint64
	Time       uint64 // summed over the operations
}

// sector is 512 bytes in every kernel statistic, whatever the device has.
const sector = 512

const nanosPerMilli = 1_000_000

// Parse fills d. The slice and the names are reused: while the devices stay the
// same it allocates nothing. An empty file is a machine without disks.
func (d *Diskstats) Parse(b []byte) error {
	d.Disks = d.Disks[:0]
	rubbish := false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		if first, _ := kernfs.Field(line); len(first) == 0 {
			continue
		}
		disk, name, ok := parseDisk(line)
		if !ok {
			rubbish = true
			continue
		}
		d.Disks = extend(d.Disks)
		slot := &d.Disks[len(d.Disks)-1]
		disk.Name = keepName(slot.Name, name)
		*slot = disk
	}
	if rubbish && len(d.Disks) == 0 {
		return kernfs.ErrMalformed
	}
	return nil
}

// parseDisk reads one line. It is false for fewer than eleven statistics: kernels
// before 2.6.25 print four for a partition, with another meaning.
func parseDisk(b []byte) (d Disk, name []byte, ok bool) {
	major, b, ok1 := kernfs.UintField(b)
	minor, b, ok2 := kernfs.UintField(b)
	name, b = kernfs.Field(b)
	if !ok1 || !ok2 || major > math.MaxUint32 || minor > math.MaxUint32 || len(name) == 0 {
		return d, nil, false
	}
	d.Major, d.Minor = uint32(major), uint32(minor)
	var discard DiskOps
	var flushes, flushTime uint64
	columns := [...]struct {
		field *uint64
		unit  uint64
	}{
		{&d.Read.Operations, 1},
		{&d.Read.Merged, 1},
		{&d.Read.Bytes, sector},
		{&d.Read.Time, nanosPerMilli},
		{&d.Write.Operations, 1},
		{&d.Write.Merged, 1},
		{&d.Write.Bytes, sector},
		{&d.Write.Time, nanosPerMilli},
		{&d.InProgress, 1},
		{&d.IOTime, nanosPerMilli},
		{&d.WeightedTime, nanosPerMilli},
		// Since Linux 4.18.
		{&discard.Operations, 1},
		{&discard.Merged, 1},
		{&discard.Bytes, sector},
		{&discard.Time, nanosPerMilli},
		// Since Linux 5.5.
		{&flushes, 1},
		{&flushTime, nanosPerMilli},
	}
	read := 0
	for _, c := range columns {
		var n uint64
		if n, b, ok = kernfs.UintField(b); !ok || n > math.MaxInt64/c.unit {
			break
		}
		*c.field = n * c.unit
		read++
	}
	if read >= 15 {
		d.Discard = sample.Some(discard)
	}
	if read >= 17 {
		d.Flushes, d.FlushTime = sample.Some(flushes), sample.Some(flushTime)
	}
	return d, name, read >= 11
}

// extend makes s one longer. What the new last element held before stays, so
// that its name can be kept.
func extend[T any](s []T) []T {
	if len(s) < cap(s) {
		return s[:len(s)+1]
	}
	var zero T
	return append(s, zero)
}

// keepName returns b as a string, which is old where that is the same.
func keepName(old string, b []byte) string {
	if old == string(b) {
		return old
	}
	return string(b)
}
