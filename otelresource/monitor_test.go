package otelresource_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryOfAContainer(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	got := memoryOf(t, monitorOn(t, root))
	want := &otelresource.MemoryStats{
		UsageBytes: 268435456, UsageCgroup: ownCgroup, LimitBytes: 536870912,
		HighBytes: 402653184, AvailableBytes: 402653184 - (268435456 - 33554432), // memory.high is closer than the limit
		LimitSource: otelresource.LimitSourceCgroupV2, LimitCgroup: ownCgroup, LimitFile: root.Dir() + "/" + ownDir + "/memory.max",
		RSSBytes: 134217728, CacheBytes: 100663296, WorkingSetBytes: 234881024,
		SwapUsageBytes: 1048576, SwapLimitBytes: 134217728,
		Events:      &otelresource.MemoryEvents{Low: 1, High: 2, Max: 3, OOM: 4, OOMKill: 5, OOMGroupKill: 6},
		LocalEvents: &otelresource.MemoryEvents{Max: 2, OOMKill: 1}, SwapEvents: &otelresource.SwapEvents{Max: 4, Fail: 5},
		Pressure: &otelresource.MemoryPressure{
			Some: &otelresource.Stall{Avg10: 0.1, Avg60: 0.05, Avg300: 0.01, TotalSeconds: 2.5},
			Full: &otelresource.Stall{Avg10: 0.04, Avg60: 0.02, Avg300: 0.005, TotalSeconds: 1.5},
		},
		Scope: otelresource.ScopeContainer,
	}
	if d := cmp.Diff(want, got, ignore, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Error(d)
	}
	isNew(t, got.Timestamp)
}

// ignore leaves out what differs from run to run, and the unexported presence.
var ignore = cmp.Options{
	cmpopts.IgnoreFields(otelresource.MemoryStats{}, "Timestamp"),
	cmpopts.IgnoreFields(otelresource.CPUStats{}, "Timestamp"),
	cmpopts.IgnoreUnexported(otelresource.MemoryStats{}, otelresource.MemoryEvents{}, otelresource.SwapEvents{}, otelresource.CPUStats{}, otelresource.CPUThrottling{}),
}

func TestCPUOfAContainer(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	got := cpuOf(t, monitorOn(t, root))
	want := &otelresource.CPUStats{
		UsageSeconds: 4.2, UserSeconds: 3, SystemSeconds: 1.2,
		AvailableCores: 2, LimitCores: 0.5, LimitSource: otelresource.LimitSourceCgroupV2,
		LimitCgroup: "/work.slice", LimitFile: root.Dir() + "/sys/fs/cgroup/work.slice/cpu.max",
		Shares: 1024, Weight: 100, QuotaUs: 50000, QuotaPeriodUs: 100000,
		Throttling: &otelresource.CPUThrottling{Periods: 200, ThrottledPeriods: 20, ThrottledSeconds: 1.5, BurstPeriods: 3, BurstSeconds: 0.25},
		Pressure: &otelresource.CPUPressure{
			Some: &otelresource.Stall{Avg10: 0.1, Avg60: 0.05, Avg300: 0.01, TotalSeconds: 0.6},
			Full: &otelresource.Stall{Avg10: 0.04, Avg60: 0.02, Avg300: 0.005, TotalSeconds: 0.4},
		},
		Scope: otelresource.ScopeContainer,
	}
	if d := cmp.Diff(want, got, ignore, cmpopts.EquateApprox(0, 1e-9)); d != "" {
		t.Error(d)
	}
	if got.Has(otelresource.FieldUsagePercent) || got.Has(otelresource.FieldUsageCores) {
		t.Error("CPU usage is there before the first window is full")
	}
}

func TestStatisticsOfAMachine(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	m := monitorOn(t, root)
	mem := memoryOf(t, m)
	const kib = 1024
	if mem.Scope != otelresource.ScopeSystem || mem.UsageBytes != 3072000*kib || mem.LimitBytes != 8192000*kib ||
		mem.LimitSource != otelresource.LimitSourceHost || mem.AvailableBytes != 5120000*kib ||
		mem.SwapUsageBytes != 100000*kib || mem.SwapLimitBytes != 2048000*kib || mem.Events != nil {
		t.Errorf("memory %+v", mem)
	}
	for _, f := range []otelresource.Field{otelresource.FieldRSSBytes, otelresource.FieldWorkingSetBytes} {
		if mem.Has(f) {
			t.Errorf("a machine has no %v", f)
		}
	}
	cpu := cpuOf(t, m)
	if cpu.Scope != otelresource.ScopeSystem || cpu.LimitCores != 2 || cpu.LimitSource != otelresource.LimitSourceHost ||
		cpu.UserSeconds != 10 || cpu.SystemSeconds != 3 || cpu.UsageSeconds != 13.6 || cpu.Throttling != nil {
		t.Errorf("cpu %+v", cpu)
	}
	if m.IsContainerized() || m.GetEnvironmentInfo().Container != nil {
		t.Error("a machine was taken for a container")
	}
}

func TestAbsentNumbersAreLeftOutOfJSON(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Remove(ownDir + "/memory.stat")
	root.Remove(ownDir + "/memory.swap.current")
	root.Remove(ownDir + "/memory.events")
	root.Remove(ownDir + "/memory.pressure")
	s := memoryOf(t, monitorOn(t, root))
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rss_bytes", "cache_bytes", "working_set_bytes", "swap_usage_bytes", "events", "pressure"} {
		if v, ok := got[name]; ok {
			t.Errorf("%s is %v; it was not measured", name, v)
		}
	}
	if got["usage_bytes"] != 268435456.0 || got["scope"] != "container" {
		t.Errorf("JSON %s", b)
	}
	if s.Has(otelresource.FieldRSSBytes) || !s.Has(otelresource.FieldUsageBytes) {
		t.Error("Has is wrong")
	}
}

func TestALimitOfZeroIsALimit(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Write(ownDir+"/memory.max", "0\n")
	s := memoryOf(t, monitorOn(t, root))
	if s.LimitBytes != 0 || !s.Has(otelresource.FieldLimitBytes) || s.LimitSource != otelresource.LimitSourceCgroupV2 || s.AvailableBytes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestALimitAboveTheMachineIsTheMachines(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Write(ownDir+"/memory.max", "99999999999999\n")
	root.Write("sys/fs/cgroup/work.slice/memory.max", "max\n")
	s := memoryOf(t, monitorOn(t, root))
	if s.LimitBytes != 8192000*1024 || s.LimitSource != otelresource.LimitSourceHost {
		t.Errorf("limit %d by %s", s.LimitBytes, s.LimitSource)
	}
}

func TestANeighborThatFillsTheParentLeavesLess(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	m := monitorOn(t, root, uncached)
	root.Write("sys/fs/cgroup/work.slice/memory.current", "1063256064\n") // 10 MiB below the parent's limit, of it 100 MB of page cache
	if s := memoryOf(t, m); s.AvailableBytes != 10<<20+100000000 || s.LimitBytes != 536870912 {
		t.Errorf("available %d of %d", s.AvailableBytes, s.LimitBytes)
	}
}

func TestALimitThatChangesIsFollowed(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	m := monitorOn(t, root, every(50*time.Millisecond))
	memoryOf(t, m)
	root.Write(ownDir+"/memory.max", "300000000\n")
	root.Write(ownDir+"/cpu.max", "25000 100000\n")
	eventually(t, 300*time.Millisecond, func() bool {
		return memoryOf(t, m).LimitBytes == 300000000 && cpuOf(t, m).LimitCores == 0.25
	})
}

func TestAMoveToAnotherCgroupIsFollowedAndCountersGoOn(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	m := monitorOn(t, root, every(50*time.Millisecond))
	before := cpuOf(t, m).UsageSeconds
	for name, text := range map[string]string{
		"cgroup.type": "domain\n", "memory.current": "1000\n", "memory.max": "2000\n", "memory.stat": "anon 500\n",
		"cpu.stat": "usage_usec 100\nuser_usec 60\nsystem_usec 40\n", "cpu.max": "max 100000\n",
	} {
		root.Write("sys/fs/cgroup/other/"+name, text)
	}
	root.Write("proc/self/cgroup", "0::/other\n")
	eventually(t, 300*time.Millisecond, func() bool { return memoryOf(t, m).LimitBytes == 2000 })
	if after := cpuOf(t, m).UsageSeconds; after < before {
		t.Errorf("CPU time went back from %v to %v", before, after)
	}
	root.Write("sys/fs/cgroup/other/cpu.stat", "usage_usec 1000100\nuser_usec 600060\nsystem_usec 400040\n")
	eventually(t, 300*time.Millisecond, func() bool { return cpuOf(t, m).UsageSeconds == before+1 })
}

func eventually(t *testing.T, within time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not so within %v", within)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestCPUUsageCoversTheWindowWhoeverReads(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	start := time.Now() // before the baseline, which construction takes
	m := monitorOn(t, root, uncached, every(100*time.Millisecond))
	for time.Since(start) < 90*time.Millisecond {
		if s := cpuOf(t, m); s.Has(otelresource.FieldUsageCores) && time.Since(start) < 90*time.Millisecond {
			t.Fatalf("usage %v after %v", s.UsageCores, time.Since(start))
		}
		time.Sleep(time.Millisecond)
	}
	root.Write(ownDir+"/cpu.stat", "usage_usec 4300000\nuser_usec 3100000\nsystem_usec 1200000\n") // 0.1 s more
	eventually(t, time.Second, func() bool { return cpuOf(t, m).Has(otelresource.FieldUsageCores) })
	s := cpuOf(t, m)
	if elapsed := time.Since(start).Seconds(); s.UsageCores < 0.05/elapsed || s.UsageCores > 1.01 {
		t.Errorf("%v cores for 0.1 s in at least 0.1 s, %v s after the start", s.UsageCores, elapsed)
	}
	if got, want := s.UsagePercent, 100*s.UsageCores/s.LimitCores; got != want {
		t.Errorf("%v %% of %v cores, want %v", got, s.LimitCores, want)
	}
}

func TestEffectiveLimitsNameTheirFiles(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	l, err := monitorOn(t, root).GetLimits(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cg := root.Dir() + "/sys/fs/cgroup"
	want := []otelresource.Limit{
		{Kind: "memory", Value: 536870912, Unit: "By", Source: "cgroup_v2", Cgroup: ownCgroup, File: cg + ownCgroup + "/memory.max"},
		{Kind: "swap", Value: 134217728, Unit: "By", Source: "cgroup_v2", Cgroup: ownCgroup, File: cg + ownCgroup + "/memory.swap.max"},
		{Kind: "memory", Value: 1073741824, Unit: "By", Source: "cgroup_v2", Cgroup: "/work.slice", File: cg + "/work.slice/memory.max"},
		{Kind: "memory.high", Value: 402653184, Unit: "By", Source: "cgroup_v2", Cgroup: ownCgroup, File: cg + ownCgroup + "/memory.high"},
		{Kind: "memory", Value: 8192000 * 1024, Unit: "By", Source: "host", File: root.Dir() + "/proc/meminfo"},
		{Kind: "cpu.quota", Value: 1.5, Unit: "{cpu}", Source: "cgroup_v2", Cgroup: ownCgroup, File: cg + ownCgroup + "/cpu.max"},
		{Kind: "cpu.quota", Value: 0.5, Unit: "{cpu}", Source: "cgroup_v2", Cgroup: "/work.slice", File: cg + "/work.slice/cpu.max"},
		{Kind: "cpuset", Value: 2, Unit: "{cpu}", Source: "cpuset", Cgroup: ownCgroup, File: cg + ownCgroup + "/cpuset.cpus.effective"},
		{Kind: "cpu", Value: 2, Unit: "{cpu}", Source: "host", File: root.Dir() + "/sys/devices/system/cpu/online"},
		{Kind: "pids", Value: 512, Unit: "{thread}", Source: "cgroup_v2", Cgroup: "/work.slice", File: cg + "/work.slice/pids.max"},
		{Kind: "io.rbps", Value: 10485760, Unit: "By/s", Source: "cgroup_v2", Device: "sda", Cgroup: ownCgroup, File: cg + ownCgroup + "/io.max"},
		{Kind: "io.wiops", Value: 500, Unit: "{operation}/s", Source: "cgroup_v2", Device: "sda", Cgroup: ownCgroup, File: cg + ownCgroup + "/io.max"},
		{Kind: "io.wbps", Value: 5242880, Unit: "By/s", Source: "cgroup_v2", Device: "sda", Cgroup: "/work.slice", File: cg + "/work.slice/io.max"},
	}
	if d := cmp.Diff(want, l.All); d != "" {
		t.Error(d)
	}
	if l.Memory.Value != 536870912 || l.CPU.Value != 0.5 || l.CPU.Cgroup != "/work.slice" {
		t.Errorf("effective: %+v, %+v", l.Memory, l.CPU)
	}
}

func TestCachedReadsAllocateNothing(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), every(time.Hour))
	ctx := t.Context()
	memoryOf(t, m)
	cpuOf(t, m)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.GetMemoryStats(ctx) }); n != 0 {
		t.Errorf("GetMemoryStats: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = m.GetCPUStats(ctx) }); n != 0 {
		t.Errorf("GetCPUStats: %v allocations", n)
	}
}

func TestErrorsNameCauseAndFile(t *testing.T) {
	t.Run("closed", func(t *testing.T) {
		m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"))
		if err := errors.Join(m.Close(), m.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := m.GetMemoryStats(t.Context()); !errors.Is(err, otelresource.ErrClosed) {
			t.Errorf("%v", err)
		}
		if _, err := m.GetLimits(t.Context()); !errors.Is(err, otelresource.ErrClosed) {
			t.Errorf("%v", err)
		}
	})
	t.Run("canceled", func(t *testing.T) { // of a Monitor that has no snapshot yet
		m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.GetCPUStats(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
	t.Run("no such root", func(t *testing.T) {
		_, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{RootFS: "/no/such/folder"})
		var own *otelresource.Error
		if !errors.As(err, &own) || own.Path != "/no/such/folder" || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
	})
	t.Run("negative interval", func(t *testing.T) {
		_, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{UpdateInterval: -1})
		if err == nil || !strings.Contains(err.Error(), "UpdateInterval") {
			t.Errorf("%v", err)
		}
	})
	t.Run("a container without a readable cgroup", func(t *testing.T) {
		root := fixture.Load(t, "testdata/docker-v2.txtar")
		root.Remove("sys/fs/cgroup")
		_, err := monitorOn(t, root).GetMemoryStats(t.Context())
		if !errors.Is(err, otelresource.ErrCgroupNotFound) {
			t.Errorf("%v", err)
		}
	})
}
