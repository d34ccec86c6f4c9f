package otelresource_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
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

func TestUsageOfTheMachineIsNeverPairedWithALimitOfACgroup(t *testing.T) {
	root := fixture.Load(t, "testdata/readings/slice-without-accounting.txtar")
	root.Remove("sys/fs/cgroup/lim.slice/memory.current")
	m := monitorOn(t, root)
	s := memoryOf(t, m)
	if s.Scope != otelresource.ScopeSystem || s.LimitSource != otelresource.LimitSourceHost || s.LimitCgroup != "" || s.UsageCgroup != "" {
		t.Errorf("got scope %s, limit of %s %q, usage of %q; want system, host", s.Scope, s.LimitSource, s.LimitCgroup, s.UsageCgroup)
	}
	wantBytes(t, s, otelresource.FieldUsageBytes, s.UsageBytes, (8192000-5120000)<<10)
	wantBytes(t, s, otelresource.FieldLimitBytes, s.LimitBytes, 8192000<<10)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 5120000<<10)
	wantBytes(t, s, otelresource.FieldHighBytes, s.HighBytes, -1)
	limits := statsOf(t, m.GetLimits)
	if limits.Memory == nil || limits.Memory.Cgroup != "/lim.slice" || limits.Memory.Value != 268435456 {
		t.Errorf("GetLimits: got %+v, want the limit of /lim.slice", limits.Memory)
	}
}

func TestMemoryHighSwitchesTheContainerScopeOn(t *testing.T) {
	root := fixture.Load(t, "testdata/readings/slice-without-accounting.txtar")
	const slice = "sys/fs/cgroup/lim.slice/"
	root.Write(slice+"memory.max", "max\n")
	root.Write(slice+"memory.high", "268435456\n")
	i, reader := started(t, root)
	if got, want := i.Scopes(), []otelresource.Scope{otelresource.ScopeContainer, otelresource.ScopeSystem}; !slices.Equal(got, want) {
		t.Errorf("scopes: got %v, want %v", got, want)
	}
	points, _ := emitted(collect(t, reader))
	if got := points["container.memory.linux.high{}"]; got != 268435456 {
		t.Errorf("container.memory.linux.high: got %v, want 268435456", got)
	}
	if got, ok := points["container.memory.available{}"]; ok {
		t.Errorf("container.memory.available: got %v without a limit, want no point", got)
	}
	s := memoryOf(t, i.Monitor())
	if s.Scope != otelresource.ScopeContainer || s.UsageCgroup != "/lim.slice" || s.LimitSource != otelresource.LimitSourceHost {
		t.Errorf("got scope %s, usage of %q, limit by %s; want container, /lim.slice, host", s.Scope, s.UsageCgroup, s.LimitSource)
	}
	wantBytes(t, s, otelresource.FieldHighBytes, s.HighBytes, 268435456)
	wantBytes(t, s, otelresource.FieldAvailableBytes, s.AvailableBytes, 268435456-104857600)
	text, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"high_bytes":268435456`, `"usage_cgroup":"/lim.slice"`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("JSON: got %s, want %s in it", text, want)
		}
	}
}

func TestTheConventionsAvailableOfAContainerFullOfPageCache(t *testing.T) {
	root := fixture.Load(t, "testdata/readings/available-with-page-cache.txtar")
	_, reader := started(t, root)
	points, _ := emitted(collect(t, reader))
	if got, want := points["container.memory.available{}"], 209715200.-(207888384-205500416); got != want {
		t.Errorf("container.memory.available: got %v, want %v", got, want)
	}
}

func TestTheMachinesAvailableMetricIsAtMostItsTotal(t *testing.T) {
	_, reader := started(t, fixture.Load(t, "testdata/readings/lxcfs-available-above-total.txtar"), otelresource.WithScopes(otelresource.ScopeSystem))
	points, _ := emitted(collect(t, reader))
	if got, want := points["system.memory.linux.available{}"], 1048576.*1024; got != want {
		t.Errorf("system.memory.linux.available: got %v, want %v", got, want)
	}
}

func TestAMachineOfSizeZeroHasNoMetrics(t *testing.T) {
	_, reader := started(t, fixture.Load(t, "testdata/readings/lxcfs-negative.txtar"),
		otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeContainer), otelresource.WithUtilization())
	points, _ := emitted(collect(t, reader))
	for key, v := range points {
		for _, prefix := range []string{"system.memory.", "container.memory.limit", "container.memory.available", "otelresource.limit.info{otelresource.limit.resource=memory"} {
			if strings.HasPrefix(key, prefix) {
				t.Errorf("%s: got %v, want no point", key, v)
			}
		}
	}
	if got := points["container.memory.usage{}"]; got != 104857600 {
		t.Errorf("container.memory.usage: got %v, want 104857600", got)
	}
}
