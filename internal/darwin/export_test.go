package darwin

// What the tests need besides the exported names. They stand outside the
// package because the fake kernel imports it.
const (
	DiskKeys             = diskKeys
	MaxAnswer            = maxAnswer
	MaxDescriptors       = maxDescriptors
	MaxDisks             = maxDisks
	MaxProcessors        = maxProcessors
	OffBSDStartMic       = offBSDStartMic
	OffBSDStartSec       = offBSDStartSec
	OffCPUUser           = offCPUUser
	OffDLFamily          = offDLFamily
	OffDLLen             = offDLLen
	OffDLName            = offDLName
	OffDLNameLen         = offDLNameLen
	OffLoadScale         = offLoadScale
	OffMsgAddrs          = offMsgAddrs
	OffMsgType           = offMsgType
	OffMsgVersion        = offMsgVersion
	OffRUCycles          = offRUCycles
	OffRUInstructions    = offRUInstructions
	OffTaskVMFootprint   = offTaskVMFootprint
	OffTaskVMLimitRemain = offTaskVMLimitRemain
	SizeBSDInfo          = sizeBSDInfo
	SizeCPULoad          = sizeCPULoad
	SizeIfMIBData        = sizeIfMIBData
	SizeIfMsgHdr2        = sizeIfMsgHdr2
	SizeTaskVMInfo       = sizeTaskVMInfo
)

var (
	ErrNoMemory = errNoMemory
	DecodeText  = decodeText
)

// ReadFrom reads from one source, whichever answered before.
func (r *NetworkReader) ReadFrom(s NetworkSource, n *Network) error { return r.readFrom(s, n) }
