package darwin

import (
	"math"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// NetworkSource says where the byte counts come from.
type NetworkSource uint8

// The sources, best first. A reader stays with the first that answered: their
// totals cannot be compared.
const (
	NetworkNone NetworkSource = iota
	// NetworkIfMIBAll is net.link.generic, all interfaces in one call.
	NetworkIfMIBAll
	// NetworkIfMIB is net.link.generic, one call for each interface.
	NetworkIfMIB
	// NetworkIfList2 is NET_RT_IFLIST2. For programs that Apple did not sign
	// the kernel rounds its byte counts down to 1 KiB (since macOS 10.15) and
	// cuts them to 32 bits (since macOS 11). The reader adds up differences
	// modulo 2^32, which is right as long as less than 4 GiB pass between two readings.
	NetworkIfList2
)

// String names the source as Apple's headers do.
func (s NetworkSource) String() string {
	return [...]string{"", "IFMIB_IFALLDATA", "IFMIB_IFDATA", "NET_RT_IFLIST2"}[s]
}

// Interface is one network interface. The counters are since it was attached.
type Interface struct {
	Name    string
	Index   sample.OptUint // IFMIB_IFALLDATA does not tell
	Type    uint8          // IFT_*: 6 Ethernet and Wi-Fi, 24 loopback
	Running bool
	MTU     uint32
	Speed   sample.OptUint // bit/s

	RxBytes, TxBytes     uint64
	RxPackets, TxPackets uint64
	RxErrors, TxErrors   uint64
	RxDrops              uint64
	TxDrops              uint32 // wraps
	Collisions           uint64
}

// Network is the machine's interfaces, none left out (DefaultInterface tells
// which to show).
type Network struct {
	Source     NetworkSource
	Interfaces []Interface
}

// NetworkReader reads Network.
type NetworkReader struct {
	kernel Kernel
	source NetworkSource
	names  interned
	list   []byte
	mib    [6]int32
	one    [sizeIfMIBData]byte
	bytes  map[uint16]byteTotals
	round  uint64
}

// NewNetworkReader returns a reader over k.
func NewNetworkReader(k Kernel) *NetworkReader {
	return &NetworkReader{kernel: k, bytes: make(map[uint16]byteTotals)}
}

// The names of the calls (sys/socket.h, net/if_mib.h).
const (
	ctlNet         = 4
	pfRoute        = 17
	netRTIfList2   = 6
	pfLink         = 18
	netLinkGeneric = 0
	ifMIBData      = 2
	ifMIBAllData   = 3
	ifDataGeneral  = 1
)

// Read fills n and reuses the room of n.Interfaces.
func (r *NetworkReader) Read(n *Network) error {
	*n = Network{Interfaces: n.Interfaces[:0]}
	if r.source != NetworkNone {
		return r.readFrom(r.source, n)
	}
	var f failures
	for s := NetworkIfMIBAll; s <= NetworkIfList2; s++ {
		err := r.readFrom(s, n)
		if err == nil {
			r.source = s
			return nil
		}
		f = append(f, err)
	}
	return f.join()
}

func (r *NetworkReader) readFrom(s NetworkSource, n *Network) (err error) {
	switch s {
	case NetworkIfMIBAll:
		err = r.readIfMIBAll(n)
	case NetworkIfMIB:
		err = r.readIfMIB(n)
	default:
		err = r.readIfList2(n)
	}
	if err != nil {
		n.Interfaces = n.Interfaces[:0]
		return &CallError{Call: "sysctl", Arg: s.String(), Err: err}
	}
	n.Source = s
	return nil
}

func (r *NetworkReader) readList(mib [6]int32) (list []byte, err error) {
	r.mib = mib
	list, r.list, err = readList(r.kernel, r.mib[:], r.list)
	if err == nil && len(list) == 0 {
		err = ErrMalformed // lo0 always exists
	}
	return list, err
}

func (r *NetworkReader) readIfMIBAll(n *Network) error {
	list, err := r.readList([6]int32{ctlNet, pfLink, netLinkGeneric, ifMIBAllData, 0, ifDataGeneral})
	if err != nil {
		return err
	}
	if len(list)%sizeIfMIBData != 0 {
		return ErrMalformed
	}
	var rec IfRecord
	for rest, ok := NextIfMIB(list, &rec); ok; rest, ok = NextIfMIB(rest, &rec) {
		n.Interfaces = append(n.Interfaces, r.publish(&rec))
	}
	return someInterface(n)
}

func someInterface(n *Network) error {
	if len(n.Interfaces) == 0 {
		return ErrMalformed
	}
	return nil
}

func (r *NetworkReader) readIfList() ([]byte, error) {
	return r.readList([6]int32{ctlNet, pfRoute, 0, 0, netRTIfList2, 0})
}

func (r *NetworkReader) readIfMIB(n *Network) error {
	list, err := r.readIfList()
	if err != nil {
		return err
	}
	var rec IfRecord
	for rest, ok := NextIfMsg(list, &rec); ok; rest, ok = NextIfMsg(rest, &rec) {
		index := rec.Index
		r.mib = [6]int32{ctlNet, pfLink, netLinkGeneric, ifMIBData, int32(index), ifDataGeneral}
		size, err := r.kernel.Sysctl(r.mib[:], r.one[:])
		if missing(err) {
			continue // detached since the list was made
		}
		if err != nil {
			return err
		}
		if size != sizeIfMIBData {
			return ErrMalformed
		}
		if _, ok := NextIfMIB(r.one[:], &rec); !ok {
			continue
		}
		rec.Index = index
		n.Interfaces = append(n.Interfaces, r.publish(&rec))
	}
	return someInterface(n)
}

func (r *NetworkReader) readIfList2(n *Network) error {
	list, err := r.readIfList()
	if err != nil {
		return err
	}
	r.round++
	var rec IfRecord
	for rest, ok := NextIfMsg(list, &rec); ok; rest, ok = NextIfMsg(rest, &rec) {
		i := r.publish(&rec)
		total := r.bytes[rec.Index]
		total.add(&i, r.round)
		r.bytes[rec.Index] = total
		i.RxBytes, i.TxBytes = total.rx, total.tx
		n.Interfaces = append(n.Interfaces, i)
	}
	for index, total := range r.bytes {
		if total.round != r.round {
			delete(r.bytes, index) // its index and its name may come back for another
		}
	}
	return someInterface(n)
}

func (r *NetworkReader) publish(rec *IfRecord) Interface {
	d := &rec.Data
	i := Interface{
		Name:       r.names.get(rec.Name),
		Type:       d.Type,
		Running:    rec.Running(),
		MTU:        d.MTU,
		RxBytes:    d.RxBytes,
		TxBytes:    d.TxBytes,
		RxPackets:  d.RxPackets,
		TxPackets:  d.TxPackets,
		RxErrors:   d.RxErrors,
		TxErrors:   d.TxErrors,
		RxDrops:    d.RxDrops,
		TxDrops:    rec.TxDrops,
		Collisions: d.Collisions,
	}
	if rec.Index != 0 {
		i.Index = sample.SomeUint(uint64(rec.Index))
	}
	if speed, ok := rec.Speed(); ok {
		i.Speed = sample.SomeUint(speed)
	}
	return i
}

// byteTotals widens the byte counts of one interface.
type byteTotals struct {
	name                 string
	rx, tx               uint64
	rxBefore, txBefore   uint32
	rxPackets, txPackets uint64
	round                uint64
}

// add takes the newest counts of i. The packets tell an interface that started
// anew from counts that wrapped: they are never cut, so they only go back in the first case.
func (t *byteTotals) add(i *Interface, round uint64) {
	rx, tx := uint32(i.RxBytes&math.MaxUint32), uint32(i.TxBytes&math.MaxUint32)
	switch {
	case t.round == 0 || t.name != i.Name:
		*t = byteTotals{name: i.Name, rx: uint64(rx), tx: uint64(tx)}
	case i.RxPackets < t.rxPackets || i.TxPackets < t.txPackets:
		t.rx += uint64(rx)
		t.tx += uint64(tx)
	default:
		t.rx += uint64(rx - t.rxBefore)
		t.tx += uint64(tx - t.txBefore)
	}
	t.rxBefore, t.txBefore = rx, tx
	t.rxPackets, t.txPackets = i.RxPackets, i.TxPackets
	t.round = round
}
