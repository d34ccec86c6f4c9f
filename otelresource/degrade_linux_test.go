package otelresource_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// Each case takes something away from a container. What is left is still
// reported, what is gone has no point, and a cause, where it is one, is in the log once and counted.
func TestEachLossLeavesTheRest(t *testing.T) {
	failure := func(source, kind string) string {
		return "otelresource.source.errors{error.type=" + kind + ",otelresource.source=" + source + "}"
	}
	for name, c := range map[string]struct {
		take       func(*testing.T, *fixture.Root)
		gone, left []string
		cause      string // the point of source.errors; "": an absence, which is no failure
		user       bool   // root is denied nothing
	}{
		"LXCFS shows a size of its own": {
			take: func(_ *testing.T, r *fixture.Root) {
				r.Write("proc/meminfo", "MemTotal: 524288 kB\nMemFree: 1 kB\nMemAvailable: 262144 kB\n")
				r.Replace("proc/self/mountinfo", "31 1", "29 1 0:60 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n31 1")
			},
			left: []string{
				"container.memory.limit{}", "system.memory.limit{}",
				"otelresource.limit.info{otelresource.limit.resource=memory,otelresource.limit.source=cgroup_v2}",
			},
		},
		"/proc/meminfo holds something else": {
			take:  func(_ *testing.T, r *fixture.Root) { r.Write("proc/meminfo", "nothing to see\n") },
			gone:  []string{"system.memory.limit{}", "system.memory.usage{system.memory.state=used}"},
			left:  []string{"container.memory.usage{}", "container.memory.limit{}", "system.uptime{}"},
			cause: failure("meminfo", "malformed"),
		},
		"/sys is masked": {
			take: func(_ *testing.T, r *fixture.Root) { r.Remove("sys/devices") },
			left: []string{"system.cpu.logical.count{}", "container.cpu.limit{}", "container.memory.usage{}"},
		},
		"all of /sys is masked": {
			take:  func(_ *testing.T, r *fixture.Root) { r.Remove("sys") },
			gone:  []string{"container.memory.usage{}", "container.cpu.time{cpu.mode=user}", "container.pids.count{}"},
			left:  []string{"system.cpu.logical.count{}", "system.memory.limit{}", "container.uptime{}"},
			cause: "",
		},
		"no memory controller": {
			take: func(t *testing.T, r *fixture.Root) {
				files, err := filepath.Glob(filepath.Join(r.Dir(), ownDir, "memory.*"))
				if err != nil || len(files) == 0 {
					t.Fatal(files, err)
				}
				for _, f := range files {
					r.Remove(ownDir + "/" + filepath.Base(f))
				}
			},
			gone: []string{"container.memory.linux.pressure.time{otelresource.pressure.stall=some}"},
			left: []string{"container.memory.limit{}", "container.memory.usage{}", "container.cpu.time{cpu.mode=user}", "container.pids.count{}"}, // the parent still limits, and is charged
		},
		"a file that is no file": {
			take: func(t *testing.T, r *fixture.Root) {
				r.Remove(ownDir + "/cpu.stat")
				if err := unix.Mkfifo(filepath.Join(r.Dir(), ownDir, "cpu.stat"), 0o644); err != nil {
					t.Skip(err)
				}
			},
			gone:  []string{"container.cpu.time{cpu.mode=user}"},
			left:  []string{"container.cpu.limit{}", "container.memory.usage{}"},
			cause: failure("cpu.stat", "not_regular"),
		},
		"a file that is denied": {
			take: func(t *testing.T, r *fixture.Root) {
				r.Mode(ownDir+"/memory.stat", 0)
			},
			user:  true,
			gone:  []string{"container.memory.working_set{}", "container.memory.rss{}"},
			left:  []string{"container.memory.usage{}", "container.memory.limit{}"},
			cause: failure("memory.stat", "permission_denied"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			if c.user && os.Getuid() == 0 {
				asUser(t)
				return
			}
			root := fixture.Load(t, "testdata/docker-v2.txtar")
			c.take(t, root)
			var log bytes.Buffer
			m := monitorOn(t, root, uncached, func(config *otelresource.Config) { config.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			reader := metric.NewManualReader()
			i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))),
				otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem))
			if err != nil {
				t.Fatal(err)
			}
			collect(t, reader)
			collect(t, reader)
			points, _ := emitted(collect(t, reader))
			if err := i.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			for _, p := range c.gone {
				if v, ok := points[p]; ok {
					t.Errorf("%s is %v", p, v)
				}
			}
			for _, p := range c.left {
				if _, ok := points[p]; !ok {
					t.Errorf("no %s", p)
				}
			}
			counted := 0
			for p := range points {
				if strings.HasPrefix(p, "otelresource.source.errors") {
					counted++
				}
			}
			lines := strings.Count(log.String(), "cannot read a source")
			if c.cause == "" {
				if counted+lines > 0 {
					t.Errorf("an absence is taken for a failure: %v\n%s", points, log.String())
				}
				return
			}
			if points[c.cause] < 2 || counted != 1 || lines != 1 {
				t.Errorf("%s is %v, %d causes are counted, %d logged:\n%s", c.cause, points[c.cause], counted, lines, log.String())
			}
		})
	}
}

// asUser runs the test again in a process that is not root: in a user namespace
// where the owner of the files has no capabilities, it is denied what their modes deny.
func asUser(t *testing.T) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(t.Name(), "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(p) + "$"
	}
	cmd := exec.CommandContext(t.Context(), exe, "-test.v", "-test.run="+strings.Join(parts, "/"))
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 65534, HostID: 0, Size: 1}},
		Credential:  &syscall.Credential{Uid: 65534, Gid: 65534, NoSetGroups: true},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		t.Skipf("the kernel denies root nothing, and no user namespace can be made: %v", err)
	case err != nil:
		t.Errorf("as a user: %v\n%s", err, out)
	case !strings.Contains(string(out), "--- PASS: "+t.Name()+" "):
		t.Errorf("it did not run as a user:\n%s", out)
	}
}
