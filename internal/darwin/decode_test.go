package darwin_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

// eachArch runs test with the fixture of both architectures.
func eachArch(t *testing.T, name string, test func(t *testing.T, b []byte)) {
	for _, arch := range []string{"arm64", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", arch, name))
			if err != nil {
				t.Fatal(err)
			}
			test(t, b)
			// What a struct of ours starts at has no alignment.
			test(t, append(make([]byte, 1, len(b)+1), b...)[1:])
		})
	}
}

// refusesShort holds that every cut of b is refused, and that bytes behind it are ignored.
func refusesShort(t *testing.T, b []byte, decode func([]byte) error) {
	t.Helper()
	for n := range b {
		if err := decode(b[:n]); !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d of %d bytes: %v", n, len(b), err)
		}
	}
	if err := decode(append(bytes.Clone(b), 0xff, 0xff)); err != nil {
		t.Fatalf("longer: %v", err)
	}
}

func TestVMStatistics(t *testing.T) {
	eachArch(t, "fx_vm64.bin", func(t *testing.T, b []byte) {
		var v VMStatistics
		if err := v.Decode(b); err != nil {
			t.Fatal(err)
		}
		want := VMStatistics{
			Free: 1, Active: 2, Inactive: 3, Wire: 4, ZeroFill: 5, Reactivations: 6, PageIns: 7, PageOuts: 8,
			Faults: 9, COWFaults: 10, Purges: 13, Purgeable: 14, Speculative: 15, Decompressions: 16, Compressions: 17,
			SwapIns: 18, SwapOuts: 19, Compressor: 20, Throttled: 21, External: 22, Internal: 23, Uncompressed: 24,
		}
		if v != want {
			t.Errorf("got %+v\nwant %+v", v, want)
		}
		const p = 16384
		use := v.Use(p)
		if want := (MemoryUse{App: 9 * p, Wired: 4 * p, Compressed: 20 * p, Used: 33 * p, Cached: 36 * p}); use != want {
			t.Errorf("got %+v\nwant %+v", use, want)
		}
		refusesShort(t, b, func(b []byte) error { return new(VMStatistics).Decode(b) })
	})
}

func TestMemoryUseSaturates(t *testing.T) {
	const most = math.MaxUint32
	tests := map[string]struct {
		v    VMStatistics
		page uint64
		want MemoryUse
	}{
		"empty":            {page: 16384},
		"more-purgeable":   {v: VMStatistics{Internal: 1, Purgeable: 2}, page: 1, want: MemoryUse{Cached: 2}},
		"more-speculative": {v: VMStatistics{Free: 1, Speculative: 2}, page: 1},
		"past-32-bits": {
			v: VMStatistics{Internal: most, Wire: most, Compressor: most}, page: 1,
			want: MemoryUse{App: most, Wired: most, Compressed: most, Used: 3 * most},
		},
		"past-64-bits": {v: VMStatistics{Free: 2}, page: math.MaxUint64, want: MemoryUse{Free: math.MaxUint64}},
		"rosetta":      {v: VMStatistics{Internal: 1000}, page: 16384, want: MemoryUse{App: 16384000, Used: 16384000}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := test.v.Use(test.page); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestSwapUsage(t *testing.T) {
	eachArch(t, "fx_xsw.bin", func(t *testing.T, b []byte) {
		var s SwapUsage
		if err := s.Decode(b); err != nil {
			t.Fatal(err)
		}
		if want := (SwapUsage{Total: 4096, Available: 1024, Used: 3072, PageSize: 16384, Encrypted: true}); s != want {
			t.Errorf("got %+v, want %+v", s, want)
		}
		refusesShort(t, b, func(b []byte) error { return new(SwapUsage).Decode(b) })
	})
}

func TestLoadAverages(t *testing.T) {
	eachArch(t, "fx_load.bin", func(t *testing.T, b []byte) {
		var l LoadAverages
		if err := l.Decode(b); err != nil {
			t.Fatal(err)
		}
		if want := (LoadAverages{1, 2, 0.5}); l != want {
			t.Errorf("got %v, want %v", l, want)
		}
		refusesShort(t, b, func(b []byte) error { return new(LoadAverages).Decode(b) })
		for _, scale := range []uint64{0, 1 << 63} {
			odd := bytes.Clone(b)
			darwintest.Put64(odd, OffLoadScale, scale)
			if err := l.Decode(odd); !errors.Is(err, ErrMalformed) {
				t.Errorf("scale %d: %v", scale, err)
			}
		}
	})
}

func TestDecodeTimeval(t *testing.T) {
	val := func(sec uint64, usec uint32) []byte {
		return append(append(darwintest.U64(sec), darwintest.U32(usec)...), 0, 0, 0, 0)
	}
	tests := map[string]struct {
		b    []byte
		want time.Time
	}{
		"normal":             {val(1700000000, 5), time.Unix(1700000000, 5000)},
		"padding-is-garbage": {append(val(1700000000, 5)[:12], 0xff, 0xff, 0xff, 0xff), time.Unix(1700000000, 5000)},
		"zero":               {val(0, 0), time.Time{}},
		"negative":           {val(math.MaxUint64, 0), time.Time{}},
		"far":                {val(1<<60, 0), time.Time{}},
		"too-many-us":        {val(1700000000, 1e6), time.Time{}},
		"negative-us":        {val(1700000000, math.MaxUint32), time.Time{}},
		"short":              {val(1700000000, 5)[:15], time.Time{}},
		"empty":              {nil, time.Time{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeTimeval(test.b)
			if !got.Equal(test.want) || (err != nil) != test.want.IsZero() {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
}

func TestDecodeInt(t *testing.T) {
	tests := map[string]struct {
		b    []byte
		want int64
		bad  bool
	}{
		"int":        {b: darwintest.U32(7), want: 7},
		"minus":      {b: darwintest.U32(math.MaxUint32), want: -1},
		"quad":       {b: darwintest.U64(1 << 40), want: 1 << 40},
		"minus-quad": {b: darwintest.U64(math.MaxUint64), want: -1},
		"empty":      {bad: true},
		"three":      {b: []byte{1, 2, 3}, bad: true},
		"nine":       {b: make([]byte, 9), bad: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := DecodeInt(test.b); got != test.want || (err != nil) != test.bad {
				t.Errorf("got %d, %v", got, err)
			}
		})
	}
}

func TestTickAccumulator(t *testing.T) {
	eachArch(t, "fx_cpu.bin", func(t *testing.T, b []byte) {
		var a TickAccumulator
		if err := a.Add(b); err != nil {
			t.Fatal(err)
		}
		got := a.Totals()
		if len(got) != 2 || got[0] != (Ticks{User: 100, System: 200, Idle: 300}) ||
			got[1] != (Ticks{User: 0xfffffff0, System: 1, Idle: 2}) {
			t.Fatalf("got %+v", got)
		}
		next := bytes.Clone(b)
		darwintest.Put32(next, SizeCPULoad+OffCPUUser, 4) // it wrapped
		if err := a.Add(next); err != nil {
			t.Fatal(err)
		}
		if want := uint64(0xfffffff0 + 20); a.Totals()[1].User != want {
			t.Errorf("after the wrap: %d, want %d", a.Totals()[1].User, want)
		}
	})
}

// Every mode wraps on its own (R32: 4294967290 to 14 is 20).
func TestTickAccumulatorWrapsEachMode(t *testing.T) {
	const before, after = 4294967290, 14
	var a TickAccumulator
	if err := a.Add(darwintest.CPUArray(darwintest.Ticks{User: before, System: before, Idle: before, Nice: before})); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(darwintest.CPUArray(darwintest.Ticks{User: after, System: after, Idle: after, Nice: after})); err != nil {
		t.Fatal(err)
	}
	const want = before + 20
	if got := a.Totals()[0]; got != (Ticks{want, want, want, want}) {
		t.Errorf("got %+v", got)
	}
}

// The kernel may leave out the time since a CPU went idle, and has it in the next reading.
func TestTicksThatStepBackAreNoWrap(t *testing.T) {
	var a TickAccumulator
	for i, step := range []struct{ idle, want uint32 }{{5000, 5000}, {1000, 5000}, {4999, 5000}, {5100, 5100}} {
		if err := a.Add(darwintest.CPUArray(darwintest.Ticks{User: 7, System: 8, Idle: step.idle})); err != nil {
			t.Fatal(err)
		}
		if got, want := a.Totals()[0], (Ticks{User: 7, System: 8, Idle: uint64(step.want)}); got != want {
			t.Errorf("step %d: %+v, want %+v", i, got, want)
		}
	}
}

func TestTickAccumulatorRebases(t *testing.T) {
	var a TickAccumulator
	steps := []struct {
		cpus    []darwintest.Ticks
		idle    []uint64
		rebases uint64
	}{
		{[]darwintest.Ticks{{Idle: 10}, {Idle: 20}, {Idle: 30}}, []uint64{10, 20, 30}, 0},
		{[]darwintest.Ticks{{Idle: 11}, {Idle: 22}, {Idle: 33}}, []uint64{11, 22, 33}, 0},
		{[]darwintest.Ticks{{Idle: 500}, {Idle: 600}}, []uint64{11, 22}, 1},                          // one left
		{[]darwintest.Ticks{{Idle: 501}, {Idle: 602}}, []uint64{12, 24}, 1},                          // counts on
		{[]darwintest.Ticks{{Idle: 1}, {Idle: 2}, {Idle: 3}, {Idle: 4}}, []uint64{12, 24, 33, 0}, 2}, // two came
		{[]darwintest.Ticks{{Idle: 2}, {Idle: 3}, {Idle: 4}, {Idle: 5}}, []uint64{13, 25, 34, 1}, 2},
	}
	for i, step := range steps {
		if err := a.Add(darwintest.CPUArray(step.cpus...)); err != nil {
			t.Fatal(err)
		}
		got := a.Totals()
		if len(got) != len(step.idle) || a.Rebases() != step.rebases {
			t.Fatalf("step %d: %d CPUs, %d rebases", i, len(got), a.Rebases())
		}
		for cpu, want := range step.idle {
			if got[cpu].Idle != want {
				t.Errorf("step %d: CPU %d has %d, want %d", i, cpu, got[cpu].Idle, want)
			}
		}
	}
}

func TestTickAccumulatorRefuses(t *testing.T) {
	var a TickAccumulator
	good := darwintest.CPUArray(darwintest.Ticks{User: 1, System: 2, Idle: 3, Nice: 4})
	if err := a.Add(good); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty": nil, "cut": good[:15], "half-more": append(bytes.Clone(good), 1, 2),
		"too-many": make([]byte, (MaxProcessors+1)*SizeCPULoad),
	} {
		if err := a.Add(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := a.Totals(); len(got) != 1 || got[0] != (Ticks{1, 2, 3, 4}) {
		t.Errorf("garbage changed the totals to %+v", got)
	}
}
