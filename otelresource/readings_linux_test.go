package otelresource_test

import (
	"errors"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// reading loads testdata/readings/NAME.txtar and returns what GetMemoryStats says of it.
func reading(t *testing.T, name string) *otelresource.MemoryStats {
	t.Helper()
	return memoryOf(t, monitorOn(t, fixture.Load(t, "testdata/readings/"+name+".txtar")))
}

// wantBytes compares a number of a struct with want; a negative want means absent.
func wantBytes(t *testing.T, s *otelresource.MemoryStats, f otelresource.Field, got, want int64) {
	t.Helper()
	switch {
	case want < 0 && s.Has(f):
		t.Errorf("%v: got %d, want it absent", f, got)
	case want >= 0 && (!s.Has(f) || got != want):
		t.Errorf("%v: got %d (present: %v), want %d", f, got, s.Has(f), want)
	}
}

func TestAvailableCountsPageCacheAsReclaimable(t *testing.T) {
	s := reading(t, "available-with-page-cache")
	wantBytes(t, s, otelresource.FieldUsageBytes, s.UsageBytes, 207888384)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 209715200-(207888384-205500416-28672))
}

func TestSwapLimitOfAChainOnV1(t *testing.T) {
	s := reading(t, "v1-swap-limit-of-a-chain")
	wantBytes(t, s, otelresource.FieldSwapLimitBytes, s.SwapLimitBytes, 536870912)
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, 536870912)
}

func TestAvailableIsAtMostTheMachinesTotal(t *testing.T) {
	s := reading(t, "lxcfs-available-above-total")
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 1048576<<10)
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, 1048576<<10)
}

func TestAMachineOfSizeZeroIsNoLimit(t *testing.T) {
	s := reading(t, "lxcfs-negative")
	wantBytes(t, s, otelresource.FieldUsageBytes, s.UsageBytes, 104857600)
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, -1)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, -1)
	if s.LimitSource != "" {
		t.Errorf("limit source: got %q, want none", s.LimitSource)
	}
}

func TestUsageOfAServiceWithoutAccountingIsItsSlices(t *testing.T) {
	s := reading(t, "slice-without-accounting")
	if s.Scope != otelresource.ScopeContainer || s.UsageCgroup != "/lim.slice" || s.LimitCgroup != "/lim.slice" {
		t.Errorf("got scope %s, usage of %q, limit of %q; want container, /lim.slice, /lim.slice", s.Scope, s.UsageCgroup, s.LimitCgroup)
	}
	wantBytes(t, s, otelresource.FieldUsageBytes, s.UsageBytes, 104857600)
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, 268435456)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 268435456-104857600)
}

func TestWithoutAMemoryControllerAContainerHasNoMemoryNumbers(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/readings/rpi-memory-disabled.txtar"))
	if s, err := m.GetMemoryStats(t.Context()); !errors.Is(err, otelresource.ErrCgroupNotFound) {
		t.Errorf("got %+v, %v; want ErrCgroupNotFound", s, err)
	}
	if got := cpuOf(t, m).LimitCores; got != 1.5 {
		t.Errorf("CPU limit: got %v, want 1.5", got)
	}
}

func TestLimitOfAHiddenAncestorOnV1(t *testing.T) {
	s := reading(t, "v1-hidden-hierarchical")
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, 536870912)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 536870912-104857600)
	wantBytes(t, s, otelresource.FieldSwapLimitBytes, s.SwapLimitBytes, 0) // memory may fill all of memory plus swap
}
