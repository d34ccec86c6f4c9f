package otelresource_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// Each case takes something away from a container. What is left is still
// reported, what is gone has no point, and a cause, where it is one, is in the log once and counted.
func TestEachLossLeavesTheRest(t *testing.T) {
	errors := func(source, kind string) string {
		return "otelresource.source.errors{error.type=" + kind + ",otelresource.source=" + source + "}"
	}
	for name, c := range map[string]struct {
		take       func(*testing.T, *fixture.Root)
		gone, left []string
		cause      string // the point of source.errors; "": an absence, which is no failure
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
			cause: errors("meminfo", "malformed"),
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
			gone: []string{"container.memory.usage{}", "container.memory.working_set{}", "container.memory.linux.pressure.time{otelresource.pressure.stall=some}"},
			left: []string{"container.memory.limit{}", "container.cpu.time{cpu.mode=user}", "container.pids.count{}"}, // the parent still limits
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
			cause: errors("cpu.stat", "not_regular"),
		},
		"a file that is denied": {
			take: func(t *testing.T, r *fixture.Root) {
				if os.Getuid() == 0 {
					t.Skip("the kernel denies root nothing")
				}
				r.Mode(ownDir+"/memory.stat", 0)
			},
			gone:  []string{"container.memory.working_set{}", "container.memory.rss{}"},
			left:  []string{"container.memory.usage{}", "container.memory.limit{}"},
			cause: errors("memory.stat", "permission_denied"),
		},
	} {
		t.Run(name, func(t *testing.T) {
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
