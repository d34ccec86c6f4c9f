package otelresource_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestAViewSavesTheReadingOfWhatItDrops(t *testing.T) {
	const times = sample.PartSystem | sample.PartSystemInfo
	for name, c := range map[string]struct {
		drops func(metric string) bool
		want  sample.Parts
	}{
		"nothing":       {func(string) bool { return false }, sample.PartCgroup | sample.PartTasks | times | sample.PartSystemPressure},
		"pressure":      {func(m string) bool { return strings.Contains(m, ".pressure.") }, sample.PartCgroup | sample.PartTasks | times},
		"the container": {func(m string) bool { return !strings.HasPrefix(m, "system.") }, times | sample.PartSystemPressure},
		"the machine":   {func(m string) bool { return strings.HasPrefix(m, "system.") }, sample.PartCgroup | sample.PartTasks},
		"tasks, uptimes": {func(m string) bool {
			return strings.Contains(m, "pids") || strings.HasSuffix(m, "uptime") || strings.Contains(m, "logical")
		}, sample.PartCgroup | sample.PartSystem | sample.PartSystemPressure},
	} {
		t.Run(name, func(t *testing.T) {
			f := &otelresource.FakeSource{CPU: goodCPU, Memory: func(_ context.Context, s *sample.Memory) error {
				s.Cgroup.Usage = sample.SomeUint(1)
				return nil
			}}
			reader := metric.NewManualReader()
			provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(func(i metric.Instrument) (metric.Stream, bool) {
				return metric.Stream{Aggregation: metric.AggregationDrop{}}, c.drops(i.Name)
			}))
			m := otelresource.NewFakeMonitor(f)
			t.Cleanup(func() { _ = m.Close() })
			i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(provider),
				otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = i.Shutdown(t.Context()) })
			f.Parts = 0
			collect(t, reader)
			if f.Parts != c.want {
				t.Errorf("read %b, want %b", f.Parts, c.want)
			}
		})
	}
}

func TestAGetterSeesNoSnapshotThatLacksWhatItReturns(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), func(c *otelresource.Config) { c.UpdateInterval = time.Hour })
	reader := metric.NewManualReader()
	i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithScopes(otelresource.ScopeSystem),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = i.Shutdown(t.Context()) })
	collect(t, reader) // the snapshots are of the machine alone
	memory, err := m.GetMemoryStats(t.Context())
	if err != nil || memory.Scope != otelresource.ScopeContainer || !memory.Has(otelresource.FieldUsageBytes) || memory.Events == nil {
		t.Errorf("memory: %+v, %v", memory, err)
	}
	cpu, err := m.GetCPUStats(t.Context())
	if err != nil || cpu.Scope != otelresource.ScopeContainer || !cpu.Has(otelresource.FieldUsageSeconds) {
		t.Errorf("CPU: %+v, %v", cpu, err)
	}
	io, err := m.GetIOStats(t.Context())
	if err != nil || io.Scope != otelresource.ScopeContainer || !io.Has(otelresource.FieldReadBytes) {
		t.Errorf("I/O: %+v, %v", io, err)
	}
	network, err := m.GetNetworkStats(t.Context())
	if err != nil || !network.Has(otelresource.FieldReceiveBytes) {
		t.Errorf("network: %+v, %v", network, err)
	}
	again, err := m.GetMemoryStats(t.Context())
	if err != nil || again != memory {
		t.Errorf("a whole snapshot was read again: %v", err)
	}
}
