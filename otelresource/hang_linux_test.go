package otelresource_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// hangFile mounts over a file a FUSE file whose daemon never answers. Reading
// it ends when the test does.
func hangFile(t *testing.T, path string) {
	t.Helper()
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no FUSE to hang on: %v", err)
	}
	err = unix.Mount("otelresource-test", path, "fuse", unix.MS_NOSUID|unix.MS_NODEV,
		fmt.Sprintf("fd=%d,rootmode=100000,user_id=0,group_id=0", fd))
	if err != nil {
		_ = unix.Close(fd)
		t.Skipf("mounting FUSE is not allowed: %v", err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fd) // aborts the connection: what hangs returns
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}

func TestAFileThatHangsLeavesTheRest(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	hangFile(t, root.Dir()+"/proc/meminfo")
	before := runtime.NumGoroutine()
	m := monitorOn(t, root, uncached)
	for range 5 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		s, err := m.GetMemoryStats(ctx)
		cancel()
		if took := time.Since(start); took > 150*time.Millisecond {
			t.Errorf("a context of 50 ms was honoured after %v", took)
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
