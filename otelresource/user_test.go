package otelresource_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// What users write must go on compiling, word for word.

func userPrintsMemory(ctx context.Context, monitor otelresource.ResourceMonitor) (string, error) {
	stats, err := monitor.GetMemoryStats(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d MB used of %d MB", stats.UsageBytes/1024/1024, stats.LimitBytes/1024/1024), nil
}

func userBranches(info *otelresource.EnvironmentInfo) string {
	if info.Virtualization != nil && info.Virtualization.Type == otelresource.VirtualizationTypeVZ {
		return fmt.Sprint("vz ", info.Virtualization.Guest.MemoryLimit, info.Virtualization.Guest.CPULimit)
	}
	if info.Container != nil && info.Container.Orchestrator == "kubernetes" {
		return "pod " + info.Container.PodName
	}
	return "elsewhere"
}

func userRecovers(err error) string {
	switch {
	case errors.Is(err, otelresource.ErrUnsupportedPlatform):
		return "unsupported"
	case errors.Is(err, otelresource.ErrContainerNotFound):
		return "no container"
	case errors.Is(err, otelresource.ErrCgroupNotFound):
		return "no cgroup"
	case errors.Is(err, otelresource.ErrInsufficientPerms):
		return "denied"
	case errors.Is(err, otelresource.ErrClosed):
		return "closed"
	}
	return "other"
}

func TestTheUsersSnippetsRun(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"))
	if got, err := userPrintsMemory(t.Context(), m); got != "256 MB used of 512 MB" {
		t.Errorf("%q, %v", got, err)
	}
	if got := userBranches(m.GetEnvironmentInfo()); got != "elsewhere" {
		t.Error(got)
	}
	if !m.IsContainerized() {
		t.Error("not containerized")
	}
	for environment, want := range map[string]string{"vm-vz-efi": "vz 4096000000 4", "k8s-guaranteed-systemd": "pod cart-7d9c5b6f4-x2k8p"} {
		root := fixture.Load(t, "../internal/environ/testdata/"+environment+".txtar")
		root.Write("proc/meminfo", "MemTotal: 4000000 kB\nMemFree: 3000000 kB\nMemAvailable: 3500000 kB\n")
		root.Write("sys/devices/system/cpu/online", "0-3\n")
		root.Write("proc/stat", "cpu  1 0 1 1 0 0 0 0 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 0 0 0 0 0 0 0 0 0 0\ncpu2 0 0 0 0 0 0 0 0 0 0\ncpu3 0 0 0 0 0 0 0 0 0 0\n")
		m := monitorOn(t, root)
		if got := userBranches(m.GetEnvironmentInfo()); got != want {
			t.Errorf("%s: %q", environment, got)
		}
	}
	for cause, want := range map[error]string{
		otelresource.ErrUnsupportedPlatform: "unsupported",
		otelresource.ErrContainerNotFound:   "no container",
		otelresource.ErrCgroupNotFound:      "no cgroup",
		otelresource.ErrInsufficientPerms:   "denied",
		otelresource.ErrClosed:              "closed",
		fs.ErrNotExist:                      "other",
	} {
		if got := userRecovers(&otelresource.Error{Op: "x", Err: cause}); got != want {
			t.Errorf("%v: %q", cause, got)
		}
	}
}

func TestMonitorOfThisMachine(t *testing.T) {
	m, err := otelresource.NewResourceMonitor()
	if errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Skip("there are no collectors for this operating system")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = m.Close() }()
	configured, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{
		UpdateInterval: 5 * time.Second, EnableCaching: true, EnableDetailedIO: true, EnableDetailedNetwork: true,
		ContainerPaths: []string{"/.dockerenv", "/proc/1/cgroup"}, CgroupPaths: []string{"/sys/fs/cgroup"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = configured.Close() }()
	if got, want := configured.GetEnvironmentInfo().OS, runtime.GOOS; got != want {
		t.Errorf("OS %q", got)
	}
	mem, cpu := memoryOf(t, m), cpuOf(t, m)
	if mem.UsageBytes <= 0 || mem.LimitBytes < mem.UsageBytes/2 || mem.LimitSource == "" {
		t.Errorf("memory %+v", mem)
	}
	if cpu.UsageSeconds <= 0 || cpu.LimitCores <= 0 || cpu.AvailableCores < 1 || cpu.LimitSource == "" {
		t.Errorf("cpu %+v", cpu)
	}
	manager, err := otelresource.NewCgroupManager()
	if errors.Is(err, otelresource.ErrCgroupNotFound) {
		t.Skip("no cgroup is mounted here")
	}
	if err != nil || manager.GetVersion() == otelresource.CgroupUnknown || len(manager.GetControllers()) == 0 {
		t.Errorf("%v, %v", manager, err)
	}
}
