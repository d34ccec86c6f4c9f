package darwin

import "encoding/binary"

// SizeVMStatistics is vm_statistics64 up to its revision 1, 38 words. Newer
// kernels append fields; asking for 38 words gives this layout on all of them.
const SizeVMStatistics = 152

// Offsets in vm_statistics64 (mach/vm_statistics.h).
const (
	offVMFree           = 0
	offVMActive         = 4
	offVMInactive       = 8
	offVMWire           = 12
	offVMZeroFill       = 16
	offVMReactivations  = 24
	offVMPageIns        = 32
	offVMPageOuts       = 40
	offVMFaults         = 48
	offVMCOWFaults      = 56
	offVMPurges         = 80
	offVMPurgeable      = 88
	offVMSpeculative    = 92
	offVMDecompressions = 96
	offVMCompressions   = 104
	offVMSwapIns        = 112
	offVMSwapOuts       = 120
	offVMCompressor     = 128
	offVMThrottled      = 132
	offVMExternal       = 136
	offVMInternal       = 140
	offVMUncompressed   = 144
)

// VMStatistics is vm_statistics64: gauges in pages, counters since boot.
type VMStatistics struct {
	Free         uint32 // with the speculative pages
	Active       uint32
	Inactive     uint32
	Wire         uint32
	Purgeable    uint32
	Speculative  uint32
	Compressor   uint32 // pages that the compressor occupies
	Throttled    uint32
	External     uint32 // file backed
	Internal     uint32 // anonymous
	Uncompressed uint64 // pages that the compressor holds

	ZeroFill, Reactivations      uint64
	PageIns, PageOuts            uint64
	Faults, COWFaults            uint64
	Purges                       uint64
	Decompressions, Compressions uint64
	SwapIns, SwapOuts            uint64
}

// Decode fills v from the bytes of a vm_statistics64. What follows the
// documented layout is ignored.
func (v *VMStatistics) Decode(b []byte) error {
	*v = VMStatistics{}
	if len(b) < SizeVMStatistics {
		return ErrMalformed
	}
	le := binary.LittleEndian
	v.Free = le.Uint32(b[offVMFree:])
	v.Active = le.Uint32(b[offVMActive:])
	v.Inactive = le.Uint32(b[offVMInactive:])
	v.Wire = le.Uint32(b[offVMWire:])
	v.ZeroFill = le.Uint64(b[offVMZeroFill:])
	v.Reactivations = le.Uint64(b[offVMReactivations:])
	v.PageIns = le.Uint64(b[offVMPageIns:])
	v.PageOuts = le.Uint64(b[offVMPageOuts:])
	v.Faults = le.Uint64(b[offVMFaults:])
	v.COWFaults = le.Uint64(b[offVMCOWFaults:])
	v.Purges = le.Uint64(b[offVMPurges:])
	v.Purgeable = le.Uint32(b[offVMPurgeable:])
	v.Speculative = le.Uint32(b[offVMSpeculative:])
	v.Decompressions = le.Uint64(b[offVMDecompressions:])
	v.Compressions = le.Uint64(b[offVMCompressions:])
	v.SwapIns = le.Uint64(b[offVMSwapIns:])
	v.SwapOuts = le.Uint64(b[offVMSwapOuts:])
	v.Compressor = le.Uint32(b[offVMCompressor:])
	v.Throttled = le.Uint32(b[offVMThrottled:])
	v.External = le.Uint32(b[offVMExternal:])
	v.Internal = le.Uint32(b[offVMInternal:])
	v.Uncompressed = le.Uint64(b[offVMUncompressed:])
	return nil
}

// MemoryUse splits the machine's memory as Activity Monitor does, in bytes.
type MemoryUse struct {
	App        uint64 // anonymous and not purgeable
	Wired      uint64
	Compressed uint64 // what the compressor occupies
	Used       uint64 // App + Wired + Compressed
	Cached     uint64 // file backed or purgeable: given back on demand
	Free       uint64 // without speculative pages, which hold file data
}

// Use does the arithmetic for the kernel's page size. The kernel does not take
// the counts at one moment, so a difference may come out negative: it is 0 then.
func (v *VMStatistics) Use(pageSize uint64) MemoryUse {
	app := satSub(uint64(v.Internal), uint64(v.Purgeable))
	used := app + uint64(v.Wire) + uint64(v.Compressor)
	cached := uint64(v.External) + uint64(v.Purgeable)
	free := satSub(uint64(v.Free), uint64(v.Speculative))
	return MemoryUse{
		App:        satMul(app, pageSize),
		Wired:      satMul(uint64(v.Wire), pageSize),
		Compressed: satMul(uint64(v.Compressor), pageSize),
		Used:       satMul(used, pageSize),
		Cached:     satMul(cached, pageSize),
		Free:       satMul(free, pageSize),
	}
}
