package otelresource_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/resource"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestTheMachinesSizeIsNoLimitOfAContainerThatCannotBeRead(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Remove("sys/fs/cgroup")
	i, reader := started(t, root)
	if !i.Monitor().IsContainerized() {
		t.Fatal("not a container")
	}
	points, _ := emitted(collect(t, reader))
	for name, v := range points {
		if strings.HasPrefix(name, "container.memory") || strings.HasPrefix(name, "container.cpu") {
			t.Errorf("%s %v", name, v)
		}
	}
}

func TestWhatAnImpatientReaderGotIsNotCached(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Write(ownDir+"/memory.max", "68719476736\n") // 64 GiB on a machine of 1 GiB
	root.Write(ownDir+"/memory.high", "max\n")
	root.Write("sys/fs/cgroup/work.slice/memory.max", "max\n")
	const text = "MemTotal: 1048576 kB\nMemFree: 1 kB\nMemAvailable: 524288 kB\n"
	root.Replace("proc/self/mountinfo", "31 1", "29 1 0:60 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n31 1")
	d, _ := root.Serve("proc/meminfo", fixture.Answer{Text: text})
	m := monitorOn(t, root, every(20*time.Second))
	d.Set(fixture.Answer{Silent: true})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := m.GetMemoryStats(ctx)
	t.Log("the impatient reader:", err)
	d.Set(fixture.Answer{Text: text}) // LXCFS answers again
	time.Sleep(100 * time.Millisecond)
	if s := memoryOf(t, m); s.LimitBytes != 1<<30 || s.AvailableBytes != 512<<20 {
		t.Errorf("for 20 s, a patient reader gets a limit of %d MiB, %d MiB available", s.LimitBytes>>20, s.AvailableBytes>>20)
	}
}

func TestAMoveShowsWithinTheInterval(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	const other = "sys/fs/cgroup/work.slice/other.scope"
	for _, name := range []string{"cgroup.type", "memory.current", "memory.max", "memory.stat", "cpu.stat", "cpu.max"} {
		b, err := os.ReadFile(root.Dir() + "/" + ownDir + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		root.Write(other+"/"+name, string(b))
	}
	root.Write(other+"/cpu.max", "1000 100000\n")
	const interval = 2 * time.Second
	m := monitorOn(t, root, every(interval))
	time.Sleep(interval + 100*time.Millisecond)
	memoryOf(t, m) // looks where the process is
	root.Write("proc/self/cgroup", "0::/work.slice/other.scope\n")
	moved := time.Now()
	time.Sleep(interval - 100*time.Millisecond)
	for cpuOf(t, m).LimitCgroup != "/work.slice/other.scope" {
		if time.Since(moved) > 5*interval {
			t.Fatal("never")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if took := time.Since(moved); took > interval+250*time.Millisecond {
		t.Errorf("the move shows after %v, UpdateInterval is %v", took, interval)
	}
}

func TestADetectorWithAMonitorTellsWhatWasDenied(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Serve("proc/self/mountinfo", fixture.Answer{Open: unix.EACCES})
	m := monitorOn(t, root)
	if _, err := otelresource.NewDetector(otelresource.WithDetectorMonitor(m)).Detect(t.Context()); !errors.Is(err, resource.ErrPartialResource) {
		t.Error(err)
	}
	both := otelresource.NewDetector(otelresource.WithDetectorMonitor(m), otelresource.WithRootFS(root.Dir()))
	if _, err := both.Detect(t.Context()); err == nil {
		t.Error("a monitor and another root are no contradiction")
	}
}
