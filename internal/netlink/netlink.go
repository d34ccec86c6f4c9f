// Package netlink reads the counters of every network interface by one
// RTM_GETSTATS dump (rtnetlink(7), since Linux 4.7): binary, 64 bits wide, and
// without the formatting that makes /proc/net/dev dear. Encoding and decoding
// are pure functions; only the socket is Linux's.
package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// LinkStats is struct rtnl_link_stats64 of one interface
// (Documentation/networking/statistics.rst), cumulative. /proc/net/dev adds
// some of them together: see RxDrop.
type LinkStats struct {
	Index                                          int
	RxPackets, TxPackets, RxBytes, TxBytes         uint64
	RxErrors, TxErrors, RxDropped, TxDropped       uint64
	Multicast, Collisions                          uint64
	RxLengthErrors, RxOverErrors, RxCRCErrors      uint64
	RxFrameErrors, RxFIFOErrors, RxMissedErrors    uint64
	TxAbortedErrors, TxCarrierErrors, TxFIFOErrors uint64
	TxHeartbeatErrors, TxWindowErrors              uint64
	RxCompressed, TxCompressed, RxNoHandler        uint64
}

// RxDrop is what /proc/net/dev calls drop: packets that the stack dropped and
// packets that the hardware had no buffer for.
func (s *LinkStats) RxDrop() uint64 { return s.RxDropped + s.RxMissedErrors }

// ErrUnsupported says that this kernel, sandbox or policy has no RTM_GETSTATS:
// before Linux 4.7, in gVisor, where netlink sockets are denied. /proc/net/dev is what is left.
var ErrUnsupported = errors.New("RTM_GETSTATS is not available")

// ErrInterrupted says that interfaces came or went during the dump, so that
// it may lack some.
var ErrInterrupted = errors.New("the interfaces changed during the dump")

// ErrMalformed says that an answer does not hold what the kernel documents.
var ErrMalformed = errors.New("unexpected netlink message")

// The part of linux/netlink.h, linux/rtnetlink.h and linux/if_link.h that a
// dump of statistics needs.
const (
	headerSize    = 16 // struct nlmsghdr
	ifStatsSize   = 12 // struct if_stats_msg
	attributeSize = 4  // struct nlattr
	// countersSize is the part of struct rtnl_link_stats64 that is read here. Newer kernels append
	// counters to it; RTM_GETSTATS is younger than the last one of this part.
	countersSize = 24 * 8
	requestSize  = headerSize + ifStatsSize

	typeError    = 2 // NLMSG_ERROR
	typeDone     = 3 // NLMSG_DONE
	typeNewStats = 92
	typeGetStats = 94

	flagRequest         = 0x1
	flagDump            = 0x300
	flagDumpInterrupted = 0x10

	attributeLink64   = 1 // IFLA_STATS_LINK_64
	attributeTypeMask = 1<<14 - 1
)

// appendRequest appends the message that asks for all interfaces.
func appendRequest(b []byte, seq uint32) []byte {
	e := binary.NativeEndian
	b = e.AppendUint32(b, requestSize)
	b = e.AppendUint16(b, typeGetStats)
	b = e.AppendUint16(b, flagRequest|flagDump)
	b = e.AppendUint32(b, seq)
	b = e.AppendUint32(b, 0) // the kernel fills in the port
	b = e.AppendUint32(b, 0) // AF_UNSPEC
	b = e.AppendUint32(b, 0) // every ifindex
	return e.AppendUint32(b, 1<<(attributeLink64-1))
}

// decode appends the interfaces of one datagram of the dump seq to dst. A dump has
// several datagrams: done tells the last one.
func decode(b []byte, seq uint32, dst []LinkStats) (stats []LinkStats, done, interrupted bool, err error) {
	e := binary.NativeEndian
	for len(b) >= headerSize {
		size := int64(e.Uint32(b))
		if size < headerSize || size > int64(len(b)) {
			return dst, false, interrupted, ErrMalformed
		}
		kind, flags, of := e.Uint16(b[4:]), e.Uint16(b[6:]), e.Uint32(b[8:])
		payload := b[headerSize:size]
		b = b[min(align(int(size)), len(b)):]
		if of != seq {
			continue // of a dump that was given up
		}
		interrupted = interrupted || flags&flagDumpInterrupted != 0
		switch kind {
		case typeNewStats:
			dst = append(dst, LinkStats{})
			ok, err := dst[len(dst)-1].decode(payload)
			if !ok {
				dst = dst[:len(dst)-1]
			}
			if err != nil {
				return dst, false, interrupted, err
			}
		case typeError:
			if err := errorOf(payload); err != nil {
				return dst, false, interrupted, err
			}
		case typeDone:
			// A dump that fails under way ends with the error; an old kernel sends no payload.
			if len(payload) < 4 {
				return dst, true, interrupted, nil
			}
			return dst, true, interrupted, errorOf(payload)
		}
	}
	if len(b) > 0 {
		return dst, false, interrupted, ErrMalformed
	}
	return dst, false, interrupted, nil
}

// decode reads one RTM_NEWSTATS. It is false without the attribute asked for.
func (s *LinkStats) decode(b []byte) (ok bool, err error) {
	e := binary.NativeEndian
	if len(b) < ifStatsSize {
		return false, ErrMalformed
	}
	index := e.Uint32(b[4:])
	b = b[ifStatsSize:]
	for len(b) >= attributeSize {
		size, kind := int(e.Uint16(b)), e.Uint16(b[2:])&attributeTypeMask
		if size < attributeSize || size > len(b) {
			return false, ErrMalformed
		}
		value := b[attributeSize:size]
		b = b[min(align(size), len(b)):]
		if kind != attributeLink64 {
			continue // padding, which aligns the counters
		}
		s.Index = int(int32(index))
		if len(value) < countersSize {
			return false, ErrMalformed
		}
		s.counters(value)
		return true, nil
	}
	return false, nil
}

// counters reads struct rtnl_link_stats64.
func (s *LinkStats) counters(b []byte) {
	b = b[:countersSize]
	at := func(i int) uint64 { return binary.NativeEndian.Uint64(b[8*i:]) }
	s.RxPackets, s.TxPackets, s.RxBytes, s.TxBytes = at(0), at(1), at(2), at(3)
	s.RxErrors, s.TxErrors, s.RxDropped, s.TxDropped = at(4), at(5), at(6), at(7)
	s.Multicast, s.Collisions = at(8), at(9)
	s.RxLengthErrors, s.RxOverErrors, s.RxCRCErrors = at(10), at(11), at(12)
	s.RxFrameErrors, s.RxFIFOErrors, s.RxMissedErrors = at(13), at(14), at(15)
	s.TxAbortedErrors, s.TxCarrierErrors, s.TxFIFOErrors = at(16), at(17), at(18)
	s.TxHeartbeatErrors, s.TxWindowErrors = at(19), at(20)
	s.RxCompressed, s.TxCompressed, s.RxNoHandler = at(21), at(22), at(23)
}

// errorOf reads the number at the start of an NLMSG_ERROR or NLMSG_DONE.
func errorOf(b []byte) error {
	if len(b) < 4 {
		return ErrMalformed
	}
	n := int32(binary.NativeEndian.Uint32(b))
	if n == 0 {
		return nil
	}
	if n > 0 || n < -4095 {
		return ErrMalformed
	}
	return classify(syscall.Errno(-n))
}

// unsupported are the answers that asking again does not change: an old
// kernel, a sandbox, a policy on sockets, a security module.
var unsupported = []syscall.Errno{
	syscall.EOPNOTSUPP, syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT, syscall.ENOSYS,
	syscall.EINVAL, syscall.EPERM, syscall.EACCES,
}

func classify(errno syscall.Errno) error {
	if slices.Contains(unsupported, errno) {
		return fmt.Errorf("%w: %w", ErrUnsupported, errno)
	}
	return errno
}

// align rounds up to the four bytes of NLMSG_ALIGN and NLA_ALIGN.
func align(n int) int { return (n + 3) &^ 3 }
