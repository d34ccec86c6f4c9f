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

// Closing a file of a user-space file system waits for its daemon. Close does not,
// and neither does a reading that leaves the file behind.
func TestAFileThatHangsIsClosedWithoutWaiting(t *testing.T) {
	for _, file := range []string{"proc/meminfo", "proc/self/cgroup", ownDir + "/memory.current"} {
		t.Run(file, func(t *testing.T) {
			root := fixture.Load(t, "testdata/docker-v2.txtar")
			b, err := root.Hostfs().ReadFile("/"+file, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			d, unmount := root.Serve(file, fixture.Answer{Text: string(b)})
			defer unmount()
			m := monitorOn(t, root, uncached, every(time.Millisecond))
			memoryOf(t, m)
			d.Set(fixture.Answer{Silent: true})
			done := make(chan struct{})
			go func() {
				defer close(done)
				if file != "proc/self/cgroup" {
					root.Write("proc/self/cgroup", "0::/work.slice\n") // its files are left behind
					time.Sleep(2 * time.Millisecond)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
				defer cancel()
				_, _ = m.GetMemoryStats(ctx)
				_ = m.Close()
			}()
			select {
			case <-done:
			case <-time.After(30 * time.Second):
				t.Error("a reading or Close waits for a file that hangs")
			}
			d.Set(fixture.Answer{Text: string(b)})
			<-done
		})
	}
}

// While one reading waits for the membership, others go by the last place.
func TestAReadingDoesNotWaitForAnothersMembership(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	d, unmount := root.Serve("proc/self/cgroup", fixture.Answer{Text: "0::" + ownCgroup + "\n"})
	defer unmount()
	m := monitorOn(t, root, uncached, every(time.Millisecond))
	cpuOf(t, m)
	d.Set(fixture.Answer{Silent: true})
	first := make(chan struct{})
	go func() {
		defer close(first)
		_, _ = m.GetMemoryStats(context.Background())
	}()
	eventually(t, 10*time.Second, func() bool { // until the other one waits
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		s, err := m.GetCPUStats(ctx)
		return err == nil && s.UsageSeconds == 4.2
	})
	d.Set(fixture.Answer{Text: "0::" + ownCgroup + "\n"})
	<-first
}
