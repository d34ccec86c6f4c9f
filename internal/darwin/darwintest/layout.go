package darwintest

// The layouts of the structs that a Mac answers with, stated a second time: a
// decoder that reads the wrong field does not agree with them.
const (
	sizeVMStatistics = 152
	vmFree           = 0
	vmWire           = 12
	vmPageIns        = 32
	vmFaults         = 48
	vmPurgeable      = 88
	vmSpeculative    = 92
	vmCompressor     = 128
	vmExternal       = 136
	vmInternal       = 140

	sizeRusageInfo = 296
	ruResident     = 64
	ruFootprint    = 72
	ruDiskRead     = 144
	ruDiskWrite    = 152
	ruMaxFootprint = 240

	sizeTaskInfo = 96
	taskVirtual  = 0
	taskResident = 8
	taskThreads  = 84

	sizeBSDInfo = 136
	bsdStartSec = 120
	bsdStartMic = 128

	// SizeFDInfo is one entry of PidListFDs.
	SizeFDInfo = 8

	sizeTaskVMInfo   = 344
	taskVMFootprint  = 144
	taskVMLimitRest  = 336
	sizeIfMIBData    = 180
	mibFlags         = 20
	mibSendDrops     = 32
	mibData          = 52
	sizeIfMsgHdr2    = 160
	msgVersion       = 2
	msgType          = 3
	msgAddrs         = 4
	msgFlags         = 8
	msgIndex         = 12
	msgData          = 32
	ifType           = 0
	ifBaudrate       = 16
	ifIPackets       = 24
	ifIErrors        = 32
	ifOPackets       = 40
	ifOErrors        = 48
	ifIBytes         = 64
	ifOBytes         = 72
	ifIQDrops        = 96
	flagsUpRunning   = 0x8863 // IFF_UP, IFF_RUNNING and what Ethernet has besides
	typeEthernet     = 6
	rtmVersion       = 5
	rtmIfInfo2       = 0x12
	rtaIFP           = 0x10
	afLink           = 18
	lengthSockaddrDL = 20
)

// The flavors of ProcPidInfo, and the resources of Rlimit.
const (
	PidListFDs  = 1
	PidBSDInfo  = 3
	PidTaskInfo = 4

	RlimitAS     = 5
	RlimitNProc  = 7
	RlimitNoFile = 8
	Unlimited    = 1<<63 - 1
)

// The names of the lists of interfaces.
var (
	MIBAll  = [6]int32{4, 18, 0, 3, 0, 1} // IFMIB_IFALLDATA
	MIBList = [6]int32{4, 17, 0, 0, 6, 0} // NET_RT_IFLIST2
)

// MIBOne is IFMIB_IFDATA of one interface.
func MIBOne(index int32) [6]int32 { return [6]int32{4, 18, 0, 2, index, 1} }
