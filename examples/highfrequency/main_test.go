package main

import (
	"runtime"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestReadsComeFromTheSnapshot(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	r, err := run(t.Context(), 2500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// The rate itself is the machine's business; a snapshot of a second is read afresh
	// a few times, however busy the machine is.
	if r.reads < 1000 || r.hitRate() <= 0.95 {
		t.Errorf("%d reads, of which %d were fresh", r.reads, r.fresh)
	}
	if r.fresh < 2 {
		t.Error("the snapshot was never renewed")
	}
	t.Logf("%d reads, hit rate %.4f, %v each", r.reads, r.hitRate(), r.spent/time.Duration(r.reads))
}

func TestPageCacheShedsNoRequests(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no cgroups on " + runtime.GOOS)
	}
	const group = "sys/fs/cgroup/c/"
	root := fixture.Load(t, "../../otelresource/testdata/readings/available-with-page-cache.txtar")
	config := otelresource.DefaultConfig()
	config.RootFS = root.Dir()
	for _, state := range []struct {
		name  string
		files map[string]string
		want  bool
	}{
		{"full of page cache", nil, false},
		{"full of anonymous memory", map[string]string{"memory.stat": "anon 207000000\ninactive_file 0\n"}, true},
		{"half of memory.high", map[string]string{"memory.max": "max\n", "memory.high": "400000000\n"}, false},
		{"at memory.high", map[string]string{"memory.high": "208000000\n"}, true},
	} {
		for name, text := range state.files {
			root.Write(group+name, text)
		}
		// A new monitor each time: it looks for an absent memory.high again only after a while.
		monitor, err := otelresource.NewResourceMonitorWithConfig(config)
		if err != nil {
			t.Fatal(err)
		}
		m, err := monitor.GetMemoryStats(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := overloaded(m); got != state.want {
			t.Errorf("%s: overloaded is %v, want %v: available %d, limit %d, high %d", state.name, got, state.want, m.AvailableBytes, m.LimitBytes, m.HighBytes)
		}
		_ = monitor.Close()
	}
}
