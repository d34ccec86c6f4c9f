package cgroup_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/fixture"
)

func dirs(levels []cgroup.Level) []string {
	var all []string
	for _, l := range levels {
		all = append(all, l.Dir)
	}
	return all
}

// The files tell the real root from a private namespace's, the path does not (F1).
func TestDropRealRoot(t *testing.T) {
	for _, c := range []struct {
		name    string
		archive string
		version cgroup.Version
		levels  []string
		want    []string
	}{
		{"v2 real root", "-- cg/cpu.stat --\n-- cg/a/cgroup.type --\ndomain\n", cgroup.V2, []string{"/cg/a", "/cg"}, []string{"/cg/a"}},
		{"v2 process in the real root", "-- cg/cpu.stat --\n", cgroup.V2, []string{"/cg"}, nil},
		{"v2 private namespace", "-- cg/cgroup.type --\ndomain\n", cgroup.V2, []string{"/cg"}, []string{"/cg"}},
		{"v2 before cgroup.type (4.14)", "-- cg/cgroup.events --\npopulated 1\n", cgroup.V2, []string{"/cg/a", "/cg"}, []string{"/cg/a", "/cg"}},
		{"v1 real root", "-- cg/release_agent --\n-- cg/a/tasks --\n", cgroup.V1, []string{"/cg/a", "/cg"}, []string{"/cg/a"}},
		{"v1 private namespace", "-- cg/tasks --\n", cgroup.V1, []string{"/cg"}, []string{"/cg"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := &cgroup.Location{Version: c.version}
			for _, d := range c.levels {
				l.Levels = append(l.Levels, cgroup.Level{Dir: d})
			}
			if got := dirs(l.DropRealRoot(fixture.Unpack(t, c.archive).Hostfs())); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestDiscoverLooksWhereTheConfigurationSays(t *testing.T) {
	root := fixture.Unpack(t, `
-- hybrid/unified/cgroup.controllers --
-- hybrid/memory/cgroup.procs --
-- hybrid/cpu,cpuacct/cgroup.procs --
-- hybrid/systemd/cgroup.procs --
-- hybrid/pids/ --
-- hybrid/cpu -> cpu,cpuacct --
-- v2/cgroup.controllers --
cpu memory
-- v2/memory.stat --
`).Hostfs()
	got := cgroup.Discover(root, []string{"/hybrid", "/v2", "/missing"})
	want := []cgroup.Mount{
		{Root: "/", Point: "/hybrid/unified", Type: "cgroup2"},
		{Root: "/", Point: "/hybrid/cpu", Type: "cgroup", Options: []string{"cpu"}},
		{Root: "/", Point: "/hybrid/cpu,cpuacct", Type: "cgroup", Options: []string{"cpu", "cpuacct"}},
		{Root: "/", Point: "/hybrid/memory", Type: "cgroup", Options: []string{"memory"}},
		{Root: "/", Point: "/v2", Type: "cgroup2"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v,\nwant %+v", got, want)
	}
}

func TestParseControllersSkipsThoseSwitchedOff(t *testing.T) {
	got := cgroup.ParseControllers([]byte("#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpuset\t3\t1\t1\nmemory\t0\t5\t0\n\nbroken\npids\t8\t1\t1"))
	if want := []string{"cpuset", "pids"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
