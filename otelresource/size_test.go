package otelresource

import (
	"runtime"
	"testing"
	"time"
	"unsafe"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// What is published at each refresh is garbage at the next. Direct readers have
// the public structs, the instruments the samples.
func TestSnapshotsAreSmall(t *testing.T) {
	for reader, c := range map[string]struct {
		most  uintptr
		sizes []uintptr
	}{
		"direct": {2 << 10, []uintptr{
			unsafe.Sizeof(memoryPublic{}), unsafe.Sizeof(cpuPublic{}), unsafe.Sizeof(ioPublic{}), unsafe.Sizeof(networkPublic{}),
		}},
		"instruments": {3 << 10, []uintptr{
			unsafe.Sizeof(sample.Memory{}), unsafe.Sizeof(sample.CPU{}), unsafe.Sizeof(sample.IO{}), unsafe.Sizeof(sample.Network{}),
			unsafe.Sizeof(sample.Paging{}), unsafe.Sizeof(sample.Process{}),
		}},
	} {
		all := uintptr(0)
		for _, size := range c.sizes {
			all += size + unsafe.Sizeof(snapshot.Value[memorySnapshot]{})
		}
		t.Logf("%s: %d bytes: %v", reader, all, c.sizes)
		if all > c.most {
			t.Errorf("%s: %d bytes, more than %d", reader, all, c.most)
		}
	}
}

func TestAMonitorIsSmall(t *testing.T) {
	const monitors, most = 100, 22 << 10
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
