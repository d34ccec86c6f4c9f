package darwin_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

func TestRusageInfo(t *testing.T) {
	eachArch(t, "fx_ru4.bin", func(t *testing.T, b []byte) {
		var r RusageInfo
		if err := r.Decode(b); err != nil {
			t.Fatal(err)
		}
		want := RusageInfo{
			UserUnits: 24000000, SystemUnits: 48000000, PageIns: 3, Resident: 4, Footprint: 5, StartUnits: 6,
			DiskRead: 7, DiskWritten: 8, MaxFootprint: 9, RunnableUnits: 10, Instructions: 11, Cycles: 12,
		}
		if r != want {
			t.Errorf("got %+v\nwant %+v", r, want)
		}
		refusesShort(t, b, func(b []byte) error { return new(RusageInfo).Decode(b) })
	})
}

// Every field of a proc_taskinfo has its own value, by the layout of sys/proc_info.h.
func TestTaskInfo(t *testing.T) {
	var b []byte
	for i := range uint64(6) {
		b = append(b, darwintest.U64(100+i)...)
	}
	for i := range uint32(12) {
		b = append(b, darwintest.U32(200+i)...)
	}
	var got TaskInfo
	if err := got.Decode(b); err != nil {
		t.Fatal(err)
	}
	// 200 is the policy, 203 to 207 are copy-on-write faults, messages and system calls.
	want := TaskInfo{
		Virtual: 100, Resident: 101, Faults: 201, PageIns: 202, ContextSwitches: 208, Threads: 209, Running: 210,
	}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	refusesShort(t, b, func(b []byte) error { return new(TaskInfo).Decode(b) })
}

func TestDecodeStart(t *testing.T) {
	b := make([]byte, SizeBSDInfo)
	darwintest.Put64(b, OffBSDStartSec, 1700000000)
	darwintest.Put64(b, OffBSDStartMic, 250000)
	got, err := DecodeStart(b)
	if want := time.Unix(1700000000, 250e6); err != nil || !got.Equal(want) {
		t.Errorf("got %v, %v", got, err)
	}
	refusesShort(t, b, func(b []byte) error {
		_, err := DecodeStart(b)
		return err
	})
	darwintest.Put64(b, OffBSDStartMic, math.MaxUint64)
	if _, err := DecodeStart(b); !errors.Is(err, ErrMalformed) {
		t.Errorf("garbage: %v", err)
	}
}

func TestDecodeFootprintLimit(t *testing.T) {
	make := func(footprint, remaining uint64) []byte {
		b := bytes.Repeat([]byte{0xee}, 372) // revision 7
		darwintest.Put64(b, OffTaskVMFootprint, footprint)
		darwintest.Put64(b, OffTaskVMLimitRemain, remaining)
		return b
	}
	tests := map[string]struct {
		b    []byte
		want uint64
		ok   bool
	}{
		"none":         {b: make(5<<20, 0)},
		"limit":        {b: make(5<<20, 3<<20), want: 8 << 20, ok: true},
		"revision-4":   {b: make(1, 2)[:SizeTaskVMInfo], want: 3, ok: true},
		"revision-3":   {b: make(1, 2)[:336]},
		"empty":        {},
		"infinite":     {b: make(1, math.MaxUint64)},
		"signed-limit": {b: make(1, darwintest.Unlimited)},
		"overflow":     {b: make(math.MaxUint64, 2), want: math.MaxUint64, ok: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got, ok := DecodeFootprintLimit(test.b); got != test.want || ok != test.ok {
				t.Errorf("got %d, %t", got, ok)
			}
		})
	}
}
