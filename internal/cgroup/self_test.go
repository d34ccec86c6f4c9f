package cgroup

import (
	"reflect"
	"strings"
	"testing"
)

func TestParseSelf(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Membership
	}{
		{"v2 alone", "0::/user.slice\n", []Membership{{Path: "/user.slice"}}},
		{"no final newline", "0::/a", []Membership{{Path: "/a"}}},
		{"co-mounted controllers", "3:cpu,cpuacct:/a\n", []Membership{{Controllers: []string{"cpu", "cpuacct"}, Path: "/a"}}},
		{"named hierarchy", "1:name=systemd:/init.scope\n", []Membership{{Controllers: []string{"name=systemd"}, Path: "/init.scope"}}},
		{
			"colons in the path (R9a)", "0::/system.slice/web.slice:cri-containerd:0a1b\n",
			[]Membership{{Path: "/system.slice/web.slice:cri-containerd:0a1b"}},
		},
		{"blanks in the path", "0::/a b/c\n", []Membership{{Path: "/a b/c"}}},
		{"outside the namespace is not cleaned", "0::/../../user.slice/job.scope\n", []Membership{{Path: "/../../user.slice/job.scope"}}},
		{
			"hybrid", "4:memory:/a/b\n0::/\n",
			[]Membership{{Controllers: []string{"memory"}, Path: "/a/b"}, {Path: "/"}},
		},
		{"empty", "", nil},
		{"blank lines", "\n\n", nil},
		{"garbage around a good line", "hello\n:::\nx::/a\n-1::/a\n5\n5:memory\n0::relative\n0::\n\x00\xff\n0::/good\n", []Membership{{Path: "/good"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ParseSelf([]byte(c.text)); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// The first line's path is not every controller's (R9b).
func TestEachControllerHasItsOwnPath(t *testing.T) {
	all := ParseSelf([]byte("11:pids:/p\n4:memory:/m\n3:cpu,cpuacct:/c\n1:name=systemd:/s\n0::/u\n"))
	for controller, want := range map[string]string{
		"pids": "/p", "memory": "/m", "cpu": "/c", "cpuacct": "/c", "name=systemd": "/s", "": "/u",
	} {
		if got, ok := find(all, controller); !ok || got != want {
			t.Errorf("%q: %q %v, want %q", controller, got, ok, want)
		}
	}
	for _, missing := range []string{"cpuset", "systemd", "cp", "cpu,cpuacct"} {
		if got, ok := find(all, missing); ok {
			t.Errorf("%q: found at %q", missing, got)
		}
	}
	if got, ok := find(ParseSelf([]byte("4:memory:/m\n")), ""); ok {
		t.Errorf("v2 path %q without a v2 line", got)
	}
}

func FuzzParseSelf(f *testing.F) {
	f.Add("0::/system.slice/web.slice:cri-containerd:0a1b\n4:memory,x:/../../m\n")
	f.Add(":::\n0::")
	f.Fuzz(func(t *testing.T, text string) {
		for _, m := range ParseSelf([]byte(text)) {
			if !strings.HasPrefix(m.Path, "/") || strings.Contains(m.Path, "\n") {
				t.Fatalf("path %q", m.Path)
			}
			if !strings.Contains(text, ":"+m.Path) {
				t.Fatalf("%q is not in the text as it is", m.Path)
			}
		}
	})
}
