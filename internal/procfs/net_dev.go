package procfs

import (
	"bytes"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// NetDev is /proc/net/dev (proc_pid_net(5)): the interfaces of one network
// namespace. The kernel hands it out a page at a time, about 35 interfaces:
// read it with ReadRecords.
type NetDev struct {
	Interfaces []Interface
}

// Interface is one line. The kernel's text adds some counters together:
// dropped includes missed, and frame and carrier are sums as well.
type Interface struct {
	Name string

	RxBytes, RxPackets, RxErrors, RxDropped       uint64
	RxFIFO, RxFrame, RxCompressed, RxMulticast    uint64
	TxBytes, TxPackets, TxErrors, TxDropped       uint64
	TxFIFO, TxCollisions, TxCarrier, TxCompressed uint64
}

// Parse fills d. The slice and the names are reused: while the interfaces stay
// the same it allocates nothing.
func (d *NetDev) Parse(b []byte) error {
	d.Interfaces = d.Interfaces[:0]
	header, lost := false, false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		d.Interfaces = extend(d.Interfaces)
		if !d.Interfaces[len(d.Interfaces)-1].parse(line) {
			d.Interfaces = d.Interfaces[:len(d.Interfaces)-1]
			if bytes.IndexByte(line, '|') >= 0 {
				header = true
			} else {
				lost = lost || len(bytes.TrimSpace(line)) > 0
			}
		}
	}
	// A namespace may have no interface; one whose every line is unreadable is not such.
	if len(d.Interfaces) == 0 && (lost || !header) {
		return kernfs.ErrMalformed
	}
	return nil
}

// parse reads one line, and keeps the name that i has where it is the same.
func (i *Interface) parse(line []byte) bool {
	// The last colon separates: an alias has one in its name ("eth0:1"). No
	// blank need follow it: in the format of old kernels a long number touches it.
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return false
	}
	for {
		next := bytes.IndexByte(line[colon+1:], ':')
		if next < 0 {
			break
		}
		colon += next + 1
	}
	name, more := kernfs.Field(line[:colon])
	if more, _ = kernfs.Field(more); len(name) == 0 || len(more) > 0 {
		return false
	}
	var v [16]uint64
	if read, _ := kernfs.UintFields(line[colon+1:], v[:]); read < len(v) {
		return false
	}
	i.Name = keepName(i.Name, name)
	i.RxBytes, i.RxPackets, i.RxErrors, i.RxDropped = v[0], v[1], v[2], v[3]
	i.RxFIFO, i.RxFrame, i.RxCompressed, i.RxMulticast = v[4], v[5], v[6], v[7]
	i.TxBytes, i.TxPackets, i.TxErrors, i.TxDropped = v[8], v[9], v[10], v[11]
	i.TxFIFO, i.TxCollisions, i.TxCarrier, i.TxCompressed = v[12], v[13], v[14], v[15]
	return true
}
