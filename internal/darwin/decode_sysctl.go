package darwin

import (
	"bytes"
	"encoding/binary"
	"time"
)

// Sizes and offsets of the structs that sysctls answer with.
const (
	sizeSwapUsage    = 32 // xsw_usage
	offSwapTotal     = 0
	offSwapAvail     = 8
	offSwapUsed      = 16
	offSwapPageSize  = 24
	offSwapEncrypted = 28

	sizeLoadAverage = 24 // loadavg
	offLoadScale    = 16

	sizeTimeval   = 16
	offTimevalSec = 0
	offTimevalMic = 8
)

// SwapUsage is xsw_usage, the answer of vm.swapusage. Sizes are bytes.
type SwapUsage struct {
	Total     uint64 // grows on demand; 0 until something was swapped
	Available uint64
	Used      uint64
	PageSize  uint32
	Encrypted bool
}

// Decode fills s from the bytes of an xsw_usage.
func (s *SwapUsage) Decode(b []byte) error {
	*s = SwapUsage{}
	if len(b) < sizeSwapUsage {
		return ErrMalformed
	}
	le := binary.LittleEndian
	s.Total = le.Uint64(b[offSwapTotal:])
	s.Available = le.Uint64(b[offSwapAvail:])
	s.Used = le.Uint64(b[offSwapUsed:])
	s.PageSize = le.Uint32(b[offSwapPageSize:])
	s.Encrypted = le.Uint32(b[offSwapEncrypted:]) != 0
	return nil
}

// LoadAverages are those of 1, 5 and 15 minutes.
type LoadAverages [3]float64

// Decode fills l from the bytes of a loadavg, the answer of vm.loadavg.
func (l *LoadAverages) Decode(b []byte) error {
	*l = LoadAverages{}
	if len(b) < sizeLoadAverage {
		return ErrMalformed
	}
	scale := int64(binary.LittleEndian.Uint64(b[offLoadScale:]))
	if scale <= 0 {
		return ErrMalformed
	}
	for i := range l {
		l[i] = float64(binary.LittleEndian.Uint32(b[4*i:])) / float64(scale)
	}
	return nil
}

// DecodeTimeval reads a timeval, the answer of kern.boottime.
func DecodeTimeval(b []byte) (time.Time, error) {
	if len(b) < sizeTimeval {
		return time.Time{}, ErrMalformed
	}
	sec := int64(binary.LittleEndian.Uint64(b[offTimevalSec:]))
	usec := int32(binary.LittleEndian.Uint32(b[offTimevalMic:]))
	return timeOf(sec, int64(usec))
}

// timeOf rejects what no clock shows: times before 1970 or after the year 9999.
func timeOf(sec, usec int64) (time.Time, error) {
	const year10000 = 253402300800
	if sec <= 0 || sec >= year10000 || usec < 0 || usec >= 1e6 {
		return time.Time{}, ErrMalformed
	}
	return time.Unix(sec, usec*1000), nil
}

// DecodeInt reads an integer sysctl. Apple declares the same name as int in one
// release and as a 64-bit number in another, so the length of the answer decides.
func DecodeInt(b []byte) (int64, error) {
	switch len(b) {
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	case 8:
		return int64(binary.LittleEndian.Uint64(b)), nil
	}
	return 0, ErrMalformed
}

// decodeText cuts a C string at its NUL, which the kernel counts into the length.
func decodeText(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return b
}
