package otelresource_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// The tests in this file measure a real Mac.

func TestLiveStatistics(t *testing.T) {
	m, err := otelresource.NewResourceMonitor()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	size, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		t.Fatal(err)
	}
	memory := memoryOf(t, m)
	if memory.LimitBytes != int64(size) || memory.UsageBytes <= 0 || memory.UsageBytes > memory.LimitBytes || memory.Scope != otelresource.ScopeSystem {
		t.Errorf("%+v", memory)
	}
	time.Sleep(1100 * time.Millisecond)
	cpu := cpuOf(t, m)
	if cpu.LimitCores != float64(runtime.NumCPU()) || !cpu.Has(otelresource.FieldUsagePercent) || cpu.UsagePercent > 101 {
		t.Errorf("%+v", cpu)
	}
	if _, err := m.GetIOStats(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := m.GetNetworkStats(t.Context()); err != nil {
		t.Error(err)
	}
	info := m.GetEnvironmentInfo()
	if info.OS != "darwin" || info.Kernel == "" || info.Virtualization == nil || m.IsContainerized() {
		t.Errorf("%+v", info)
	}
	t.Logf("%+v, %+v", info.Virtualization, info.Evidence)
}

func TestLiveMetrics(t *testing.T) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval = 100 * time.Millisecond
	reader := metric.NewManualReader()
	i, err := otelresource.Start(otelresource.WithConfig(c), otelresource.WithUtilization(), otelresource.WithPerCPU(),
		otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Shutdown(t.Context()) }()
	collect(t, reader)
	time.Sleep(300 * time.Millisecond)
	points, shapes := emitted(collect(t, reader))
	checkShapes(t, shapes)
	for _, key := range []string{
		"system.memory.limit{}", "system.memory.usage{system.memory.state=used}", "system.cpu.logical.count{}", "system.uptime{}",
		"system.cpu.time{cpu.logical_number=0,cpu.mode=user}", "process.memory.usage{}", "process.cpu.time{cpu.mode=user}",
		"process.thread.count{}", "process.unix.file_descriptor.count{}", "process.uptime{}",
	} {
		if points[key] <= 0 {
			t.Errorf("%s is %v", key, points[key])
		}
	}
	for key, v := range points {
		if key[:min(len(key), 26)] == "otelresource.source.errors" {
			t.Errorf("%s is %v", key, v)
		}
	}
}

func TestLiveWithoutCgroups(t *testing.T) {
	if _, err := otelresource.NewCgroupManager(); !errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Errorf("%v", err)
	}
	c := otelresource.DefaultConfig()
	c.RootFS = t.TempDir()
	if _, err := otelresource.NewResourceMonitorWithConfig(c); !errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Errorf("another root: %v", err)
	}
}
