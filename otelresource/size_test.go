package otelresource

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// What is published at each refresh is garbage at the next.
func TestASnapshotIsSmall(t *testing.T) {
	const most = 2 << 10
	for name, size := range map[string]uintptr{
		"memory": unsafe.Sizeof(memorySnapshot{}), "cpu": unsafe.Sizeof(cpuSnapshot{}), "io": unsafe.Sizeof(ioSnapshot{}),
	} {
		t.Logf("%s: %d bytes", name, size)
		if size > most {
			t.Errorf("%s: %d bytes, more than %d", name, size, most)
		}
	}
}

func TestAMonitorIsSmall(t *testing.T) {
	const monitors, most = 100, 31 << 10
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	c := DefaultConfig()
	c.RootFS, c.EnableDetailedIO, c.EnableDetailedNetwork, c.UpdateInterval = root.Dir(), true, true, time.Hour
	all := make([]*Monitor, 0, monitors)
	heap := func() uint64 {
		for range 3 { // pooled buffers survive one collection
			runtime.GC()
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for range monitors {
		m, err := NewResourceMonitorWithConfig(c)
		if err != nil {
			t.Skipf("no monitor here: %v", err)
		}
		defer func() { _ = m.Close() }()
		_, _ = m.GetMemoryStats(t.Context())
		_, _ = m.GetCPUStats(t.Context())
		_, _ = m.GetIOStats(t.Context())
		_, _ = m.GetNetworkStats(t.Context())
		all = append(all, m)
	}
	each := (heap() - before) / monitors
	runtime.KeepAlive(all)
	t.Logf("%d bytes", each)
	if each > most {
		t.Errorf("%d bytes, more than %d", each, most)
	}
}
