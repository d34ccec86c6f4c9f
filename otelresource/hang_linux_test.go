package otelresource_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestAFileThatHangsLeavesTheRest(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Serve("proc/meminfo", fixture.Answer{Silent: true})
	before := runtime.NumGoroutine()
	m := monitorOn(t, root, uncached)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		s, err := m.GetMemoryStats(ctx)
		cancel()
		if took := time.Since(start); took > 150*time.Millisecond {
			t.Errorf("a context of 50 ms was honored after %v", took)
		}
		if err != nil {
			t.Fatal(err)
		}
		if s.UsageBytes != 268435456 || s.LimitBytes != 536870912 || s.LimitSource != otelresource.LimitSourceCgroupV2 {
			t.Errorf("the cgroup's files do not hang, and say something else than %+v", s)
		}
	}
	if s := cpuOf(t, m); s.UsageSeconds != 4.2 {
		t.Errorf("CPU %+v", s)
	}
	// Those that have done their work need a moment to end.
	eventually(t, time.Second, func() bool { return runtime.NumGoroutine()-before <= 1 })
	start := time.Now()
	if err := m.Close(); err != nil || time.Since(start) > 50*time.Millisecond {
		t.Errorf("Close waited %v for the file (%v)", time.Since(start), err)
	}
}
