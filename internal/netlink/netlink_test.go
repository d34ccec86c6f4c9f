package netlink

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"syscall"
	"testing"
)

const seq = 7

// message is a netlink message of the dump seq.
func message(kind, flags uint16, payload []byte) []byte {
	return messageOf(seq, kind, flags, payload)
}

func messageOf(seq uint32, kind, flags uint16, payload []byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(nil, uint32(headerSize+len(payload)))
	b = e.AppendUint16(b, kind)
	b = e.AppendUint16(b, flags)
	b = e.AppendUint32(b, seq)
	b = e.AppendUint32(b, 4242)
	b = append(b, payload...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

func attribute(kind uint16, value []byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint16(nil, uint16(attributeSize+len(value)))
	b = e.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, align(len(b))-len(b))...)
}

func payload(index uint32, attributes ...[]byte) []byte {
	e := binary.NativeEndian
	b := e.AppendUint32(nil, 0)
	b = e.AppendUint32(b, index)
	b = e.AppendUint32(b, 1)
	return append(b, bytes.Join(attributes, nil)...)
}

// counters are n of them, numbered from base.
func counters(n int, base uint64) (b []byte) {
	for i := range n {
		b = binary.NativeEndian.AppendUint64(b, base+uint64(i))
	}
	return b
}

// numbered is what counters(24, base) decodes to.
func numbered(index int, base uint64) LinkStats {
	s := LinkStats{Index: index}
	v := reflect.ValueOf(&s).Elem()
	for _, name := range []string{
		"RxPackets", "TxPackets", "RxBytes", "TxBytes", "RxErrors", "TxErrors", "RxDropped", "TxDropped", "Multicast", "Collisions",
		"RxLengthErrors", "RxOverErrors", "RxCRCErrors", "RxFrameErrors", "RxFIFOErrors", "RxMissedErrors",
		"TxAbortedErrors", "TxCarrierErrors", "TxFIFOErrors", "TxHeartbeatErrors", "TxWindowErrors", "RxCompressed", "TxCompressed", "RxNoHandler",
	} {
		v.FieldByName(name).SetUint(base)
		base++
	}
	return s
}

func newStats(index uint32, base uint64) []byte {
	return message(typeNewStats, 2, payload(index, attribute(attributeLink64, counters(24, base))))
}

func number(n int32) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

func TestRequest(t *testing.T) {
	e := binary.NativeEndian
	b := appendRequest(nil, seq)
	if len(b) != requestSize || e.Uint32(b) != requestSize || e.Uint16(b[4:]) != 94 || e.Uint16(b[6:]) != 0x301 ||
		e.Uint32(b[8:]) != seq || e.Uint32(b[20:]) != 0 || e.Uint32(b[24:]) != 1 {
		t.Errorf("%x", b)
	}
}

func TestDecode(t *testing.T) {
	done := message(typeDone, 2, number(0))
	for name, tc := range map[string]struct {
		datagram          []byte
		want              []LinkStats
		done, interrupted bool
		err               error
	}{
		"empty":          {},
		"two interfaces": {datagram: slices.Concat(newStats(1, 100), newStats(2, 200)), want: []LinkStats{numbered(1, 100), numbered(2, 200)}},
		"end in the same datagram": {
			datagram: slices.Concat(newStats(1, 100), done), want: []LinkStats{numbered(1, 100)}, done: true,
		},
		"end without a number": {datagram: message(typeDone, 2, nil), done: true},
		"end with an error":    {datagram: message(typeDone, 2, number(-int32(syscall.ENOMEM))), done: true, err: syscall.ENOMEM},
		"nothing behind the end": {
			datagram: slices.Concat(done, newStats(1, 100)), done: true,
		},
		"counters to come": {
			datagram: message(typeNewStats, 2, payload(3, attribute(attributeLink64, counters(30, 5)))), want: []LinkStats{numbered(3, 5)},
		},
		"padding in front": {
			datagram: message(typeNewStats, 2, payload(3, attribute(0, nil), attribute(attributeLink64, counters(24, 5)))), want: []LinkStats{numbered(3, 5)},
		},
		"other attributes": {
			datagram: message(typeNewStats, 2, payload(3, attribute(2, []byte("abcde")), attribute(attributeLink64, counters(24, 5)), attribute(5, nil))),
			want:     []LinkStats{numbered(3, 5)},
		},
		"nested flag on the attribute": {
			datagram: message(typeNewStats, 2, payload(3, attribute(attributeLink64|1<<15, counters(24, 5)))), want: []LinkStats{numbered(3, 5)},
		},
		"without the attribute": {datagram: message(typeNewStats, 2, payload(3))},
		"stale sequence number": {
			datagram: slices.Concat(messageOf(seq-1, typeNewStats, 2, payload(9, attribute(attributeLink64, counters(24, 5)))),
				messageOf(seq-1, typeDone, 2, number(0)), newStats(1, 100)),
			want: []LinkStats{numbered(1, 100)},
		},
		"interrupted": {
			datagram: slices.Concat(newStats(1, 100), message(typeDone, flagDumpInterrupted, number(0))),
			want:     []LinkStats{numbered(1, 100)}, done: true, interrupted: true,
		},
		"interrupted halfway": {
			datagram: message(typeNewStats, 2|flagDumpInterrupted, payload(3, attribute(attributeLink64, counters(24, 5)))),
			want:     []LinkStats{numbered(3, 5)}, interrupted: true,
		},
		"unknown kind": {datagram: slices.Concat(message(1, 0, nil), message(16, 0, counters(3, 1)), newStats(1, 100)), want: []LinkStats{numbered(1, 100)}},
		"acknowledgement": {
			datagram: slices.Concat(message(typeError, 0, slices.Concat(number(0), counters(2, 0))), newStats(1, 100)), want: []LinkStats{numbered(1, 100)},
		},
		"before 4.7":                 {datagram: message(typeError, 0, slices.Concat(number(-int32(syscall.EOPNOTSUPP)), counters(2, 0))), err: ErrUnsupported},
		"error keeps its number":     {datagram: message(typeError, 0, number(-int32(syscall.EPERM))), err: syscall.EPERM},
		"busy is no lack of support": {datagram: message(typeError, 0, number(-int32(syscall.EBUSY))), err: syscall.EBUSY},
		"error of no number":         {datagram: message(typeError, 0, nil), err: ErrMalformed},
		"error of a wrong sign":      {datagram: message(typeError, 0, number(5)), err: ErrMalformed},
		"truncated header":           {datagram: newStats(1, 100)[:10], err: ErrMalformed},
		"truncated message":          {datagram: newStats(1, 100)[:100], err: ErrMalformed},
		"length below the header":    {datagram: append(number(8), make([]byte, 12)...), err: ErrMalformed},
		"length of 4 GiB":            {datagram: append(number(-1), make([]byte, 12)...), err: ErrMalformed},
		"counters too short":         {datagram: message(typeNewStats, 2, payload(3, attribute(attributeLink64, counters(23, 5)))), err: ErrMalformed},
		"family too short":           {datagram: message(typeNewStats, 2, []byte{1, 2, 3, 4}), err: ErrMalformed},
		"attribute beyond the end":   {datagram: message(typeNewStats, 2, payload(3, []byte{255, 0, 1, 0})), err: ErrMalformed},
		"attribute of no length":     {datagram: message(typeNewStats, 2, payload(3, []byte{0, 0, 1, 0})), err: ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			kept := LinkStats{Index: 99}
			stats, done, interrupted, err := decode(tc.datagram, seq, []LinkStats{kept})
			if len(stats) == 0 || stats[0] != kept {
				t.Fatalf("what was there is lost: %+v", stats)
			}
			if !errors.Is(err, tc.err) || tc.err == nil && err != nil || done != tc.done || interrupted != tc.interrupted || !slices.Equal(stats[1:], tc.want) {
				t.Errorf("%+v, %t, %t, %v", stats[1:], done, interrupted, err)
			}
		})
	}
	if errors.Is(classify(syscall.EBUSY), ErrUnsupported) {
		t.Error("EBUSY counts as unsupported")
	}
}

func TestRxDropIsThatOfProc(t *testing.T) {
	s := LinkStats{RxDropped: 3, RxMissedErrors: 4}
	if s.RxDrop() != 7 {
		t.Error(s.RxDrop())
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	datagram := slices.Concat(newStats(1, 100), newStats(2, 200))
	dst := make([]LinkStats, 0, 2)
	if n := testing.AllocsPerRun(100, func() { _, _, _, _ = decode(datagram, seq, dst) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(slices.Concat(newStats(1, 100), message(typeDone, 2, number(0))))
	f.Add(message(typeError, 0, number(-95)))
	f.Add(newStats(1, 100)[:100])
	f.Fuzz(func(t *testing.T, b []byte) {
		stats, _, _, err := decode(b, seq, nil)
		if len(stats)*(headerSize+ifStatsSize+attributeSize+24*8) > len(b) {
			t.Errorf("%d interfaces in %d bytes, %v", len(stats), len(b), err)
		}
	})
}
