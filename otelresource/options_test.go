package otelresource_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// Whose numbers are measured where nobody says so.
func TestDefaultScopes(t *testing.T) {
	const service = `
-- proc/self/cgroup --
0::/system.slice/app.service
-- proc/self/mountinfo --
30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw
-- proc/meminfo --
MemTotal: 8192000 kB
MemAvailable: 5120000 kB
-- proc/stat --
cpu  1000 50 300 8000 20 4 6 10 0 0
-- sys/devices/system/cpu/online --
0-1
-- sys/fs/cgroup/system.slice/app.service/cgroup.type --
domain
-- sys/fs/cgroup/system.slice/app.service/memory.current --
1048576
-- sys/fs/cgroup/system.slice/app.service/cpu.stat --
usage_usec 5000000
user_usec 4000000
system_usec 1000000
`
	container, system := otelresource.ScopeContainer, otelresource.ScopeSystem
	for name, c := range map[string]struct {
		root *fixture.Root
		want []otelresource.Scope
	}{
		"a container":                  {fixture.Load(t, "testdata/docker-v2.txtar"), []otelresource.Scope{container}},
		"a machine":                    {fixture.Load(t, "testdata/host.txtar"), []otelresource.Scope{system}},
		"a service without limits":     {fixture.Unpack(t, service), []otelresource.Scope{system}},
		"a service whose memory binds": {fixture.Unpack(t, service+"-- sys/fs/cgroup/system.slice/memory.max --\n268435456\n"), []otelresource.Scope{container, system}},
		"a service whose quota binds":  {fixture.Unpack(t, service+"-- sys/fs/cgroup/system.slice/cpu.max --\n50000 100000\n"), []otelresource.Scope{container, system}},
		"a limit above the machine":    {fixture.Unpack(t, service+"-- sys/fs/cgroup/system.slice/memory.max --\n99999999999999\n"), []otelresource.Scope{system}},
	} {
		t.Run(name, func(t *testing.T) {
			i, reader := started(t, c.root)
			if got := i.Scopes(); !slices.Equal(got, c.want) {
				t.Errorf("scopes %v, want %v", got, c.want)
			}
			_, shapes := emitted(collect(t, reader))
			for scope, prefix := range map[otelresource.Scope]string{container: "container.", system: "system.", otelresource.ScopeProcess: "process."} {
				there := slices.ContainsFunc(names(shapes), func(name string) bool { return strings.HasPrefix(name, prefix) })
				if there != slices.Contains(c.want, scope) {
					t.Errorf("%s metrics: %v", scope, there)
				}
			}
		})
	}
}

func names(shapes map[string]shape) []string {
	var all []string
	for name := range shapes {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// WithUtilization adds the rows that the table marks so, and nothing else.
func TestUtilizationIsOptIn(t *testing.T) {
	for _, name := range []string{"docker-v2", "host"} {
		collected := func(opts ...otelresource.Option) []string {
			root := fixture.Load(t, "testdata/"+name+".txtar")
			opts = append(opts, otelresource.WithScopes(map[string]otelresource.Scope{
				"docker-v2": otelresource.ScopeContainer, "host": otelresource.ScopeSystem,
			}[name]))
			_, reader := started(t, root, opts...)
			collect(t, reader)
			time.Sleep(120 * time.Millisecond) // the window of CPU usage
			root.Replace("proc/stat", "cpu  1000", "cpu  1010")
			collect(t, reader)
			_, shapes := emitted(collect(t, reader))
			return names(shapes)
		}
		without, with := collected(), collected(otelresource.WithUtilization())
		added := slices.DeleteFunc(slices.Clone(with), func(name string) bool { return slices.Contains(without, name) })
		var want []string
		for metric, m := range table() {
			// The link's share also needs the details.
			if m.OptIn == instruments.WithUtilization && metric != "system.network.bandwidth.utilization" &&
				m.Scope.String() == map[string]string{"docker-v2": "container", "host": "system"}[name] {
				want = append(want, metric)
			}
		}
		slices.Sort(want)
		if d := cmp.Diff(want, added); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if len(want) == 0 || len(without)+len(want) != len(with) {
			t.Errorf("%s: %d metrics, %d with utilization", name, len(without), len(with))
		}
	}
}

func TestPerCPUGivesEachCPUItsSeries(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	_, reader := started(t, root, otelresource.WithPerCPU())
	root.Write("proc/stat", "cpu  1010 50 300 8050 20 4 6 10 400 5\ncpu0 610 30 200 3900 10 2 3 5 200 3\ncpu1 400 20 100 4150 10 2 3 5 200 2\n")
	points, _ := emitted(collect(t, reader))
	for key, want := range map[string]float64{
		"system.cpu.time{cpu.logical_number=0,cpu.mode=user}": 0.1,
		"system.cpu.time{cpu.logical_number=1,cpu.mode=idle}": 0.5,
	} {
		if got, ok := points[key]; !ok || got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if _, ok := points["system.cpu.time{cpu.mode=user}"]; ok {
		t.Error("the total is there as well: sums over the CPUs would count twice")
	}
}

// Nobody measures a single CPU of gVisor, whose own is the total (X2).
func TestPerCPUWithoutCPUsLeavesTheTotal(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	root.Write("proc/stat", "cpu  1000 50 300 8000 20 4 6 10 400 5\n")
	_, reader := started(t, root, otelresource.WithPerCPU())
	root.Write("proc/stat", "cpu  1010 50 300 8000 20 4 6 10 400 5\n")
	points, _ := emitted(collect(t, reader))
	if got := points["system.cpu.time{cpu.mode=user}"]; got != 0.1 {
		t.Errorf("user %v, want 0.1: %v", got, points)
	}

	// CPUs that are not listed for a moment are no reason for a total beside them.
	root = fixture.Load(t, "testdata/host.txtar")
	_, reader = started(t, root, otelresource.WithPerCPU())
	collect(t, reader)
	root.Write("proc/stat", "cpu  1000 50 300 8000 20 4 6 10 400 5\n")
	if points, _ = emitted(collect(t, reader)); points["system.cpu.time{cpu.mode=user}"] != 0 {
		t.Errorf("a total after its CPUs: %v", points)
	}
}

// defaultSeries is the most that the rows can have without an option: of a
// limit's sources, one at a time is true.
func defaultSeries[S any](rows []instruments.Row[S], scopes map[string]int) {
	for _, row := range rows {
		if row.OptIn != instruments.Always {
			continue
		}
		seen := map[string]bool{}
		for _, s := range row.Series {
			set := attribute.NewSet(slices.DeleteFunc(slices.Clone(s.Attributes), func(kv attribute.KeyValue) bool {
				return kv.Key == "otelresource.limit.source"
			})...)
			seen[set.Encoded(attribute.DefaultEncoder())] = true
		}
		scopes[row.Scope.String()] += len(seen)
	}
}

// The most that the table allows is bounded, and a machine that has everything reaches it.
func TestDefaultSeriesStayBounded(t *testing.T) {
	most := map[string]int{}
	defaultSeries(instruments.Memory(), most)
	defaultSeries(instruments.Paging(), most)
	defaultSeries(instruments.CPU(), most)
	defaultSeries(instruments.IO(), most)
	defaultSeries(instruments.Network(), most)
	for name, scope := range map[string]otelresource.Scope{"docker-v2": otelresource.ScopeContainer, "host": otelresource.ScopeSystem} {
		if n := most[string(scope)]; n > 50 || n < 30 {
			t.Errorf("the table has %d series of the scope %s, at most 50 were promised", n, scope)
		}
		_, reader := started(t, fixture.Load(t, "testdata/"+name+".txtar"), otelresource.WithScopes(scope))
		want := most[string(scope)]
		if scope == otelresource.ScopeSystem {
			want -= 2 // no kernel has them: "full" of a whole machine's CPUs, "some" of interrupts (P3)
		}
		if points, _ := emitted(collect(t, reader)); len(points) != want {
			t.Errorf("%s: %d series, want %d", name, len(points), want)
		}
	}
}
