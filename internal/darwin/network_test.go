package darwin_test

import (
	"bytes"
	"errors"
	"syscall"
	"testing"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

// one returns the interface of this name.
func one(t *testing.T, n *Network, name string) Interface {
	t.Helper()
	for _, i := range n.Interfaces {
		if i.Name == name {
			return i
		}
	}
	t.Fatalf("no %s in %+v", name, n)
	return Interface{}
}

func TestNetworkSources(t *testing.T) {
	const rx = 78187493520
	tests := map[string]struct {
		remove [][6]int32
		source NetworkSource
		rx     uint64
		index  bool
	}{
		"all-at-once":   {nil, NetworkIfMIBAll, rx, false},
		"per-interface": {[][6]int32{darwintest.MIBAll}, NetworkIfMIB, rx, true},
		"routing-list":  {[][6]int32{darwintest.MIBAll, darwintest.MIBOne(1), darwintest.MIBOne(11)}, NetworkIfList2, rx &^ 1023 & (1<<32 - 1), true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := darwintest.New(t)
			for _, mib := range test.remove {
				delete(k.Lists, mib)
			}
			r := NewNetworkReader(k)
			var n Network
			for range 2 {
				if err := r.Read(&n); err != nil {
					t.Fatal(err)
				}
				en0 := one(t, &n, "en0")
				if n.Source != test.source || en0.RxBytes != test.rx || !en0.Running || en0.Index.Present() != test.index {
					t.Errorf("%v: %+v", n.Source, en0)
				}
			}
		})
	}
}

// The totals of two sources cannot be compared: what answered once is not
// replaced when it fails.
func TestNetworkKeepsItsSource(t *testing.T) {
	k := darwintest.New(t)
	r := NewNetworkReader(k)
	var n Network
	if err := r.Read(&n); err != nil {
		t.Fatal(err)
	}
	k.FailAt = k.Calls + 1
	if err := r.Read(&n); !errors.Is(err, darwintest.ErrRefused) || len(n.Interfaces) != 0 || n.Source != NetworkNone {
		t.Errorf("%v, %+v", err, n)
	}
	if err := r.Read(&n); err != nil || n.Source != NetworkIfMIBAll {
		t.Errorf("%v, %v", n.Source, err)
	}
}

func TestNetworkWithoutAnySource(t *testing.T) {
	k := darwintest.New(t)
	k.Lists = nil
	var n Network
	err := NewNetworkReader(k).Read(&n)
	if !errors.Is(err, syscall.ENOENT) || n.Source != NetworkNone {
		t.Errorf("%v, %v", n.Source, err)
	}
}

// The list may grow between the question for its size and the reading.
func TestNetworkListGrows(t *testing.T) {
	k := darwintest.New(t)
	grown := 0
	k.Grow = func() {
		if grown++; grown < 3 {
			for range 50 {
				k.Lists[darwintest.MIBAll] = append(k.Lists[darwintest.MIBAll], darwintest.IfMIB("utun9", 0, 0)...)
			}
		}
	}
	var n Network
	if err := NewNetworkReader(k).Read(&n); err != nil || len(n.Interfaces) != 102 || n.Source != NetworkIfMIBAll {
		t.Errorf("%d interfaces from %v, %v", len(n.Interfaces), n.Source, err)
	}
	k = darwintest.New(t)
	k.Grow = func() { k.Lists[darwintest.MIBAll] = bytes.Repeat(k.Lists[darwintest.MIBAll], 4) } // for ever
	if err := NewNetworkReader(k).Read(&n); err != nil || n.Source != NetworkIfMIB {
		t.Errorf("from %v, %v", n.Source, err)
	}
}

func TestNetworkRefusesGarbage(t *testing.T) {
	for name, list := range map[string][]byte{
		"empty": {}, "cut": darwintest.IfMIB("en0", 1, 1)[:179], "detached": make([]byte, 2*SizeIfMIBData),
		"too-long": make([]byte, MaxAnswer+1),
	} {
		k := darwintest.New(t)
		k.Lists[darwintest.MIBAll] = list
		var n Network
		if err := NewNetworkReader(k).Read(&n); err != nil || n.Source != NetworkIfMIB {
			t.Errorf("%s: %v, %v", name, n.Source, err)
		}
	}
}

// An interface that goes between the list and its own call is left out, and so is one that
// is being detached.
func TestNetworkInterfaceDisappears(t *testing.T) {
	for name, answer := range map[string][]byte{"gone": nil, "detached": make([]byte, SizeIfMIBData)} {
		k := darwintest.New(t)
		delete(k.Lists, darwintest.MIBAll)
		if k.Lists[darwintest.MIBOne(1)] = answer; answer == nil {
			delete(k.Lists, darwintest.MIBOne(1))
		}
		var n Network
		err := NewNetworkReader(k).Read(&n)
		if err != nil || n.Source != NetworkIfMIB || len(n.Interfaces) != 1 || n.Interfaces[0].Name != "en0" {
			t.Errorf("%s: %+v, %v", name, n, err)
		}
	}
}

// An answer of another length is of another layout: none of its interfaces can be read so.
func TestNetworkOfAnotherLayout(t *testing.T) {
	k := darwintest.New(t)
	delete(k.Lists, darwintest.MIBAll)
	k.Lists[darwintest.MIBOne(11)] = k.Lists[darwintest.MIBOne(11)][:SizeIfMIBData-4]
	var n Network
	if err := NewNetworkReader(k).Read(&n); err != nil || n.Source != NetworkIfList2 || len(n.Interfaces) != 2 {
		t.Errorf("%+v, %v", n, err)
	}
}

// R33: true counts of 4294968320 and 4294970368 come as 1024 and 3072. A wrap
// adds what passed, a new interface of the old name starts anew.
func TestNetworkWidensIfList2(t *testing.T) {
	k := darwintest.New(t)
	k.Lists = make(map[[6]int32][]byte)
	r := NewNetworkReader(k)
	steps := []struct {
		name       string
		index      uint16
		true       uint64 // of the kernel
		packets    uint64
		wantRx     uint64
		alsoAbsent bool
	}{
		{"en0", 4, 4294968320, 10, 1024, false},
		{"en0", 4, 4294970368, 12, 3072, false},
		{"en0", 4, 2<<32 + 1024, 20, 1<<32 + 1024, false}, // wrapped
		{"en0", 4, 2<<32 + 2047, 21, 1<<32 + 1024, false}, // rounded
		{"en0", 4, 2048, 3, 1<<32 + 3072, false},          // attached anew: packets went back
		{"en5", 4, 4096, 30, 4096, false},                 // another interface has the index
		{"", 0, 0, 0, 0, true},
		{"en5", 4, 1024, 31, 1024, false}, // it was gone in between
	}
	for i, step := range steps {
		k.Lists[darwintest.MIBList] = darwintest.IfMsg("lo0", 1, 0, 0, 0)
		if !step.alsoAbsent {
			k.Lists[darwintest.MIBList] = append(k.Lists[darwintest.MIBList], darwintest.IfMsg(step.name, step.index, step.true, step.true, step.packets)...)
		}
		var n Network
		if err := r.Read(&n); err != nil {
			t.Fatal(err)
		}
		if step.alsoAbsent {
			continue
		}
		if got := one(t, &n, step.name); got.RxBytes != step.wantRx || got.TxBytes != step.wantRx {
			t.Errorf("step %d: %d and %d, want %d", i, got.RxBytes, got.TxBytes, step.wantRx)
		}
	}
}
