package otelresource_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/resource"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// Each getter, on a machine without a cgroup and in a container, with what it cannot do without denied or missing.
func TestADecisiveFileIsNamed(t *testing.T) {
	type getter func(context.Context, *otelresource.Monitor) error
	memory := func(ctx context.Context, m *otelresource.Monitor) error { _, err := m.GetMemoryStats(ctx); return err }
	cpu := func(ctx context.Context, m *otelresource.Monitor) error { _, err := m.GetCPUStats(ctx); return err }
	disks := func(ctx context.Context, m *otelresource.Monitor) error { _, err := m.GetIOStats(ctx); return err }
	network := func(ctx context.Context, m *otelresource.Monitor) error { _, err := m.GetNetworkStats(ctx); return err }
	limits := func(ctx context.Context, m *otelresource.Monitor) error { _, err := m.GetLimits(ctx); return err }
	const online = "sys/devices/system/cpu/online"
	for _, tt := range []struct {
		name    string
		archive string
		op      string
		get     getter
		files   []string // the first is decisive
		removed []string
	}{
		{"memory of a machine", "host", "GetMemoryStats", memory, []string{"proc/meminfo"}, nil},
		{"CPU of a machine", "host", "GetCPUStats", cpu, []string{"proc/stat", online}, nil},
		{"disks of a machine", "host", "GetIOStats", disks, []string{"proc/diskstats"}, []string{"proc/pressure/io"}},
		{"network of a machine", "host", "GetNetworkStats", network, []string{"proc/self/net/dev"}, nil},
		{"limits of a machine", "host", "GetLimits", limits, []string{"proc/meminfo", "proc/stat", online}, nil},
		{"memory of a container", "docker-v2", "GetMemoryStats", memory, []string{ownDir + "/memory.current"}, nil},
		{"memory of a container, the machine's denied too", "docker-v2", "GetMemoryStats", memory, []string{ownDir + "/memory.current", "proc/meminfo"}, nil},
		{"CPU of a container", "docker-v2", "GetCPUStats", cpu, []string{ownDir + "/cpu.stat"}, nil},
		{"CPU of a container, the machine's denied too", "docker-v2", "GetCPUStats", cpu, []string{ownDir + "/cpu.stat", "proc/stat", online}, []string{ownDir + "/cpu.max"}},
		{"disks of a container", "docker-v2", "GetIOStats", disks, []string{ownDir + "/io.stat"}, []string{ownDir + "/io.pressure"}},
		{"network of a container", "docker-v2", "GetNetworkStats", network, []string{"proc/self/net/dev"}, nil},
		{"memory, membership", "docker-v2", "GetMemoryStats", memory, []string{"proc/self/cgroup"}, nil},
		{"CPU, membership", "docker-v2", "GetCPUStats", cpu, []string{"proc/self/cgroup"}, nil},
		{"disks, membership", "docker-v2", "GetIOStats", disks, []string{"proc/self/cgroup"}, nil},
		{"memory, mounts", "docker-v2", "GetMemoryStats", memory, []string{"proc/self/mountinfo"}, []string{"sys/fs"}},
	} {
		for _, denied := range []bool{true, false} {
			name := tt.name + " missing"
			if denied {
				name = tt.name + " denied"
			}
			t.Run(name, func(t *testing.T) {
				root := fixture.Load(t, "testdata/"+tt.archive+".txtar")
				for _, file := range tt.files {
					if denied {
						root.Serve(file, fixture.Answer{Open: unix.EACCES})
					} else {
						root.Remove(file)
					}
				}
				for _, file := range tt.removed {
					root.Remove(file)
				}
				err := tt.get(t.Context(), monitorOn(t, root))
				var own *otelresource.Error
				if !errors.As(err, &own) {
					t.Fatalf("got %v, want an *Error", err)
				}
				if got, want := own.Path, root.Dir()+"/"+tt.files[0]; got != want && !(tt.op == "GetNetworkStats" && strings.HasSuffix(got, "/proc/net/dev")) {
					t.Errorf("got path %q, want %q", got, want)
				}
				if own.Op != tt.op {
					t.Errorf("got op %q, want %q", own.Op, tt.op)
				}
				cause, permissions := fs.ErrNotExist, false
				if denied {
					cause, permissions = fs.ErrPermission, true
				}
				if !errors.Is(err, cause) || errors.Is(err, otelresource.ErrInsufficientPerms) != permissions {
					t.Errorf("got %v, want %v", err, cause)
				}
				if tt.archive == "host" && errors.Is(err, otelresource.ErrCgroupNotFound) {
					t.Errorf("got %v of a machine without a cgroup", err)
				}
				if text := err.Error(); strings.Contains(text, "\n") || strings.Count(text, own.Path) != 1 || !strings.HasPrefix(text, "otelresource: "+tt.op+" "+own.Path+": ") {
					t.Errorf("got text %q, want one line: op path: cause", text)
				}
			})
		}
	}
}

func TestADetectorsErrorIsOneLine(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	files := []string{"proc/self/cgroup", "proc/self/mountinfo"}
	for _, file := range files {
		root.Serve(file, fixture.Answer{Open: unix.EACCES})
	}
	_, err := otelresource.NewDetector(otelresource.WithRootFS(root.Dir())).Detect(t.Context())
	if !errors.Is(err, resource.ErrPartialResource) || !errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %q, want one line that wraps %v and %v", err, resource.ErrPartialResource, fs.ErrPermission)
	}
	for _, file := range files {
		if err == nil || !strings.Contains(err.Error(), "/"+file) {
			t.Errorf("got %v, want the name of %s", err, file)
		}
	}
}
