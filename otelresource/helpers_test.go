package otelresource_test

import (
	"errors"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

const (
	ownID     = "4b1f7de09c2a8356b0d4e7f1935ac86220d7be418f59c3a67e1408dbf2956a3c"
	ownCgroup = "/work.slice/docker-" + ownID + ".scope"
	ownDir    = "sys/fs/cgroup" + ownCgroup
)

// monitorOn returns a monitor over a fake root, closed when the test ends.
func monitorOn(t testing.TB, root *fixture.Root, change ...func(*otelresource.Config)) *otelresource.Monitor {
	t.Helper()
	c := otelresource.DefaultConfig()
	c.RootFS = root.Dir()
	for _, f := range change {
		f(c)
	}
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Skip(err) // also on macOS, which has no other root than its own
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func uncached(c *otelresource.Config) { c.EnableCaching = false }

func detailed(c *otelresource.Config) { c.EnableDetailedIO, c.EnableDetailedNetwork = true, true }

func every(d time.Duration) func(*otelresource.Config) {
	return func(c *otelresource.Config) { c.UpdateInterval = d }
}

func memoryOf(t testing.TB, m *otelresource.Monitor) *otelresource.MemoryStats {
	t.Helper()
	s, err := m.GetMemoryStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func cpuOf(t testing.TB, m *otelresource.Monitor) *otelresource.CPUStats {
	t.Helper()
	s, err := m.GetCPUStats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
