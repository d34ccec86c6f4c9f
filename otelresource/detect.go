package otelresource

import (
	"context"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// detect asks where the process runs. The error is of decisive sources that
// were denied or did not answer; what is left is still true.
func detect(ctx context.Context, root hostfs.Root, cfg *Config) (*environ.Info, error) {
	in := environ.Input{Root: root}
	for _, path := range cfg.ContainerPaths {
		if slices.Contains(defaultContainerPaths, path) {
			in.Markers = append(in.Markers, path)
		} else {
			in.UserMarkers = append(in.UserMarkers, path)
		}
	}
	// Under another root nothing of this process says anything about it.
	if root.IsHost() {
		in.Getenv, in.CPUID, in.PID, in.Arch = os.LookupEnv, environ.HostCPUID, os.Getpid(), runtime.GOARCH
		in.Sysctl = environ.HostSysctl
	}
	found, err := environ.Detect(ctx, in)
	if err != nil {
		err = &detectError{err}
	}
	return found, err
}

// detectError is the errors of several files in one line.
type detectError struct{ err error }

func (e *detectError) Error() string { return strings.ReplaceAll(e.err.Error(), "\n", "; ") }

func (e *detectError) Unwrap() error { return e.err }

// environment makes the public form of what was detected.
func environment(found *environ.Info) *EnvironmentInfo {
	info := &EnvironmentInfo{
		Platform: "host", OS: runtime.GOOS, Arch: runtime.GOARCH,
		Kernel: found.Kernel, Hostname: found.Hostname,
	}
	if v := found.Virtualization; v != nil {
		info.Virtualization = &VirtualizationInfo{Type: VirtualizationType(v.Type), Role: v.Role, Vendor: v.Vendor}
		if v.Role == environ.RoleGuest {
			info.Platform = "virtual_machine"
		}
	}
	if c := found.Container; c != nil {
		info.Platform = "container"
		info.Container = &ContainerInfo{
			Runtime: c.Runtime, ID: c.ID, Name: c.Name, Orchestrator: c.Orchestrator,
			PodName: c.PodName, PodUID: c.PodUID, Namespace: c.Namespace,
			ContainerName: c.ContainerName, NodeName: c.NodeName, QOSClass: c.QOSClass, Sandbox: found.Sandbox,
		}
	}
	info.Evidence = make([]Finding, len(found.Findings))
	for i, f := range found.Findings {
		info.Evidence[i] = Finding(f)
	}
	info.Missing = make([]Missing, len(found.Missing))
	for i, f := range found.Missing {
		info.Missing[i] = Missing(f)
	}
	return info
}

// completionLimit bounds how long a dead file system can hold up construction after detection.
const completionLimit = time.Second

// completeEnvironment adds what the collectors know of the environment, of
// which the baseline has read the machine's size.
func (m *Monitor) completeEnvironment(found *environ.Info, memory *sample.Memory, cpu *sample.CPU) {
	ctx, cancel := context.WithTimeout(context.Background(), completionLimit)
	defer cancel()
	if w := m.source.Cgroup(ctx); w != nil && w.Version != "" {
		m.info.Cgroup = &CgroupInfo{
			Version: cgroupVersion(w.Version), Controllers: w.Controllers, Paths: w.Paths, Dirs: w.Dirs,
			Unit: found.Cgroup.Unit, Slice: found.Cgroup.Slice,
		}
	}
	v := m.info.Virtualization
	if v == nil || v.Role != environ.RoleGuest {
		return
	}
	v.Guest = new(GuestInfo)
	if memory != nil {
		v.Guest.MemoryLimit = int64(memory.System.Total.Or(0))
	}
	if cpu != nil {
		v.Guest.CPULimit = float64(cpu.System.Logical.Or(0))
	}
}
