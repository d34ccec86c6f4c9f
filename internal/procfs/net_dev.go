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
	header := false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		if bytes.IndexByte(line, '|') >= 0 {
			header = true
			continue
		}
		i, name, ok := parseInterface(line)
		if !ok {
			continue
		}
		d.Interfaces = extend(d.Interfaces)
		slot := &d.Interfaces[len(d.Interfaces)-1]
		i.Name = keepName(slot.Name, name)
		*slot = i
	}
	if !header && len(d.Interfaces) == 0 {
		return kernfs.ErrMalformed
	}
	return nil
}

func parseInterface(line []byte) (i Interface, name []byte, ok bool) {
	// The last colon separates: an alias has one in its name ("eth0:1"). No
	// blank need follow it: in the format of old kernels a long number touches it.
	colon := bytes.LastIndexByte(line, ':')
	if colon < 0 {
		return i, nil, false
	}
	name, more := kernfs.Field(line[:colon])
	if more, _ = kernfs.Field(more); len(name) == 0 || len(more) > 0 {
		return i, nil, false
	}
	b := line[colon+1:]
	for _, field := range [...]*uint64{
		&i.RxBytes, &i.RxPackets, &i.RxErrors, &i.RxDropped, &i.RxFIFO, &i.RxFrame, &i.RxCompressed, &i.RxMulticast,
		&i.TxBytes, &i.TxPackets, &i.TxErrors, &i.TxDropped, &i.TxFIFO, &i.TxCollisions, &i.TxCarrier, &i.TxCompressed,
	} {
		if *field, b, ok = kernfs.UintField(b); !ok {
			return i, nil, false
		}
	}
	return i, name, true
}
