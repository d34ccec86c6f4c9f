package otelresource_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// fakeMac is a monitor over a fake Mac, with a clock that the test sets.
type fakeMac struct {
	*darwintest.Kernel
	*otelresource.Monitor
	now time.Time
}

func newFakeMac(t *testing.T, detailed bool, change ...func(*darwintest.Kernel)) *fakeMac {
	t.Helper()
	m := &fakeMac{Kernel: darwintest.New(t), now: time.Unix(1700003600, 0)}
	for _, f := range change {
		f(m.Kernel)
	}
	var err error
	if m.Monitor, err = otelresource.NewMacMonitor(m.Kernel, func() time.Time { return m.now }, detailed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Monitor.Close() })
	return m
}

func asVZGuest(k *darwintest.Kernel) {
	k.Sysctls["kern.hv_vmm_present"] = darwintest.U32(1)
	k.Sysctls["hw.model"] = darwintest.Text("VirtualMac2,1")
}

func TestStatisticsOfAMac(t *testing.T) {
	m := newFakeMac(t, true)
	memory := memoryOf(t, m.Monitor)
	const page, total = 16384, 16 << 30
	if memory.Scope != otelresource.ScopeSystem || memory.UsageBytes != 7300*page || memory.CacheBytes != 3200*page ||
		memory.AvailableBytes != total-7300*page || memory.LimitBytes != total || memory.LimitSource != otelresource.LimitSourceHost ||
		memory.LimitFile != "hw.memsize" || memory.SwapUsageBytes != 3072 {
		t.Errorf("%+v", memory)
	}
	cpu := cpuOf(t, m.Monitor)
	if cpu.Scope != otelresource.ScopeSystem || cpu.LimitCores != 2 || cpu.AvailableCores != 2 || cpu.LimitFile != "hw.logicalcpu" ||
		cpu.UserSeconds != 1.1 || cpu.SystemSeconds != 2.2 || cpu.UsageSeconds != 3.3 || cpu.Throttling != nil || cpu.Pressure != nil {
		t.Errorf("%+v", cpu)
	}
	io, err := m.GetIOStats(t.Context())
	if err != nil || io.Scope != otelresource.ScopeSystem || io.ReadBytes != 3000 || io.WriteOperations != 60 || io.ReadSeconds != 3 ||
		len(io.Devices) != 2 || io.Devices[1].Name != "disk4" || io.Has(otelresource.FieldIOSeconds) || io.Has(otelresource.FieldReadMerged) {
		t.Errorf("%+v, %v", io, err)
	}
	limits, err := m.GetLimits(t.Context())
	if err != nil || limits.Memory == nil || limits.Memory.Value != total || limits.CPU == nil || limits.CPU.Value != 2 {
		t.Errorf("%+v, %v", limits, err)
	}
	m.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 200, System: 200, Idle: 300}, darwintest.Ticks{User: 10, System: 20, Idle: 130})
	m.now = m.now.Add(time.Second)
	if cpu = cpuOf(t, m.Monitor); cpu.UsagePercent != 50 || cpu.UsageCores != 1 || !slices.Equal(cpu.PerCPUUsage, []float64{100, 0}) {
		t.Errorf("after a second in which one CPU of two was busy: %+v", cpu)
	}
}

// What macOS does not have must not appear as a number.
func TestAbsentNumbersOfAMacAreLeftOutOfJSON(t *testing.T) {
	m := newFakeMac(t, false)
	for name, test := range map[string]struct {
		stats  any
		absent []string
	}{
		"memory": {memoryOf(t, m.Monitor), []string{"rss_bytes", "working_set_bytes", "swap_limit_bytes", "pressure", "events", "limit_cgroup"}},
		"cpu":    {cpuOf(t, m.Monitor), []string{"shares", "weight", "quota_us", "quota_period_us", "throttling", "pressure", "usage_percent"}},
	} {
		b, err := json.Marshal(test.stats)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		for _, key := range test.absent {
			if v, ok := got[key]; ok {
				t.Errorf("%s has %s: %v", name, key, v)
			}
		}
	}
}

func TestAMacInAVirtualMachine(t *testing.T) {
	m := newFakeMac(t, false, asVZGuest)
	info := m.GetEnvironmentInfo()
	v := info.Virtualization
	if info.Platform != "virtual_machine" || info.Kernel != "24.4.0" || info.Hostname != "mac.local" || info.Container != nil || info.Cgroup != nil {
		t.Errorf("%+v", info)
	}
	if v == nil || v.Type != otelresource.VirtualizationTypeVZ || v.Role != "guest" || v.Guest == nil || v.Guest.MemoryLimit != 16<<30 || v.Guest.CPULimit != 2 {
		t.Fatalf("%+v", v)
	}
	if len(info.Evidence) == 0 {
		t.Error("no evidence")
	}
	if memory := memoryOf(t, m.Monitor); memory.LimitSource != otelresource.LimitSourceVirtualization {
		t.Errorf("memory's limit is set by %s", memory.LimitSource)
	}
	if cpu := cpuOf(t, m.Monitor); cpu.LimitSource != otelresource.LimitSourceVirtualization {
		t.Errorf("the CPU's limit is set by %s", cpu.LimitSource)
	}
	res, err := otelresource.NewDetector(otelresource.WithDetectorMonitor(m.Monitor)).Detect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := res.String(), "host.virtualization.role=guest,host.virtualization.type=apple_vz"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAMacOfMetal(t *testing.T) {
	m := newFakeMac(t, false)
	info := m.GetEnvironmentInfo()
	if info.Platform != "host" || info.Virtualization == nil || info.Virtualization.Type != otelresource.VirtualizationTypeNone || m.IsContainerized() {
		t.Errorf("%+v", info)
	}
	res, err := otelresource.NewDetector(otelresource.WithDetectorMonitor(m.Monitor)).Detect(t.Context())
	if err != nil || res.Len() != 0 {
		t.Errorf("%s, %v", res, err)
	}
}

// startMac starts the instrumentation over a fake Mac and a real SDK.
func startMac(t *testing.T, m *fakeMac, opts ...otelresource.Option) (*metric.ManualReader, *otelresource.Instrumentation) {
	t.Helper()
	reader := metric.NewManualReader()
	i, err := otelresource.Start(append(opts, otelresource.WithMonitor(m.Monitor),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Shutdown(context.Background()) })
	return reader, i
}

// work lets a second pass in which every counter grows.
func (m *fakeMac) work() {
	m.now = m.now.Add(time.Second)
	m.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 150, System: 240, Idle: 310}, darwintest.Ticks{User: 10, System: 20, Idle: 120})
	m.VM = darwintest.VM{
		Free: 1000, Speculative: 100, Wired: 2000, Compressor: 500,
		External: 3000, Internal: 5000, Purgeable: 200, Faults: 107, PageIns: 10,
	}.Bytes()
	m.Disks[0] = darwintest.NewDisk("disk0", 2)
	m.Lists[darwintest.MIBAll] = append(darwintest.IfMIB("lo0", 1, 1), darwintest.IfMIB("en0", 78187494000, 140200)...)
	m.Usage = darwin.Rusage{User: 2e9, System: 2e9, MaxResident: 50 << 20, MinorFaults: 4, MajorFaults: 6, VoluntarySwitches: 8, ForcedSwitches: 10}
}

func TestMetricsOfAMac(t *testing.T) {
	m := newFakeMac(t, false)
	reader, i := startMac(t, m)
	if got := i.Scopes(); !slices.Equal(got, []otelresource.Scope{otelresource.ScopeSystem}) {
		t.Errorf("measured by default: %v", got)
	}
	m.work()
	points, shapes := emitted(collect(t, reader))
	checkShapes(t, shapes)
	want := map[string]float64{
		"system.memory.usage{system.memory.state=used}":                7300 * 16384,
		"system.memory.usage{system.memory.state=cached}":              3200 * 16384,
		"system.memory.usage{system.memory.state=free}":                900 * 16384,
		"system.memory.limit{}":                                        16 << 30,
		"system.paging.usage{system.paging.state=used}":                3072,
		"system.paging.usage{system.paging.state=free}":                1024,
		"system.paging.faults{system.paging.fault.type=minor}":         27,
		"system.paging.faults{system.paging.fault.type=major}":         3,
		"system.cpu.time{cpu.mode=user}":                               0.5,
		"system.cpu.time{cpu.mode=system}":                             0.4,
		"system.cpu.time{cpu.mode=idle}":                               1,
		"system.cpu.logical.count{}":                                   2,
		"system.uptime{}":                                              3600.999995,
		"system.disk.io{disk.io.direction=read}":                       1000,
		"system.disk.io{disk.io.direction=write}":                      2000,
		"system.disk.operations{disk.io.direction=read}":               10,
		"system.disk.operations{disk.io.direction=write}":              20,
		"system.disk.operation_time{disk.io.direction=read}":           1,
		"system.disk.operation_time{disk.io.direction=write}":          2,
		"system.network.io{network.io.direction=receive}":              480,
		"system.network.io{network.io.direction=transmit}":             99,
		"system.network.packet.count{network.io.direction=receive}":    0,
		"system.network.packet.count{network.io.direction=transmit}":   0,
		"system.network.packet.dropped{network.io.direction=receive}":  0,
		"system.network.packet.dropped{network.io.direction=transmit}": 0,
		"system.network.errors{network.io.direction=receive}":          0,
		"system.network.errors{network.io.direction=transmit}":         0,
	}
	if d := cmp.Diff(want, points); d != "" {
		t.Errorf("want, got:\n%s", d)
	}
}

func TestMetricsOfAMacOnDemand(t *testing.T) {
	m := newFakeMac(t, true)
	reader, _ := startMac(t, m, otelresource.WithUtilization(), otelresource.WithPerCPU(),
		otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess))
	collect(t, reader)
	m.work()
	points, shapes := emitted(collect(t, reader))
	checkShapes(t, shapes)
	for key, want := range map[string]float64{
		"system.cpu.time{cpu.logical_number=0,cpu.mode=user}":             0.5,
		"system.cpu.time{cpu.logical_number=1,cpu.mode=idle}":             0.9,
		"system.disk.io{disk.io.direction=read,system.device=disk0}":      1000,
		"system.memory.utilization{system.memory.state=used}":             7300. * 16384 / (16 << 30),
		"process.cpu.time{cpu.mode=user}":                                 1,
		"process.cpu.utilization{cpu.mode=user}":                          0.5,
		"process.memory.usage{}":                                          30 << 20,
		"process.memory.virtual{}":                                        400 << 30,
		"process.disk.io{disk.io.direction=write}":                        0,
		"process.thread.count{}":                                          9,
		"process.unix.file_descriptor.count{}":                            12,
		"process.context_switches{process.context_switch.type=voluntary}": 3,
		"process.paging.faults{system.paging.fault.type=major}":           2,
		"process.uptime{}":                                                3500.75,
	} {
		if got, ok := points[key]; !ok || got != want {
			t.Errorf("%s is %v, %t; want %v", key, got, ok, want)
		}
	}
	for key := range points {
		for _, absent := range []string{"linux", "container.", "buffers", "iowait", "steal", "interrupt", "nice"} {
			if strings.Contains(key, absent) {
				t.Errorf("macOS has no %s", key)
			}
		}
	}
	if len(points) < 50 {
		t.Errorf("%d points: %v", len(points), slices.Sorted(maps.Keys(points)))
	}
}

func TestAMacIsNoContainer(t *testing.T) {
	m := newFakeMac(t, false)
	_, err := otelresource.Start(otelresource.WithMonitor(m.Monitor), otelresource.WithScopes(otelresource.ScopeContainer),
		otelresource.WithMeterProvider(metric.NewMeterProvider()))
	if !errors.Is(err, otelresource.ErrContainerNotFound) {
		t.Errorf("%v", err)
	}
}

// A Mac whose calls fail loses what they tell, and its counters stay.
func TestMetricsOfAMacWhoseCallsFail(t *testing.T) {
	m := newFakeMac(t, false)
	reader, _ := startMac(t, m)
	m.work()
	collect(t, reader)
	m.CPUs, m.VM, m.Lists, m.Disks = nil, nil, nil, nil
	m.now = m.now.Add(2 * time.Second)
	points, _ := emitted(collect(t, reader))
	for key, want := range map[string]float64{
		"system.disk.io{disk.io.direction=read}": 1000,
		"system.memory.limit{}":                  16 << 30,
		// Without caching the times and the number of CPUs are readings of their own.
		"otelresource.source.errors{error.type=malformed,otelresource.source=host_processor_info}": 2,
		"otelresource.source.errors{error.type=malformed,otelresource.source=host_statistics64}":   1,
	} {
		if got, ok := points[key]; !ok || got != want {
			t.Errorf("%s is %v, %t; want %v", key, got, ok, want)
		}
	}
	if v, ok := points["system.memory.usage{system.memory.state=used}"]; ok {
		t.Errorf("used memory is %v; nothing told it", v)
	}
}
