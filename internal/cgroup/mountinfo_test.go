package cgroup

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseMount(t *testing.T) {
	for _, c := range []struct {
		name, line string
		want       Mount
		ok         bool
	}{
		{
			"no optional field", "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate",
			Mount{ID: "30", Parent: "23", Root: "/", Point: "/sys/fs/cgroup", Type: "cgroup2", Source: "cgroup2", Options: []string{"rw", "nsdelegate"}}, true,
		},
		{
			"several optional fields", "30 23 0:26 /a /m rw shared:5 master:1 propagate_from:2 - cgroup2 none rw",
			Mount{ID: "30", Parent: "23", Root: "/a", Point: "/m", Type: "cgroup2", Source: "none", Options: []string{"rw"}}, true,
		},
		{
			"blanks in the super options", "30 23 0:26 / /m rw - ext4 /dev/a rw,data=a b,x",
			Mount{ID: "30", Parent: "23", Root: "/", Point: "/m", Type: "ext4", Source: "/dev/a", Options: []string{"rw", "data=a b", "x"}}, true,
		},
		{
			"escapes", `30 23 0:26 /a\040b /m\134n\011t\012n\101 rw - cgroup2 c\040g rw`,
			Mount{ID: "30", Parent: "23", Root: "/a b", Point: "/m\\n\tt\nn\\101", Type: "cgroup2", Source: "c g", Options: []string{"rw"}}, true,
		},
		{
			"cut escape", `30 23 0:26 / /m\04 rw - cgroup2 c rw`,
			Mount{ID: "30", Parent: "23", Root: "/", Point: `/m\04`, Type: "cgroup2", Source: "c", Options: []string{"rw"}}, true,
		},
		{
			"empty source", "30 23 0:26 / /m rw - cgroup  rw,memory",
			Mount{ID: "30", Parent: "23", Root: "/", Point: "/m", Type: "cgroup", Options: []string{"rw", "memory"}}, true,
		},
		{
			"a removed root", "30 23 0:26 /a//deleted /m rw - cgroup2 c rw",
			Mount{ID: "30", Parent: "23", Root: "/a//deleted", Point: "/m", Type: "cgroup2", Source: "c", Options: []string{"rw"}}, true,
		},
		{"no separator", "30 23 0:26 / /m rw cgroup2 c rw", Mount{}, false},
		{"nothing behind the separator", "30 23 0:26 / /m rw - ", Mount{}, false},
		{"too few fields", "30 23 0:26 / /m - cgroup2 c rw", Mount{}, false},
		{"a mount point that is no path", "30 23 0:26 / m rw - cgroup2 c rw", Mount{ID: "30", Parent: "23", Root: "/", Point: "m", Type: "cgroup2", Source: "c", Options: []string{"rw"}}, false},
		{"empty", "", Mount{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := parseMount([]byte(c.line))
			if ok != c.ok || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v %v, want %+v %v", got, ok, c.want, c.ok)
			}
		})
	}
}

func TestAMountThatAnotherHidesIsNotVisible(t *testing.T) {
	const root = "1 0 0:1 / / rw - ext4 /dev/a rw\n"
	for name, c := range map[string]struct{ text, want string }{
		"side by side":         {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 1 0:3 / /b rw - tmpfs b rw\n", "1 2 3"},
		"one below another":    {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 2 0:3 / /a/b rw - tmpfs b rw\n", "1 2 3"},
		"one over another":     {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 2 0:3 / /a rw - tmpfs b rw\n", "1 3"},
		"in what is hidden":    {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 2 0:3 / /a/b rw - tmpfs b rw\n4 2 0:4 / /a rw - tmpfs c rw\n", "1 4"},
		"in what hides":        {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 2 0:3 / /a rw - tmpfs b rw\n4 3 0:4 / /a/b rw - tmpfs c rw\n", "1 3 4"},
		"three":                {root + "2 1 0:2 / /a rw - tmpfs a rw\n3 2 0:3 / /a rw - tmpfs b rw\n4 3 0:4 / /a rw - tmpfs c rw\n", "1 4"},
		"the root itself":      {root + "2 1 0:2 / / rw - overlay a rw\n3 2 0:3 / /a rw - tmpfs b rw\n4 1 0:4 / /b rw - tmpfs c rw\n", "2 3"},
		"its own parent":       {"1 1 0:1 / / rw - rootfs none rw\n2 1 0:2 / /a rw - tmpfs a rw\n", "1 2"},
		"parents in a circle":  {"1 2 0:1 / /a rw - tmpfs a rw\n2 1 0:2 / /b rw - tmpfs b rw\n", "1 2"},
		"hidden by each other": {"1 2 0:1 / /a rw - tmpfs a rw\n2 1 0:2 / /a rw - tmpfs b rw\n", ""},
		"the parent is absent": {"2 1 0:2 / /a rw - tmpfs a rw\n3 9 0:3 / /a rw - tmpfs b rw\n", "2 3"},
	} {
		var got []string
		for m := range VisibleMounts([]byte(c.text)) {
			got = append(got, m.ID)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got, c.want)
		}
	}
}

// The type is the field behind " - ", not the source, and super options prove a controller (F10, F11).
func TestTheTypeDecidesWhatAMountIs(t *testing.T) {
	for line, want := range map[string]Version{
		"1 2 0:3 / /m rw - tmpfs cgroup rw":                    0,
		"1 2 0:3 / /m rw - tmpfs cgroup2 rw":                   0,
		"1 2 0:3 / /m rw - cgroup systemd rw,name=systemd":     V1,
		"1 2 0:3 / /m rw - cgroup2 anything rw":                V2,
		"1 2 0:3 / /memory rw - cgroup2x cgroup2 rw,memory":    0,
		"1 2 0:3 / /sys/fs/cgroup/memory rw - cgroup c rw,cpu": V1,
	} {
		m, ok := parseMount([]byte(line))
		if !ok || m.version() != want {
			t.Errorf("%s: %v %v, want %v", line, m.version(), ok, want)
		}
		if m.has("memory") {
			t.Errorf("%s: has memory", line)
		}
	}
}

// An overlay line can exceed 64 KiB; it hides nothing (F12).
func TestAVeryLongLineIsNoObstacle(t *testing.T) {
	text := "1 2 0:3 / / rw - overlay overlay rw,lowerdir=" + strings.Repeat("/var/lib/layer:", 10_000) +
		"\nbroken\n\n30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw"
	mounts := slices.Collect(Mounts([]byte(text)))
	if len(mounts) != 2 || mounts[1].Point != "/sys/fs/cgroup" {
		t.Fatalf("%d mounts", len(mounts))
	}
	for range Mounts([]byte(text)) {
		break // stopping early is allowed
	}
}

func FuzzMounts(f *testing.F) {
	f.Add(`30 23 0:26 /a\040b /m\134n rw shared:5 - cgroup2 c rw,nsdelegate`)
	f.Add("30 23 0:26 /a//deleted /m rw - cgroup  rw,memory\nx - y\n")
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for m := range Mounts([]byte(text)) {
			n++
			if m.Root == "" || !strings.HasPrefix(m.Point, "/") || m.Type == "" || strings.ContainsAny(m.Type, " \n") {
				t.Fatalf("%+v", m)
			}
		}
		for range VisibleMounts([]byte(text)) {
			n--
		}
		if n < 0 {
			t.Fatalf("%d more are visible in %q", -n, text)
		}
		if n > strings.Count(text, "\n")+1 {
			t.Fatalf("%d mounts in %q", n, text)
		}
	})
}
