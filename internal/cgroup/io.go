package cgroup

import (
	"bytes"
	"math"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Device is a block device's number.
type Device struct {
	Major, Minor uint32
}

// IODevice is what the io or blkio controller counts for one device. Times are nanoseconds.
type IODevice struct {
	Device
	// Unknown is set on the entry of all devices that the kernel has no name
	// for: NVMe multipath, ZFS. Its number is 0:0.
	Unknown bool

	RBytes, WBytes, DBytes sample.OptUint // D: discarded
	RIOs, WIOs, DIOs       sample.OptUint

	// Service is the time in the device, Wait that in the scheduler's queue; v1 with BFQ or CFQ.
	RService, WService, DService sample.OptUint
	RWait, WWait, DWait          sample.OptUint

	// AvgLatency is the moving average of io.latency on a rotating disk; QueueDepth how
	// many requests io.latency lets pass, absent where it is all; Delay what it makes a
	// task wait. CostWait is cumulative, of io.cost. The kernel prints them with
	// blk_cgroup.blkcg_debug_stats=1 alone; v2.
	AvgLatency, QueueDepth, Delay, CostWait sample.OptUint
}

// IOStat is the I/O of a cgroup by device: io.stat of v2
// (Documentation/admin-guide/cgroup-v2.rst), or several blkio files of v1
// (Documentation/admin-guide/cgroup-v1/blkio-controller.rst). No device: no I/O yet.
type IOStat struct {
	Devices []IODevice
}

// Reset empties s and keeps its memory.
func (s *IOStat) Reset() { s.Devices = s.Devices[:0] }

// Parse fills s from v2's io.stat. An empty file is a cgroup that did no I/O.
func (s *IOStat) Parse(b []byte) error {
	s.Reset()
	known, rubbish := false, false
	for len(b) > 0 {
		var line, word []byte
		line, b = kernfs.Line(b)
		// Old kernels print a device without statistics, and no newline behind it:
		// "253:4 253:3 253:2 rbytes=...". The numbers belong to the last one; a
		// line that is torn after the device has none either (I1, I3).
		var device Device
		var unknown, named bool
		var d *IODevice
		for {
			if word, line = kernfs.Field(line); len(word) == 0 {
				break
			}
			eq := bytes.IndexByte(word, '=')
			if eq < 0 {
				unknown = string(word) == "(unknown)"
				device, named = parseDevice(word)
				named = named || unknown
				known, rubbish = known || named, rubbish || !named
				d = nil
				continue
			}
			if !named {
				continue
			}
			unit, field := ioKey(word[:eq])
			if unit == 0 {
				continue // cost.vrate is a float, and kernels add keys (I4)
			}
			n, ok := kernfs.Uint(word[eq+1:])
			if !ok || n > math.MaxInt64/unit {
				continue
			}
			if d == nil {
				d = s.device(device, unknown)
			}
			add(d.field(field), n*unit)
		}
	}
	if rubbish && !known {
		return kernfs.ErrMalformed
	}
	return nil
}

// ioField names a field of IODevice.
type ioField uint8

const (
	ioBytes ioField = iota * 3 // then writes, then discards
	ioOperations
	ioService
	ioWait
	ioAvgLatency
)

const (
	ioQueueDepth = ioAvgLatency + 1 + iota
	ioDelay
	ioCostWait
)

// ioKey returns the field of a key of io.stat and what its unit is multiplied
// by; 0 for a key that is not wanted.
func ioKey(key []byte) (unit uint64, field ioField) {
	switch string(key) {
	case "rbytes":
		return 1, ioBytes
	case "wbytes":
		return 1, ioBytes + 1
	case "dbytes":
		return 1, ioBytes + 2
	case "rios":
		return 1, ioOperations
	case "wios":
		return 1, ioOperations + 1
	case "dios":
		return 1, ioOperations + 2
	case "avg_lat":
		return 1000, ioAvgLatency
	case "depth":
		return 1, ioQueueDepth
	case "delay_nsec":
		return 1, ioDelay
	case "cost.wait":
		return 1000, ioCostWait
	}
	return 0, 0
}

func (d *IODevice) field(f ioField) *sample.OptUint {
	return [...]*sample.OptUint{
		&d.RBytes, &d.WBytes, &d.DBytes,
		&d.RIOs, &d.WIOs, &d.DIOs,
		&d.RService, &d.WService, &d.DService,
		&d.RWait, &d.WWait, &d.DWait,
		&d.AvgLatency, &d.QueueDepth, &d.Delay, &d.CostWait,
	}[f]
}

// device returns the entry of a device, a new one where there is none.
func (s *IOStat) device(device Device, unknown bool) *IODevice {
	for i := len(s.Devices) - 1; i >= 0; i-- {
		if d := &s.Devices[i]; d.Device == device && d.Unknown == unknown {
			return d
		}
	}
	s.Devices = append(s.Devices, IODevice{Device: device, Unknown: unknown})
	return &s.Devices[len(s.Devices)-1]
}

// add sums up, because several devices can be unknown (I2).
func add(o *sample.OptUint, n uint64) {
	sum := o.Or(0)
	*o = sample.SomeUint(sum + min(n, math.MaxUint64-sum))
}

// BlkioFile says what a blkio file of v1 counts.
type BlkioFile ioField

// The files, each also as _recursive with the descendants.
const (
	BlkioServiceBytes = BlkioFile(ioBytes)      // blkio.throttle.io_service_bytes
	BlkioServiced     = BlkioFile(ioOperations) // blkio.throttle.io_serviced
	BlkioServiceTime  = BlkioFile(ioService)    // blkio.io_service_time, blkio.bfq.io_service_time
	BlkioWaitTime     = BlkioFile(ioWait)       // blkio.io_wait_time, blkio.bfq.io_wait_time
)

// ParseBlkio adds to s what one file of v1 says. Sync and Async, which are
// Read and Write again, and the totals are left out (I7).
func (s *IOStat) ParseBlkio(b []byte, file BlkioFile) error {
	known, rubbish := false, false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		first, rest := kernfs.Field(line)
		if len(first) == 0 {
			continue
		}
		if string(first) == "Total" {
			known = true // a cgroup that did no I/O has nothing but "Total 0"
			continue
		}
		device, ok := parseDevice(first)
		unknown := string(first) == "(unknown)"
		if !ok && !unknown {
			rubbish = true
			continue
		}
		known = true
		kind, rest := kernfs.Field(rest)
		var direction ioField
		switch string(kind) {
		case "Read":
		case "Write":
			direction = 1
		case "Discard":
			direction = 2
		default:
			continue
		}
		if n, _, ok := kernfs.UintField(rest); ok {
			add(s.device(device, unknown).field(ioField(file)+direction), n)
		}
	}
	if rubbish && !known {
		return kernfs.ErrMalformed
	}
	return nil
}

// DropUncounted takes out the zeros of v1. Linux 6.1 prints 0 for a direction in
// which no cgroup above throttles the device, and does not count it: such a
// zero says nothing. A device of which nothing is left is not listed.
func (s *IOStat) DropUncounted() {
	kept := s.Devices[:0]
	for _, d := range s.Devices {
		left := false
		for direction := range ioOperations {
			bytes, operations := d.field(ioBytes+direction), d.field(ioOperations+direction)
			if bytes.Or(0) == 0 && operations.Or(0) == 0 {
				*bytes, *operations = sample.OptUint{}, sample.OptUint{}
				continue
			}
			left = true
		}
		if left {
			kept = append(kept, d)
		}
	}
	s.Devices = kept
}

// Raise lifts every counter of s to that of other, where other has a greater
// one: of two files that count the same I/O, the one that counts it.
func (s *IOStat) Raise(other *IOStat) {
	for i := range other.Devices {
		from := &other.Devices[i]
		to := s.device(from.Device, from.Unknown)
		for f := ioBytes; f < ioAvgLatency; f++ {
			if n, ok := from.field(f).Get(); ok && n >= to.field(f).Or(0) {
				*to.field(f) = sample.SomeUint(n)
			}
		}
	}
}

// IOLimit is a device's limits. Absent: none.
type IOLimit struct {
	Device
	RBps, WBps   sample.OptUint // bytes per second
	RIOPS, WIOPS sample.OptUint // operations per second
}

// IOMax is the I/O limits of a cgroup by device: io.max of v2, or the
// blkio.throttle.*_device files of v1. No device: no limit.
type IOMax struct {
	Limits []IOLimit
}

// Reset empties m and keeps its memory.
func (m *IOMax) Reset() { m.Limits = m.Limits[:0] }

// Parse fills m from v2's io.max, "8:0 rbps=1048576 wbps=max riops=max wiops=max".
func (m *IOMax) Parse(b []byte) error {
	m.Reset()
	known, rubbish := false, false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		first, rest := kernfs.Field(line)
		if len(first) == 0 {
			continue
		}
		device, ok := parseDevice(first)
		if !ok {
			rubbish = true
			continue
		}
		known = true
		for {
			var word []byte
			if word, rest = kernfs.Field(rest); len(word) == 0 {
				break
			}
			key, value, _ := bytes.Cut(word, []byte("="))
			n, ok := kernfs.Uint(value)
			if !ok {
				continue // "max"
			}
			switch string(key) {
			case "rbps":
				m.limit(device).RBps = sample.SomeUint(n)
			case "wbps":
				m.limit(device).WBps = sample.SomeUint(n)
			case "riops":
				m.limit(device).RIOPS = sample.SomeUint(n)
			case "wiops":
				m.limit(device).WIOPS = sample.SomeUint(n)
			}
		}
	}
	if rubbish && !known {
		return kernfs.ErrMalformed
	}
	return nil
}

// ThrottleFile says what a throttle file of v1 limits.
type ThrottleFile uint8

// The files.
const (
	ThrottleReadBps   ThrottleFile = iota // blkio.throttle.read_bps_device
	ThrottleWriteBps                      // blkio.throttle.write_bps_device
	ThrottleReadIOPS                      // blkio.throttle.read_iops_device
	ThrottleWriteIOPS                     // blkio.throttle.write_iops_device
)

// ParseThrottle adds to m what one file of v1 says, "8:0 1048576". There 0 is no limit.
func (m *IOMax) ParseThrottle(b []byte, file ThrottleFile) error {
	known, rubbish := false, false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		first, rest := kernfs.Field(line)
		if len(first) == 0 {
			continue
		}
		device, ok := parseDevice(first)
		n, _, ok2 := kernfs.UintField(rest)
		if !ok || !ok2 {
			rubbish = true
			continue
		}
		known = true
		if n == 0 {
			continue
		}
		*m.limit(device).of(file) = sample.SomeUint(n)
	}
	if rubbish && !known {
		return kernfs.ErrMalformed
	}
	return nil
}

// of returns the limit that a throttle file of v1 sets.
func (l *IOLimit) of(file ThrottleFile) *sample.OptUint {
	return [...]*sample.OptUint{&l.RBps, &l.WBps, &l.RIOPS, &l.WIOPS}[file]
}

func (m *IOMax) limit(device Device) *IOLimit {
	for i := len(m.Limits) - 1; i >= 0; i-- {
		if m.Limits[i].Device == device {
			return &m.Limits[i]
		}
	}
	m.Limits = append(m.Limits, IOLimit{Device: device})
	return &m.Limits[len(m.Limits)-1]
}

// parseDevice reads "253:4".
func parseDevice(b []byte) (Device, bool) {
	colon := bytes.IndexByte(b, ':')
	if colon < 0 {
		return Device{}, false
	}
	major, ok := kernfs.Uint(b[:colon])
	minor, ok2 := kernfs.Uint(b[colon+1:])
	if !ok || !ok2 || major > math.MaxUint32 || minor > math.MaxUint32 {
		return Device{}, false
	}
	return Device{uint32(major), uint32(minor)}, true
}
