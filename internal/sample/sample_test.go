package sample_test

import (
	"math"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestTheZeroOptIsAbsent(t *testing.T) {
	var o sample.Opt[int]
	if _, ok := o.Get(); ok || o.Present() || o.Or(7) != 7 {
		t.Error("something is there")
	}
	o = sample.Some(0)
	if n, ok := o.Get(); !ok || n != 0 || !o.Present() || o.Or(7) != 0 {
		t.Error("a zero that was read is a value")
	}
}

func TestTheZeroOptUintIsAbsent(t *testing.T) {
	var o sample.OptUint
	if n, ok := o.Get(); ok || n != 0 || o.Present() || o.Or(7) != 7 {
		t.Error("something is there")
	}
	for _, want := range []uint64{0, 1, math.MaxInt64, math.MaxUint64 - 1} {
		o = sample.SomeUint(want)
		if n, ok := o.Get(); !ok || n != want || !o.Present() || o.Or(7) != want {
			t.Errorf("%d became %d, present: %v", want, n, ok)
		}
	}
	if n, ok := sample.SomeUint(math.MaxUint64).Get(); !ok || n != math.MaxUint64-1 {
		t.Errorf("the number that it cannot hold became %d, present: %v", n, ok)
	}
}

func TestLowerKeepsTheSmallestAndOfEqualOnesTheFirst(t *testing.T) {
	var l sample.Limit[uint64]
	if l.Known() {
		t.Fatal("the zero limit is known")
	}
	for _, s := range []struct {
		other sample.Limit[uint64]
		want  sample.Source
	}{
		{sample.Limit[uint64]{}, sample.SourceNone},
		{sample.Limit[uint64]{Value: 100, Source: sample.SourceHost}, sample.SourceHost},
		{sample.Limit[uint64]{}, sample.SourceHost}, // unknown is not zero
		{sample.Limit[uint64]{Value: 100, Source: sample.SourceCgroupV2}, sample.SourceHost},
		{sample.Limit[uint64]{Value: 200, Source: sample.SourceCgroupV1}, sample.SourceHost},
		{sample.Limit[uint64]{Value: 0, Source: sample.SourceCgroupV1}, sample.SourceCgroupV1}, // 0 is a limit
	} {
		if l.Lower(s.other); l.Source != s.want {
			t.Errorf("after %+v: %+v", s.other, l)
		}
	}
}

func TestSourcesHaveTheirWords(t *testing.T) {
	for s, want := range map[sample.Source]string{
		sample.SourceNone: "", sample.SourceCgroupV1: "cgroup_v1", sample.SourceCgroupV2: "cgroup_v2", sample.SourceCpuset: "cpuset",
		sample.SourceAffinity: "affinity", sample.SourcePlatform: "platform", sample.SourceVirtualization: "virtualization",
		sample.SourceHost: "host", sample.SourceProcess: "process",
	} {
		if s.String() != want {
			t.Errorf("%d: %q, want %q", s, s, want)
		}
	}
	for s, want := range map[sample.Source]bool{sample.SourceCgroupV1: true, sample.SourceCpuset: true, sample.SourceAffinity: false, sample.SourceHost: false} {
		if s.Cgroup() != want {
			t.Errorf("%s: %v", s, !want)
		}
	}
}
