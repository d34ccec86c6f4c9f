package darwin

import "encoding/binary"

// Layouts of net/if_var.h and net/if_mib.h, all packed to 4 bytes.
const (
	offIfType       = 0
	offIfMTU        = 8
	offIfBaudrate   = 16
	offIfIPackets   = 24
	offIfIErrors    = 32
	offIfOPackets   = 40
	offIfOErrors    = 48
	offIfCollisions = 56
	offIfIBytes     = 64
	offIfOBytes     = 72
	offIfIMcasts    = 80
	offIfOMcasts    = 88
	offIfIQDrops    = 96
	offIfNoProto    = 104

	sizeIfMIBData   = 180
	sizeIfName      = 16
	offMIBFlags     = 20
	offMIBSendDrops = 32
	offMIBData      = 52 // not a multiple of 8: decode, never cast

	sizeIfMsgHdr2   = 160
	offMsgLen       = 0
	offMsgVersion   = 2
	offMsgType      = 3
	offMsgAddrs     = 4
	offMsgFlags     = 8
	offMsgIndex     = 12
	offMsgSendDrops = 24
	offMsgData      = 32

	// sockaddr_dl, which follows an if_msghdr2.
	offDLLen     = 0
	offDLFamily  = 1
	offDLNameLen = 5
	offDLName    = 8

	rtmVersion = 5
	rtmIfInfo2 = 0x12
	rtaIFP     = 0x10
	afLink     = 18
	minMessage = 4 // length, version and type

	iffRunning = 0x40
	ifTypeEth  = 6
)

// IfData is if_data64: what the kernel counts per interface.
type IfData struct {
	Type        uint8
	MTU         uint32
	Baudrate    uint64 // bit/s
	RxPackets   uint64
	RxErrors    uint64
	TxPackets   uint64
	TxErrors    uint64
	Collisions  uint64
	RxBytes     uint64
	TxBytes     uint64
	RxMulticast uint64
	TxMulticast uint64
	RxDrops     uint64 // dropped on the input queue
	NoProtocol  uint64 // for a protocol that nobody speaks
}

// IfRecord is one interface in an answer of the kernel. Name points into the
// bytes that were decoded.
type IfRecord struct {
	Name    []byte
	Index   uint16 // 0 where the answer does not tell
	Flags   uint32 // IFF_*
	TxDrops uint32 // dropped on the send queue; wraps
	Data    IfData
}

// Speed returns the speed of the link in bit/s. Only a running Ethernet-like
// link has one, and 0 and 10 Mbit/s are what drivers say that do not know.
func (r *IfRecord) Speed() (uint64, bool) {
	const placeholder = 10_000_000
	known := r.Running() && r.Data.Type == ifTypeEth && r.Data.Baudrate != 0 && r.Data.Baudrate != placeholder
	return r.Data.Baudrate, known
}

// Running reports whether the driver has resources and the link may carry data.
func (r *IfRecord) Running() bool { return r.Flags&iffRunning != 0 }

// decode fills d from an if_data64. b is long enough.
func (d *IfData) decode(b []byte) {
	le := binary.LittleEndian
	*d = IfData{
		Type:        b[offIfType],
		MTU:         le.Uint32(b[offIfMTU:]),
		Baudrate:    le.Uint64(b[offIfBaudrate:]),
		RxPackets:   le.Uint64(b[offIfIPackets:]),
		RxErrors:    le.Uint64(b[offIfIErrors:]),
		TxPackets:   le.Uint64(b[offIfOPackets:]),
		TxErrors:    le.Uint64(b[offIfOErrors:]),
		Collisions:  le.Uint64(b[offIfCollisions:]),
		RxBytes:     le.Uint64(b[offIfIBytes:]),
		TxBytes:     le.Uint64(b[offIfOBytes:]),
		RxMulticast: le.Uint64(b[offIfIMcasts:]),
		TxMulticast: le.Uint64(b[offIfOMcasts:]),
		RxDrops:     le.Uint64(b[offIfIQDrops:]),
		NoProtocol:  le.Uint64(b[offIfNoProto:]),
	}
}

// NextIfMIB decodes the ifmibdata at the start of b and returns the rest. It
// skips interfaces that are being detached: the kernel answers zeros for them.
// ok is false at the end.
func NextIfMIB(b []byte, r *IfRecord) (rest []byte, ok bool) {
	for len(b) >= sizeIfMIBData {
		entry := b[:sizeIfMIBData]
		b = b[sizeIfMIBData:]
		if name := decodeText(entry[:sizeIfName]); len(name) > 0 {
			r.Name = name
			r.Index = 0
			r.Flags = binary.LittleEndian.Uint32(entry[offMIBFlags:])
			r.TxDrops = binary.LittleEndian.Uint32(entry[offMIBSendDrops:])
			r.Data.decode(entry[offMIBData:])
			return b, true
		}
	}
	return nil, false
}

// NextIfMsg decodes the next interface in the routing messages of
// NET_RT_IFLIST2 and returns the rest. Other messages, and interface messages
// without a name, are skipped. ok is false at the end, which for a message that
// lies about its length is where it stands.
//
// The byte counts are the real ones rounded down to 1 KiB and cut to 32 bits.
func NextIfMsg(b []byte, r *IfRecord) (rest []byte, ok bool) {
	for len(b) >= minMessage {
		n := int(binary.LittleEndian.Uint16(b[offMsgLen:]))
		if n < minMessage || n > len(b) {
			return nil, false
		}
		msg := b[:n]
		b = b[n:]
		if msg[offMsgType] == rtmIfInfo2 && msg[offMsgVersion] == rtmVersion && r.decodeMsg(msg) {
			return b, true
		}
	}
	return nil, false
}

func (r *IfRecord) decodeMsg(msg []byte) bool {
	le := binary.LittleEndian
	if len(msg) < sizeIfMsgHdr2 || le.Uint32(msg[offMsgAddrs:])&rtaIFP == 0 {
		return false
	}
	name := linkName(msg[sizeIfMsgHdr2:])
	if len(name) == 0 {
		return false
	}
	r.Name = name
	r.Index = le.Uint16(msg[offMsgIndex:])
	// An int holds the 16 bits of an interface's flags here.
	r.Flags = le.Uint32(msg[offMsgFlags:]) & 0xffff
	r.TxDrops = le.Uint32(msg[offMsgSendDrops:])
	r.Data.decode(msg[offMsgData:])
	return true
}

// linkName returns the name in a sockaddr_dl, or nothing.
func linkName(b []byte) []byte {
	if len(b) < offDLName || b[offDLFamily] != afLink {
		return nil
	}
	if n := int(b[offDLLen]); n >= offDLName && n < len(b) {
		b = b[:n]
	}
	end := offDLName + int(b[offDLNameLen])
	if end > len(b) {
		return nil
	}
	return decodeText(b[offDLName:end])
}
