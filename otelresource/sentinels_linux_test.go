package otelresource_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// TestSentinelsSayWhatWhereAndWhy reaches each cause that callers tell apart by the case
// that its documentation gives it, and holds its message to what somebody needs who reads it in a log.
func TestSentinelsSayWhatWhereAndWhy(t *testing.T) {
	container := func(t *testing.T) *fixture.Root { return fixture.Load(t, "testdata/every-file-v2.txtar") }
	own := "sys/fs/cgroup/work.slice/docker-" + ownID + ".scope"
	for _, tt := range []struct {
		name string
		err  func(*testing.T) error
		is   error
		op   string
		path string   // of the *Error
		text []string // in the message
	}{
		{"a container of which no cgroup is mounted", func(t *testing.T) error {
			root := container(t)
			root.Write("proc/self/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n")
			root.Remove("sys/fs/cgroup")
			_, err := monitorOn(t, root).GetMemoryStats(t.Context())
			return err
		}, otelresource.ErrCgroupNotFound, "GetMemoryStats", "", []string{"cgroup not found", "/proc/self/mountinfo", "no cgroup file system"}},
		{"a container whose usage cannot be read", func(t *testing.T) error {
			root := container(t)
			root.Remove(own + "/memory.current")
			_, err := monitorOn(t, root).GetMemoryStats(t.Context())
			return err
		}, otelresource.ErrCgroupNotFound, "GetMemoryStats", own + "/memory.current", []string{"cgroup not found", "no such file"}},
		{"a decisive file that is denied", func(t *testing.T) error {
			root := container(t)
			root.Serve(own+"/cpu.stat", fixture.Answer{Open: unix.EACCES})
			_, err := monitorOn(t, root).GetCPUStats(t.Context())
			return err
		}, otelresource.ErrInsufficientPerms, "GetCPUStats", own + "/cpu.stat", []string{"insufficient permissions", "permission denied"}},
		{"a container scope without a container", func(t *testing.T) error {
			_, err := otelresource.Start(otelresource.WithScopes(otelresource.ScopeContainer),
				otelresource.WithMonitor(monitorOn(t, fixture.Load(t, "testdata/host.txtar"))),
				otelresource.WithMeterProvider(metric.NewMeterProvider()))
			return err
		}, otelresource.ErrContainerNotFound, "Start", "", []string{"not in a container or cgroup"}},
		{"a monitor that is closed", func(t *testing.T) error {
			m := monitorOn(t, container(t))
			_ = m.Close()
			_, err := m.GetIOStats(t.Context())
			return err
		}, otelresource.ErrClosed, "GetIOStats", "", []string{"monitor is closed"}},
		{"a context that is over", func(t *testing.T) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err := monitorOn(t, container(t)).GetNetworkStats(ctx)
			return err
		}, context.Canceled, "GetNetworkStats", "", []string{"canceled"}},
		{"a root that is not there", func(*testing.T) error {
			_, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{RootFS: "/no/such/folder"})
			return err
		}, fs.ErrNotExist, "NewResourceMonitorWithConfig", "/no/such/folder", []string{"no such file or directory"}},
		{"a second Start", func(t *testing.T) error {
			m, provider := monitorOn(t, container(t)), metric.NewMeterProvider()
			i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(provider))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = i.Shutdown(context.Background()) }()
			_, err = otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(provider))
			return err
		}, nil, "Start", "", []string{"already started on this MeterProvider", "Shutdown the first or share its monitor"}},
		{"a negative interval", func(*testing.T) error {
			_, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{UpdateInterval: -1})
			return err
		}, nil, "NewResourceMonitorWithConfig", "", []string{"UpdateInterval"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.err(t)
			if err == nil || tt.is != nil && !errors.Is(err, tt.is) {
				t.Fatalf("%v, want %v", err, tt.is)
			}
			var e *otelresource.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T is no *Error", err)
			}
			if e.Op != tt.op || !strings.HasSuffix(e.Path, tt.path) {
				t.Errorf("Op %q, Path %q; want %q, %q", e.Op, e.Path, tt.op, tt.path)
			}
			for _, part := range append(tt.text, "otelresource: "+tt.op) {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
}
