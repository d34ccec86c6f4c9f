package darwin_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

func TestNextIfMsg(t *testing.T) {
	eachArch(t, "fx_iflist2.bin", func(t *testing.T, b []byte) {
		var en0, lo0, none IfRecord
		rest, ok := NextIfMsg(b, &en0)
		if !ok {
			t.Fatal("no en0")
		}
		if rest, ok = NextIfMsg(rest, &lo0); !ok {
			t.Fatal("no lo0")
		}
		if _, ok = NextIfMsg(rest, &none); ok {
			t.Errorf("a third interface: %+v", none)
		}
		want := IfData{
			Type: 6, MTU: 1500, Baudrate: 10000000000, RxPackets: 101, RxErrors: 102, TxPackets: 103, TxErrors: 104,
			Collisions: 105, RxBytes: 4886717440, TxBytes: 9181684736, RxMulticast: 106, TxMulticast: 107,
			RxDrops: 108, NoProtocol: 109,
		}
		if string(en0.Name) != "en0" || en0.Index != 11 || en0.Flags != 0x8863 || en0.TxDrops != 7 || en0.Data != want {
			t.Errorf("got %+v", en0)
		}
		if string(lo0.Name) != "lo0" || lo0.Index != 1 || lo0.Flags != 0x8049 || lo0.Data != (IfData{Type: 24, MTU: 16384}) {
			t.Errorf("got %+v", lo0)
		}
	})
}

func countMsgs(b []byte) (n int) {
	var r IfRecord
	for rest, ok := NextIfMsg(b, &r); ok; rest, ok = NextIfMsg(rest, &r) {
		n++
	}
	return n
}

func TestNextIfMsgOnOddInput(t *testing.T) {
	good := darwintest.IfMsg("en0", 4, 0, 0, 0)
	odd := func(change func(b []byte)) []byte {
		b := bytes.Clone(good)
		change(b)
		return append(b, good...)
	}
	tests := map[string]struct {
		b    []byte
		want int
	}{
		"empty":            {nil, 0},
		"header-only":      {good[:3], 0},
		"cut":              {good[:len(good)-1], 0},
		"cut-second":       {append(bytes.Clone(good), good[:100]...), 1},
		"zero-length":      {odd(func(b []byte) { b[0], b[1] = 0, 0 }), 0},
		"length-too-long":  {odd(func(b []byte) { b[0], b[1] = 0xff, 0xff }), 0},
		"length-too-short": {odd(func(b []byte) { b[0] = 3 }), 0},
		"other-version":    {odd(func(b []byte) { b[OffMsgVersion] = 6 }), 1},
		"other-type":       {odd(func(b []byte) { b[OffMsgType] = 0x13 }), 1},
		"no-address":       {odd(func(b []byte) { b[OffMsgAddrs] = 0 }), 1},
		"address-cut":      {odd(func(b []byte) { b[SizeIfMsgHdr2+OffDLLen] = OffDLName + 2 }), 1},
		"other-family":     {odd(func(b []byte) { b[SizeIfMsgHdr2+OffDLFamily] = 2 }), 1},
		"no-name":          {odd(func(b []byte) { b[SizeIfMsgHdr2+OffDLNameLen] = 0 }), 1},
		"name-too-long":    {odd(func(b []byte) { b[SizeIfMsgHdr2+OffDLNameLen] = 0xff }), 1},
		"empty-name":       {odd(func(b []byte) { b[SizeIfMsgHdr2+OffDLName] = 0 }), 1},
		"two":              {append(bytes.Clone(good), good...), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := countMsgs(test.b); got != test.want {
				t.Errorf("got %d interfaces, want %d", got, test.want)
			}
		})
	}
	header := bytes.Clone(good[:SizeIfMsgHdr2])
	binary.LittleEndian.PutUint16(header, SizeIfMsgHdr2)
	if got := countMsgs(append(header, good...)); got != 1 {
		t.Errorf("a message without a sockaddr: %d interfaces", got)
	}
}

func TestNextIfMIB(t *testing.T) {
	eachArch(t, "fx_ifmib.bin", func(t *testing.T, b []byte) {
		var r IfRecord
		detached := make([]byte, SizeIfMIBData)
		rest, ok := NextIfMIB(append(detached, b...), &r)
		want := IfData{
			Type: 6, MTU: 1500, Baudrate: 10000000000, RxBytes: 78187493520, TxBytes: 140101, RxDrops: 108,
		}
		if !ok || len(rest) != 0 || string(r.Name) != "en0" || r.Flags != 0x8863 || r.TxDrops != 7 || r.Data != want {
			t.Errorf("got %+v", r)
		}
		if speed, ok := r.Speed(); !ok || speed != 10e9 {
			t.Errorf("speed %d, %t", speed, ok)
		}
		for n := range b {
			if _, ok := NextIfMIB(b[:n], &r); ok {
				t.Fatalf("%d of %d bytes are an interface", n, len(b))
			}
		}
	})
	full := darwintest.IfMIB("0123456789abcdefX", 1, 2) // 16 bytes and no NUL
	var r IfRecord
	if _, ok := NextIfMIB(full, &r); !ok || string(r.Name) != "0123456789abcdef" {
		t.Errorf("a full name is %q", r.Name)
	}
}

func TestSpeed(t *testing.T) {
	tests := map[string]struct {
		flags    uint32
		kind     uint8
		baudrate uint64
		ok       bool
	}{
		"gigabit":     {0x8863, 6, 1e9, true},
		"down":        {0x8823, 6, 1e9, false},
		"unknown":     {0x8863, 6, 0, false},
		"placeholder": {0x8863, 6, 10e6, false},
		"loopback":    {0x8049, 24, 1e9, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := IfRecord{Flags: test.flags, Data: IfData{Type: test.kind, Baudrate: test.baudrate}}
			if _, ok := r.Speed(); ok != test.ok {
				t.Errorf("known: %t", ok)
			}
		})
	}
}

func TestDefaultInterface(t *testing.T) {
	for _, name := range []string{"en0", "en12", "pdp_ip0", "fw0", "vlan0", "bond1"} {
		if !DefaultInterface(name) {
			t.Errorf("%s is left out", name)
		}
	}
	for _, name := range []string{
		"lo0", "gif0", "stf0", "XHC20", "utun3", "awdl0", "llw0", "ap1", "anpi0", "bridge0", "bridge100", "vmenet0",
		"feth1", "ipsec0", "pktap0", "ppp0", "vmnet8", "", "en", "0", "enc0", "den0",
	} {
		if DefaultInterface(name) {
			t.Errorf("%s is shown", name)
		}
	}
	for name, want := range map[string]bool{"en0": false, "vlan0": true, "bond0": true, "utun0": false} {
		if Repeats(name) != want {
			t.Errorf("Repeats(%q) = %t", name, !want)
		}
	}
}
