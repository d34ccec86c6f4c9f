package otelresource_test

import (
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// place is a line of environments.txt.
type place struct{ version, dir string }

func places(t *testing.T) map[string]place {
	t.Helper()
	b, err := os.ReadFile("testdata/environments.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]place{}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] != "#" {
			all[f[0]] = place{f[1], f[2]}
		}
	}
	return all
}

// setLimits gives a cgroup of a fake root 64 MiB of usage, the memory limit and half a CPU.
func setLimits(root *fixture.Root, version, dir, memory string) {
	files := map[string]string{
		"cgroup.type": "domain\n", "memory.current": "67108864\n", "memory.max": memory + "\n", "cpu.max": "50000 100000\n",
		"memory.stat": "anon 1000\ninactive_file 2000\n", "cpu.stat": "usage_usec 5\nuser_usec 3\nsystem_usec 2\n",
	}
	if version == "v1" {
		files = map[string]string{
			"memory.usage_in_bytes": "67108864\n", "memory.limit_in_bytes": memory + "\n",
			"memory.stat": "total_rss 1000\ntotal_inactive_file 2000\n",
		}
	}
	for name, text := range files {
		root.Write(dir+"/"+name, text)
	}
}

// TestEffectiveLimitsInEveryEnvironment sets a limit where each environment
// has the process, and a lower one on the parent where that is visible.
func TestEffectiveLimitsInEveryEnvironment(t *testing.T) {
	all := places(t)
	archives, err := filepath.Glob("../internal/environ/testdata/*.txtar")
	if err != nil || len(archives) < 40 {
		t.Fatalf("%d environments, %v", len(archives), err)
	}
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		t.Run(name, func(t *testing.T) {
			where, ok := all[name]
			if !ok {
				t.Fatal("environments.txt has no line for it")
			}
			root := fixture.Load(t, archive)
			root.Write("proc/meminfo", "MemTotal: 8388608 kB\nMemFree: 100 kB\nMemAvailable: 4194304 kB\n")
			if where.version == "none" {
				unseen(t, root)
				return
			}
			setLimits(root, where.version, where.dir, "268435456")
			limit, setter := int64(268435456), where.dir
			if parent := path.Dir(where.dir); parent != "/sys/fs/cgroup" && parent != "/sys/fs" && path.Base(where.dir) != "memory" {
				setLimits(root, where.version, parent, "134217728")
				limit, setter = 134217728, parent
			}
			s := memoryOf(t, monitorOn(t, root))
			if s.Scope != otelresource.ScopeContainer || s.UsageBytes != 67108864 || s.LimitBytes != limit ||
				path.Dir(s.LimitFile) != root.Dir()+setter || string(s.LimitSource) != "cgroup_"+where.version {
				t.Errorf("%d of %d, set by %s %s; want %d of %d, set in %s", s.UsageBytes, s.LimitBytes, s.LimitSource, s.LimitFile, 67108864, limit, setter)
			}
		})
	}
	if len(all) != len(archives) {
		t.Errorf("environments.txt has %d lines for %d environments", len(all), len(archives))
	}
}

// unseen holds a process whose cgroup it cannot see to the machine's numbers,
// and one in a container to none.
func unseen(t *testing.T, root *fixture.Root) {
	t.Helper()
	// What lies at the usual place belongs to somebody else.
	setLimits(root, "v1", "/sys/fs/cgroup/memory/other", "1000")
	m := monitorOn(t, root)
	s, err := m.GetMemoryStats(t.Context())
	if m.IsContainerized() {
		if !errors.Is(err, otelresource.ErrCgroupNotFound) {
			t.Errorf("in a container without a visible cgroup: %+v, %v", s, err)
		}
		return
	}
	if err != nil || s.Scope != otelresource.ScopeSystem || s.LimitBytes != 8<<30 ||
		s.LimitSource != otelresource.LimitSourceHost && s.LimitSource != otelresource.LimitSourceVirtualization {
		t.Errorf("%+v, %v", s, err)
	}
}
