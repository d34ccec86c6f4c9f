package engine

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestMacNetwork(t *testing.T) {
	b := openMac(t)
	list := func(en0, utun, vlan darwintest.Traffic) {
		b.Lists[darwintest.MIBAll] = nil
		for name, c := range map[string]darwintest.Traffic{"lo0": en0, "en0": en0, "utun3": utun, "vlan0": vlan} {
			b.Lists[darwintest.MIBAll] = append(b.Lists[darwintest.MIBAll], darwintest.Counted(name, c)...)
		}
	}
	first := darwintest.Traffic{RxBytes: 1 << 40, TxBytes: 100, RxPackets: 10, TxPackets: 9, RxErrors: 1, TxErrors: 2, RxDrops: 3, Speed: 1e9}
	list(first, first, first)
	meter := func(s *sample.Network) (bandwidth, errors sample.Opt[float64]) {
		for n := range s.Interfaces {
			if i := &s.Interfaces[n]; i.Name == "en0" {
				bandwidth = b.meter.bandwidth(s, n)
				errors = b.meter.errorRate(i.Name, s.Time, &i.Receive, i.Breaks)
			}
		}
		return bandwidth, errors
	}
	s := read(b, b.mac.ReadNetwork)
	meter(s)
	if own, ok := s.Own.Get(); own || !ok {
		t.Error("macOS has no network namespaces")
	}
	r, x := &s.Total.Receive, &s.Total.Transmit
	wantInt(t, "received", r.Bytes, 1<<40) // without the tunnel, and without the VLAN that repeats it
	wantInt(t, "sent", x.Bytes, 100)
	wantInt(t, "packets", r.Packets, 10)
	wantInt(t, "errors", x.Errors, 2)
	wantInt(t, "drops", r.Dropped, 3)
	if len(s.Interfaces) != 2 {
		t.Errorf("%+v", s.Interfaces)
	}
	second := first
	second.RxBytes += 62_500_000 // half of a gigabit
	second.RxPackets, second.RxErrors = 70, 21
	list(second, second, second)
	b.pass(time.Second)
	s = read(b, b.mac.ReadNetwork)
	if bandwidth, errors := meter(s); bandwidth.Or(0) != 0.5 || errors.Or(0) != 0.25 {
		t.Errorf("en0: got a bandwidth of %v and an error rate of %v, want 0.5 and 0.25", bandwidth, errors)
	}
	for _, i := range s.Interfaces {
		if i.Name == "en0" && i.Speed.Or(0) != 1e9 {
			t.Errorf("%+v", i)
		}
	}
	b.clean()
}

func TestMacInterfacesTheUserChose(t *testing.T) {
	b := openMac(t, func(c *Config) { c.Interfaces = InterfaceFilter{Include: []string{"utun*"}} })
	b.Lists[darwintest.MIBAll] = append(darwintest.IfMIB("en0", 1, 1), darwintest.IfMIB("utun3", 70, 7)...)
	s := read(b, b.mac.ReadNetwork)
	wantInt(t, "received", s.Total.Receive.Bytes, 70)
	if len(s.Interfaces) != 1 || s.Interfaces[0].Name != "utun3" {
		t.Errorf("%+v", s.Interfaces)
	}
}

// A driver may begin its queue anew and go on with the packets.
func TestMacDropsThatStepBackAreNoWrap(t *testing.T) {
	b := openMac(t)
	for i, step := range []struct{ drops, want uint32 }{{100, 100}, {90, 100}, {95, 105}} {
		b.Lists[darwintest.MIBAll] = darwintest.Counted("en0", darwintest.Traffic{TxPackets: 5, TxDrops: step.drops})
		if got := read(b, b.mac.ReadNetwork).Total.Transmit.Dropped.Or(0); got != uint64(step.want) {
			t.Errorf("step %d: %d drops, want %d", i, got, step.want)
		}
	}
}

// The list of interfaces grows while it is asked for, and from reading to reading.
func TestMacInterfaceListGrows(t *testing.T) {
	b := openMac(t)
	wantInt(t, "received", read(b, b.mac.ReadNetwork).Total.Receive.Bytes, 78187493520)
	grown := 0
	b.Grow = func() {
		if grown++; grown < 3 {
			for range 50 {
				b.Lists[darwintest.MIBAll] = append(b.Lists[darwintest.MIBAll], darwintest.IfMIB("utun9", 0, 0)...)
			}
		}
	}
	b.Lists[darwintest.MIBAll] = append(b.Lists[darwintest.MIBAll], darwintest.IfMIB("en7", 5000, 5000)...)
	for range 10 {
		b.Lists[darwintest.MIBAll] = append(b.Lists[darwintest.MIBAll], darwintest.IfMIB("awdl0", 1, 1)...)
	}
	s := read(b, b.mac.ReadNetwork)
	wantInt(t, "received after en7 came", s.Total.Receive.Bytes, 78187493520)
	if len(s.Interfaces) != 2 {
		t.Errorf("%d interfaces", len(s.Interfaces))
	}
	b.Lists[darwintest.MIBAll] = append(darwintest.IfMIB("en0", 78187493520, 0), darwintest.IfMIB("en7", 5600, 5000)...)
	wantInt(t, "received", read(b, b.mac.ReadNetwork).Total.Receive.Bytes, 78187493520+600)
}

// An interface that was away may be another one under the old name.
func TestMacInterfaceComesBack(t *testing.T) {
	b := openMac(t)
	lo, en0 := darwintest.IfMIB("lo0", 1, 1), func(n uint64) []byte { return darwintest.IfMIB("en0", n, n) }
	for i, step := range []struct {
		list []byte
		want uint64
	}{
		{append(lo, en0(1000)...), 1000}, {lo, 1000}, {append(lo, en0(90000)...), 1000}, {append(lo, en0(90001)...), 1001},
		{append(lo, en0(5)...), 1001}, {append(lo, en0(7)...), 1003},
	} {
		b.Lists[darwintest.MIBAll] = step.list
		if got := read(b, b.mac.ReadNetwork).Total.Receive.Bytes.Or(0); got != step.want {
			t.Errorf("step %d: %d, want %d", i, got, step.want)
		}
	}
}

// Interfaces that come and go, each with another name, take nothing from the one that stays,
// whose drops have wrapped.
func TestMacInterfacesThatLeaveTakeNothingAlong(t *testing.T) {
	b := openMac(t)
	en0 := darwintest.Traffic{TxPackets: 1, TxDrops: math.MaxUint32 - 1}
	for n := range uint64(3 * maxDeparted) {
		en0.RxBytes, en0.TxDrops = n, en0.TxDrops+1
		b.Lists[darwintest.MIBAll] = append(darwintest.Counted("en0", en0), darwintest.IfMIB(fmt.Sprintf("utun%d", n), 1, 1)...)
		s := read(b, b.mac.ReadNetwork)
		if got := s.Total.Receive.Bytes.Or(0); got != n {
			t.Fatalf("reading %d: %d bytes", n, got)
		}
		if got, want := s.Total.Transmit.Dropped.Or(0), math.MaxUint32+n; got != want {
			t.Fatalf("reading %d: %d drops, want %d", n, got, want)
		}
	}
	if n, most := len(b.mac.network.drops), 2*(maxDeparted+2); n > most {
		t.Errorf("drops: got those of %d interfaces, want at most %d", n, most)
	}
}

func TestWrapping(t *testing.T) {
	var w wrapping
	for i, s := range []struct {
		n    uint32
		anew bool
		want uint64
	}{{math.MaxUint32, true, math.MaxUint32}, {4, false, math.MaxUint32 + 5}, {4, false, math.MaxUint32 + 5}, {9, true, 9}} {
		if got := w.add(s.n, s.anew); got != s.want {
			t.Errorf("step %d: %d, want %d", i, got, s.want)
		}
	}
}
