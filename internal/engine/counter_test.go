package engine

import (
	"testing"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

var (
	none = sample.OptUint{}
	some = sample.SomeUint
)

func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func TestFaultsAreDisjoint(t *testing.T) {
	for _, c := range []struct {
		all, major sample.OptUint
		want       sample.Faults
	}{
		{some(100), some(7), sample.Faults{Minor: some(93), Major: some(7)}},
		{some(6), some(7), sample.Faults{Minor: some(0), Major: some(7)}},
		{some(6), sample.OptUint{}, sample.Faults{}},
		{sample.OptUint{}, some(7), sample.Faults{Major: some(7)}},
	} {
		if got := new(faultCounters).add(0, c.all, c.major); got != c.want {
			t.Errorf("%v, %v: %+v", c.all, c.major, got)
		}
	}
}
