package otelresource_test

import (
	"context"
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

func detailedIO(c *otelresource.Config) { c.EnableDetailedIO = true }

func detailedNetwork(c *otelresource.Config) { c.EnableDetailedNetwork = true }

// statsOf is what a getter returns, where it must not fail.
func statsOf[T any](t testing.TB, get func(context.Context) (T, error)) T {
	t.Helper()
	s, err := get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func memoryOf(t testing.TB, m *otelresource.Monitor) *otelresource.MemoryStats {
	t.Helper()
	return statsOf(t, m.GetMemoryStats)
}

func cpuOf(t testing.TB, m *otelresource.Monitor) *otelresource.CPUStats {
	t.Helper()
	return statsOf(t, m.GetCPUStats)
}

func ioOf(t testing.TB, m *otelresource.Monitor) *otelresource.IOStats {
	t.Helper()
	return statsOf(t, m.GetIOStats)
}

func networkOf(t testing.TB, m *otelresource.Monitor) *otelresource.NetworkStats {
	t.Helper()
	return statsOf(t, m.GetNetworkStats)
}

// isNew expects the timestamp of a reading of just now.
func isNew(t testing.TB, timestamp time.Time) {
	t.Helper()
	if age := time.Since(timestamp); age < 0 || age > time.Minute {
		t.Errorf("timestamp %v", timestamp)
	}
}
