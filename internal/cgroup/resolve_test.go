package cgroup

import (
	"errors"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func newTree(self string, mounts ...string) *Tree {
	return &Tree{
		Self:   ParseSelf([]byte(self)),
		Mounts: slices.Collect(Mounts([]byte(strings.Join(mounts, "\n")))),
	}
}

const v2Root = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"

func TestResolve(t *testing.T) {
	for _, c := range []struct {
		name, self string
		mounts     []string
		controller string
		version    Version
		levels     []Level // nil: unresolved
	}{
		{
			name: "v2, the whole tree visible (R8, R10a)", self: "0::/app.slice/w.service\n", mounts: []string{v2Root}, controller: "memory",
			version: V2, levels: []Level{
				{"/sys/fs/cgroup/app.slice/w.service", "/app.slice/w.service"}, {"/sys/fs/cgroup/app.slice", "/app.slice"}, {"/sys/fs/cgroup", "/"},
			},
		},
		{
			name: "private namespace: the mount point is the own cgroup (F1)", self: "0::/\n", mounts: []string{v2Root}, controller: "memory",
			version: V2, levels: []Level{{"/sys/fs/cgroup", "/"}},
		},
		{
			name: "the mount's root is stripped (F2)", self: "0::/docker/a/b\n",
			mounts:     []string{"30 23 0:26 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw"},
			controller: "cpu", version: V2,
			levels: []Level{{"/sys/fs/cgroup/b", "/docker/a/b"}, {"/sys/fs/cgroup", "/docker/a"}},
		},
		{
			name: "the mount's root is the own cgroup", self: "0::/docker/a\n",
			mounts:     []string{"30 23 0:26 /docker/a /sys/fs/cgroup ro - cgroup2 cgroup rw"},
			controller: "cpu", version: V2, levels: []Level{{"/sys/fs/cgroup", "/docker/a"}},
		},
		{
			name: "a prefix of the name is no parent (F2)", self: "0::/srv-old/x\n",
			mounts: []string{"30 23 0:26 /srv /sys/fs/cgroup rw - cgroup2 cgroup2 rw"}, controller: "memory",
		},
		{
			name: "equal leading .. are stripped (F3)", self: "0::/../../user.slice/job.scope\n",
			mounts:     []string{"30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw"},
			controller: "memory", version: V2, levels: []Level{
				{"/sys/fs/cgroup/user.slice/job.scope", "/../../user.slice/job.scope"},
				{"/sys/fs/cgroup/user.slice", "/../../user.slice"}, {"/sys/fs/cgroup", "/../.."},
			},
		},
		{
			name: "a path outside of what is mounted (F3)", self: "0::/../../user.slice/job.scope\n", mounts: []string{v2Root}, controller: "memory",
		},
		{
			name: "the namespace was entered, the mount stayed (F4, R20a)", self: "0::/\n",
			mounts: []string{"30 23 0:26 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw"}, controller: "memory",
		},
		{
			name: "the mount shows a removed cgroup (F12)", self: "0::/a/deleted/b\n",
			mounts: []string{"30 23 0:26 /a//deleted /m rw - cgroup2 c rw"}, controller: "memory",
		},
		{
			name: "the mount that shows most ancestors (R22d)", self: "0::/a/b/c\n",
			mounts: []string{
				"30 23 0:26 /a/b/c /narrow rw - cgroup2 c rw", "31 23 0:26 /a /wide rw - cgroup2 c rw",
				"32 23 0:26 /a/b /middle rw - cgroup2 c rw", "33 23 0:26 /other /host/sys/fs/cgroup rw - cgroup2 c rw",
			},
			controller: "memory", version: V2,
			levels: []Level{{"/wide/b/c", "/a/b/c"}, {"/wide/b", "/a/b"}, {"/wide", "/a"}},
		},
		{
			name: "hybrid: the v1 hierarchy has the controller (F6)", self: "2:memory:/a/b\n0::/\n",
			mounts: []string{
				"30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
				"31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
			},
			controller: "memory", version: V1,
			levels: []Level{{"/sys/fs/cgroup/memory/a/b", "/a/b"}, {"/sys/fs/cgroup/memory/a", "/a"}, {"/sys/fs/cgroup/memory", "/"}},
		},
		{
			name: "hybrid: the v2 hierarchy has the controller (F6, F9)", self: "2:cpu:/x\n0::/a\n",
			mounts: []string{
				"30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw",
				"31 23 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu",
			},
			controller: "memory", version: V2,
			levels: []Level{{"/sys/fs/cgroup/unified/a", "/a"}, {"/sys/fs/cgroup/unified", "/"}},
		},
		{
			name: "a lone v1 mount does not make the system v1 (F7)", self: "1:name=systemd:/s\n5:freezer:/f\n0::/a\n",
			mounts:     []string{"31 23 0:27 / /x rw - cgroup systemd rw,name=systemd", "32 23 0:28 / /f rw - cgroup c rw,freezer", v2Root},
			controller: "memory", version: V2, levels: []Level{{"/sys/fs/cgroup/a", "/a"}, {"/sys/fs/cgroup", "/"}},
		},
		{
			name: "co-mounted controllers at any mount point (F10)", self: "3:cpu,cpuacct:/a\n",
			mounts:     []string{"31 23 0:27 / /cg/memory rw - cgroup cgroup rw,cpu,cpuacct"},
			controller: "cpuacct", version: V1, levels: []Level{{"/cg/memory/a", "/a"}, {"/cg/memory", "/"}},
		},
		{
			name: "the mount point's name proves nothing (F10)", self: "3:cpu,cpuacct:/a\n4:memory:/m\n",
			mounts: []string{"31 23 0:27 / /cg/memory rw - cgroup cgroup rw,cpu,cpuacct"}, controller: "memory",
		},
		{
			name: "a tmpfs called cgroup2 (F11)", self: "0::/a\n",
			mounts: []string{"30 23 0:26 / /sys/fs/cgroup rw - tmpfs cgroup2 rw"}, controller: "memory",
		},
		{name: "a line that leads nowhere (F8)", self: "0::/a\n", controller: "memory"},
		{name: "no line (F8)", self: "4:pids:/a\n", mounts: []string{v2Root}, controller: "memory"},
		{name: "nothing at all (X2)", controller: "memory"},
		{
			name: "colons and blanks (F12, F13)", self: "0::/a b:cri:c\n",
			mounts:     []string{`30 23 0:26 / /cg\040here rw - cgroup2 c rw`},
			controller: "cpu", version: V2, levels: []Level{{"/cg here/a b:cri:c", "/a b:cri:c"}, {"/cg here", "/"}},
		},
		{
			name: "v1 in a private namespace: all lines are / (F1)", self: "4:memory:/\n",
			mounts:     []string{"31 23 0:27 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory"},
			controller: "memory", version: V1, levels: []Level{{"/sys/fs/cgroup/memory", "/"}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := newTree(c.self, c.mounts...).Resolve(c.controller)
			if c.levels == nil {
				if !errors.Is(err, ErrUnresolved) {
					t.Fatalf("got %+v %v, want unresolved", l, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if l.Version != c.version || !reflect.DeepEqual(l.Levels, c.levels) {
				t.Errorf("got %v %q,\nwant %v %q", l.Version, l.Levels, c.version, c.levels)
			}
			if l.Own() != c.levels[0] {
				t.Errorf("own %q", l.Own())
			}
		})
	}
}

func TestUnifiedIsFoundBesideV1Controllers(t *testing.T) {
	l, err := newTree("2:memory:/a\n0::/u\n", v2Root, "31 23 0:27 / /m rw - cgroup c rw,memory").Unified()
	if err != nil || l.Version != V2 || l.Own().Dir != "/sys/fs/cgroup/u" {
		t.Fatalf("%+v %v", l, err)
	}
}

func TestSystemVersionGoesByControllers(t *testing.T) {
	const memory, systemd = "31 23 0:27 / /m rw - cgroup c rw,memory", "32 23 0:28 / /s rw - cgroup c rw,xattr,name=systemd"
	for _, c := range []struct {
		want   string
		mounts []string
	}{
		{"v2", []string{v2Root}},
		{"v2", []string{v2Root, systemd}},
		{"v1", []string{memory, systemd}},
		{"hybrid", []string{memory, v2Root}},
		{"", []string{systemd}},
		{"", nil},
	} {
		if got := newTree("", c.mounts...).SystemVersion(); got != c.want {
			t.Errorf("%q: %q, want %q", c.mounts, got, c.want)
		}
	}
	got := newTree("", memory, systemd, v2Root, "33 1 0:4 / /c rw - cgroup c rw,cpu,cpuacct", memory).V1Controllers()
	if want := []string{"cpu", "cpuacct", "memory"}; !slices.Equal(got, want) {
		t.Errorf("controllers %q, want %q", got, want)
	}
}

func FuzzResolve(f *testing.F) {
	f.Add("0::/a/b\n", v2Root)
	f.Add("4:memory:/../../x/..\n0::/", "30 23 0:26 /../.. /m rw - cgroup c rw,memory\n"+v2Root)
	f.Add("0::/a//./b/", "30 23 0:26 /a//deleted /m/../n rw - cgroup2 c rw")
	f.Fuzz(func(t *testing.T, self, mountinfo string) {
		tree := newTree(self, mountinfo)
		tree.SystemVersion()
		tree.V1Controllers()
		for _, controller := range []string{"memory", ""} {
			l, err := tree.Resolve(controller)
			if err != nil {
				if !errors.Is(err, ErrUnresolved) {
					t.Fatal(err)
				}
				continue
			}
			if len(l.Levels) == 0 {
				t.Fatal("no level")
			}
			point := path.Clean(l.Mount.Point)
			for _, level := range l.Levels {
				if dir := path.Clean(level.Dir); dir != point && !strings.HasPrefix(dir, strings.TrimRight(point, "/")+"/") {
					t.Fatalf("%q is not below %q", level.Dir, point)
				}
				if level.Path == "" {
					t.Fatalf("level without a path: %+v", level)
				}
			}
		}
	})
}

func FuzzRelative(f *testing.F) {
	f.Add("/../../a/b", "/../..")
	f.Add("/a/../b", "/a")
	f.Add("/srv-old", "/srv")
	f.Fuzz(func(t *testing.T, own, root string) {
		below, ok := relative(own, root)
		if !ok {
			if below != "" {
				t.Fatalf("%q without ok", below)
			}
			return
		}
		if slices.Contains(strings.Split(below, "/"), "..") {
			t.Fatalf("%q below %q is %q", own, root, below)
		}
		if got := append(components(root), components(below)...); !slices.Equal(got, components(own)) {
			t.Fatalf("%q + %q is not %q", root, below, own)
		}
	})
}
