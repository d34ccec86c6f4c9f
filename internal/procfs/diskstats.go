package procfs

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Diskstats is /proc/diskstats (Documentation/admin-guide/iostats.rst): every
// block device of the machine, partitions and stacked devices too. The kernel
// hands it out a page at a time: read it with ReadRecords.
type Diskstats struct {
	Disks []Disk
	text  []byte // that Disks are of, line by line
	whose []int  // how many bytes of each line say which disk it is of
}

// Disk is one device. Its times, milliseconds in the file, are nanoseconds
// here; the kernel cuts them to 32 bits of milliseconds, so that they start
// again from zero every 49.7 days of work.
type Disk struct {
	Major, Minor uint32
	Name         string
	Read, Write  DiskOps
	InProgress   sample.OptUint // requests, a gauge
	IOTime       uint64         // during which the device had work
	WeightedTime uint64         // the same, times the requests that waited or ran
	Discard      sample.Opt[DiskOps]
	Flushes      sample.OptUint // since Linux 5.5
	FlushTime    sample.OptUint
}

// DiskOps counts the operations of one kind.
type DiskOps struct {
	Operations uint64 // completed
	Merged     uint64 // with a neighbor before they were queued
	Bytes      uint64
	Time       uint64 // summed over the operations
}

// sector is 512 bytes in every kernel statistic, whatever the device has.
const sector = 512

const nanosPerMilli = 1_000_000

// Parse fills d. The slice and the names are reused: while the devices stay the
// same it allocates nothing. An empty file is a machine without disks.
func (d *Diskstats) Parse(b []byte) error {
	whole, old := b, d.text
	d.Disks = d.Disks[:0]
	rubbish := false
	for len(b) > 0 {
		var line, was []byte
		line, b = kernfs.Line(b)
		d.Disks, d.whose = extend(d.Disks), extend(d.whose[:len(d.Disks)])
		// Most disks of a machine do nothing: what their line said is still there.
		if n := len(line); 0 < n && n < len(old) && old[n] == '\n' && bytes.Equal(line, old[:n]) {
			old = old[n+1:]
			continue
		}
		was, old = kernfs.Line(old)
		if !d.parse(line, was) {
			d.Disks, old = d.Disks[:len(d.Disks)-1], nil
			first, _ := kernfs.Field(line)
			rubbish = rubbish || len(first) > 0
			whole = nil // the lines and the disks no longer go together
		}
	}
	d.text = append(d.text[:0], whole...)
	if rubbish && len(d.Disks) == 0 {
		return kernfs.ErrMalformed
	}
	return nil
}

// parse reads a line into the last disk, whose line before it was.
func (d *Diskstats) parse(line, was []byte) bool {
	last := len(d.Disks) - 1
	disk, n := &d.Disks[last], d.whose[last]
	if n == 0 || len(line) <= n || len(was) <= n || string(line[:n+1]) != string(was[:n+1]) { // and the blank: sda is not sda1
		rest, ok := disk.parseWhose(line)
		if !ok {
			return false
		}
		n = len(line) - len(rest)
		d.whose[last] = n
	}
	return disk.parseCounts(line[n:])
}

// parseWhose reads which disk a line is of, and keeps the name that d has where it is the same.
func (d *Disk) parseWhose(b []byte) (rest []byte, ok bool) {
	major, b, ok1 := kernfs.UintField(b)
	minor, b, ok2 := kernfs.UintField(b)
	name, b := kernfs.Field(b)
	if !ok1 || !ok2 || major > math.MaxUint32 || minor > math.MaxUint32 || len(name) == 0 {
		return nil, false
	}
	d.Major, d.Minor, d.Name = uint32(major), uint32(minor), keepName(d.Name, name)
	return b, true
}

// parseCounts reads what follows. It is false for fewer than eleven statistics: kernels
// before 2.6.25 print four for a partition, with another meaning.
func (d *Disk) parseCounts(b []byte) bool {
	var v [17]uint64
	read, _ := kernfs.UintFields(b, v[:])
	for i, n := range v[:read] {
		if n > diskMost[i] {
			read = i
			break
		}
		v[i] = n * diskUnits[i]
	}
	if read < 11 {
		return false
	}
	d.Read, d.Write = DiskOps{v[0], v[1], v[2], v[3]}, DiskOps{v[4], v[5], v[6], v[7]}
	d.InProgress, d.IOTime, d.WeightedTime = sample.OptUint{}, v[9], v[10]
	if v[8] <= math.MaxInt32 { // a kernel that lost count prints a negative number as 32 bits without sign
		d.InProgress = sample.SomeUint(v[8])
	}
	d.Discard, d.Flushes, d.FlushTime = sample.Opt[DiskOps]{}, sample.OptUint{}, sample.OptUint{}
	if read >= 15 {
		d.Discard = sample.Some(DiskOps{v[11], v[12], v[13], v[14]})
	}
	if read >= 17 {
		d.Flushes, d.FlushTime = sample.SomeUint(v[15]), sample.SomeUint(v[16])
	}
	return true
}

// diskUnits are those of the columns behind the name.
var diskUnits = [17]uint64{
	1, 1, sector, nanosPerMilli, // reads
	1, 1, sector, nanosPerMilli, // writes
	1, nanosPerMilli, nanosPerMilli, // in progress, I/O time, weighted time
	1, 1, sector, nanosPerMilli, // discards, since Linux 4.18
	1, nanosPerMilli, // flushes, since Linux 5.5
}

// diskMost are the greatest numbers that fit into an int64 in those units.
var diskMost = func() (most [17]uint64) {
	for i, unit := range diskUnits {
		most[i] = math.MaxInt64 / unit
	}
	return most
}()

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
