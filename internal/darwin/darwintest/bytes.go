package darwintest

import (
	"encoding/binary"
	"math"
)

// U32 and U64 are numbers as a kernel writes them.
func U32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

// U64 is a number of 64 bits.
func U64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

// Text is a string as a sysctl answers it.
func Text(s string) []byte { return append([]byte(s), 0) }

// Put32 and Put64 write a number into a struct.
func Put32(b []byte, off int, n uint32) { binary.LittleEndian.PutUint32(b[off:], n) }

// Put64 writes a number of 64 bits.
func Put64(b []byte, off int, n uint64) { binary.LittleEndian.PutUint64(b[off:], n) }

// Ticks are the counts of one CPU.
type Ticks struct {
	User, System, Idle, Nice uint32
}

// CPUArray makes the array of processor_cpu_load_info.
func CPUArray(cpus ...Ticks) (b []byte) {
	for _, c := range cpus {
		for _, n := range []uint32{c.User, c.System, c.Idle, c.Nice} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
	}
	return b
}

// VM makes a vm_statistics64, in pages.
type VM struct {
	Free, Speculative, Wired, Compressor uint32
	External, Internal, Purgeable        uint32
	Faults, PageIns                      uint64
}

// Bytes returns the struct.
func (v VM) Bytes() []byte {
	b := make([]byte, sizeVMStatistics)
	Put32(b, vmFree, v.Free)
	Put32(b, vmSpeculative, v.Speculative)
	Put32(b, vmWire, v.Wired)
	Put32(b, vmCompressor, v.Compressor)
	Put32(b, vmExternal, v.External)
	Put32(b, vmInternal, v.Internal)
	Put32(b, vmPurgeable, v.Purgeable)
	Put64(b, vmFaults, v.Faults)
	Put64(b, vmPageIns, v.PageIns)
	return b
}

// TaskVM makes a task_vm_info of a process that jetsam limits.
func TaskVM(footprint, remaining uint64) []byte {
	b := make([]byte, sizeTaskVMInfo)
	Put64(b, taskVMFootprint, footprint)
	Put64(b, taskVMLimitRest, remaining)
	return b
}

// SwapUsage makes an xsw_usage.
func SwapUsage(total, used uint64) []byte {
	b := make([]byte, 32)
	Put64(b, 0, total)
	Put64(b, 8, total-min(used, total))
	Put64(b, 16, used)
	return b
}

// Traffic are the counts of an interface.
type Traffic struct {
	RxBytes, TxBytes, RxPackets, TxPackets, RxErrors, TxErrors, RxDrops uint64
	Speed                                                               uint64
	TxDrops                                                             uint32 // of Counted alone
}

func (c *Traffic) put(data []byte) {
	data[ifType] = typeEthernet
	Put64(data, ifBaudrate, c.Speed)
	Put64(data, ifIPackets, c.RxPackets)
	Put64(data, ifIErrors, c.RxErrors)
	Put64(data, ifOPackets, c.TxPackets)
	Put64(data, ifOErrors, c.TxErrors)
	Put64(data, ifIBytes, c.RxBytes)
	Put64(data, ifOBytes, c.TxBytes)
	Put64(data, ifIQDrops, c.RxDrops)
}

// IfMIB makes an ifmibdata with nothing but bytes.
func IfMIB(name string, rx, tx uint64) []byte {
	return Counted(name, Traffic{RxBytes: rx, TxBytes: tx})
}

// Counted makes an ifmibdata.
func Counted(name string, c Traffic) []byte {
	b := make([]byte, sizeIfMIBData)
	copy(b[:16], name)
	Put32(b, mibFlags, flagsUpRunning)
	Put32(b, mibSendDrops, c.TxDrops)
	c.put(b[mibData:])
	return b
}

// IfMsg makes an if_msghdr2 with its sockaddr_dl, cut as the kernel cuts it.
func IfMsg(name string, index uint16, rx, tx, packets uint64) []byte {
	b := make([]byte, sizeIfMsgHdr2+lengthSockaddrDL)
	b[0] = byte(len(b))
	b[msgVersion], b[msgType] = rtmVersion, rtmIfInfo2
	Put32(b, msgAddrs, rtaIFP)
	Put32(b, msgFlags, flagsUpRunning)
	binary.LittleEndian.PutUint16(b[msgIndex:], index)
	c := Traffic{
		RxBytes: rx &^ 1023 & math.MaxUint32, TxBytes: tx &^ 1023 & math.MaxUint32,
		RxPackets: packets, TxPackets: packets,
	}
	c.put(b[msgData:])
	dl := b[sizeIfMsgHdr2:]
	dl[0], dl[1], dl[5] = lengthSockaddrDL, afLink, byte(len(name))
	copy(dl[8:], name)
	return b
}
