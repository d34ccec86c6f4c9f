package darwin_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

func seed(f *testing.F, name string) {
	b, err := os.ReadFile(filepath.Join("testdata", "arm64", name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Add([]byte{})
}

func FuzzVMStatistics(f *testing.F) {
	seed(f, "fx_vm64.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		var v VMStatistics
		err := v.Decode(b)
		if (err == nil) != (len(b) >= SizeVMStatistics) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
		use := v.Use(16384)
		if use.Used != use.App+use.Wired+use.Compressed || use.Free > math.MaxUint32*16384 {
			t.Errorf("%+v", use)
		}
	})
}

func FuzzSysctl(f *testing.F) {
	seed(f, "fx_xsw.bin")
	seed(f, "fx_load.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		var s SwapUsage
		_ = s.Decode(b)
		var l LoadAverages
		if err := l.Decode(b); err == nil {
			for _, v := range l {
				if v < 0 || math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("load %v", l)
				}
			}
		}
		if at, err := DecodeTimeval(b); err == nil && (at.Year() < 1970 || at.Year() > 9999) {
			t.Errorf("booted %v", at)
		}
		_, _ = DecodeInt(b)
		_ = DecodeText(b)
	})
}

func FuzzTicks(f *testing.F) {
	seed(f, "fx_cpu.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		// The halves are two readings: totals never go backwards.
		var a TickAccumulator
		if a.Add(b[:len(b)/2]) != nil {
			return
		}
		before := append([]Ticks(nil), a.Totals()...)
		_ = a.Add(b[len(b)/2:])
		for i, now := range a.Totals() {
			if i < len(before) && (now.User < before[i].User || now.Idle < before[i].Idle ||
				now.System < before[i].System || now.Nice < before[i].Nice) {
				t.Errorf("CPU %d went from %+v to %+v", i, before[i], now)
			}
		}
	})
}

func FuzzInterfaces(f *testing.F) {
	seed(f, "fx_iflist2.bin")
	seed(f, "fx_ifmib.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		var r IfRecord
		n := 0
		for rest, ok := NextIfMsg(b, &r); ok; rest, ok = NextIfMsg(rest, &r) {
			if n++; len(r.Name) == 0 || n > len(b)/SizeIfMsgHdr2 {
				t.Fatalf("message %d: %+v", n, r)
			}
			_ = DefaultInterface(string(r.Name))
		}
		n = 0
		for rest, ok := NextIfMIB(b, &r); ok; rest, ok = NextIfMIB(rest, &r) {
			if n++; len(r.Name) == 0 || n > len(b)/SizeIfMIBData {
				t.Fatalf("entry %d: %+v", n, r)
			}
		}
	})
}

func FuzzProcess(f *testing.F) {
	seed(f, "fx_ru4.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		var r RusageInfo
		_ = r.Decode(b)
		var i TaskInfo
		_ = i.Decode(b)
		if at, err := DecodeStart(b); err == nil && (at.Year() < 1970 || at.Year() > 9999) {
			t.Errorf("started %v", at)
		}
		if limit, ok := DecodeFootprintLimit(b); ok && limit == 0 {
			t.Error("a limit of 0")
		}
	})
}

// FuzzNetworkReader plays two readings of any bytes on each source.
func FuzzNetworkReader(f *testing.F) {
	seed(f, "fx_iflist2.bin")
	seed(f, "fx_ifmib.bin")
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, list := range [][6]int32{darwintest.MIBAll, darwintest.MIBList} {
			k := darwintest.New(t)
			k.Lists = map[[6]int32][]byte{list: b}
			r := NewNetworkReader(k)
			var n Network
			for range 2 {
				if err := r.Read(&n); (err == nil) != (len(n.Interfaces) > 0) {
					t.Fatalf("%v with %d interfaces", err, len(n.Interfaces))
				}
			}
		}
	})
}
