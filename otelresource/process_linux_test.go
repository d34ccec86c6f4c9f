package otelresource_test

import (
	"context"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestProcessScopeMeasuresThisProcess(t *testing.T) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval = 10 * time.Millisecond
	reader := metric.NewManualReader()
	i, err := otelresource.Start(otelresource.WithConfig(c), otelresource.WithScopes(otelresource.ScopeProcess), otelresource.WithUtilization(),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = i.Shutdown(context.Background()) }()
	collect(t, reader)
	files := make([]*os.File, 10)
	for i := range files {
		if files[i], err = os.Open(os.DevNull); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = files[i].Close() }()
	}
	ballast := make([]byte, 64<<20)
	// Burn, and touch. On a busy machine wall time passes without any of user
	// mode, and the kernel may lag behind in dividing it from that of the system.
	begun, before := time.Now(), userTime(t)
	for time.Since(begun) < 200*time.Millisecond || userTime(t)-before < 50*time.Millisecond && time.Since(begun) < 20*time.Second {
		for i := 0; i < len(ballast); i += 4096 {
			ballast[i]++
		}
	}
	points, shapes := emitted(collect(t, reader))
	checkShapes(t, shapes)
	for name, m := range table() {
		if _, ok := shapes[name]; ok != (m.Scope == instruments.Process) {
			t.Errorf("%s is emitted: %v", name, ok)
		}
	}
	used := userTime(t)
	for key, atLeast := range map[string]float64{
		"process.memory.usage{}": 64 << 20, "process.memory.virtual{}": 64 << 20,
		"process.thread.count{}": 1, "process.unix.file_descriptor.count{}": 10, "process.uptime{}": 0.2,
		"process.cpu.time{cpu.mode=user}":                                 0.05,
		"process.paging.faults{system.paging.fault.type=minor}":           64 << 20 / 4096 / 2,
		"process.cpu.utilization{cpu.mode=user}":                          0.001,
		"process.context_switches{process.context_switch.type=voluntary}": 1,
	} {
		if got := points[key]; got < atLeast {
			t.Errorf("%s is %v, want at least %v", key, got, atLeast)
		}
	}
	if got, most := points["process.cpu.time{cpu.mode=user}"], used.Seconds(); got > most {
		t.Errorf("user time %v, getrusage says %v a moment later", got, most)
	}
	if u := points["process.cpu.utilization{cpu.mode=user}"]; u > 1.01 {
		t.Errorf("utilization %v", u)
	}
	runtime.KeepAlive(ballast)
}

func userTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano())
}
