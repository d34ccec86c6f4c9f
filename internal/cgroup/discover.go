package cgroup

import (
	"path"
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// v1Names are the controllers that this module reads on v1.
var v1Names = []string{"memory", "cpu", "cpuacct", "cpuset", "blkio", "pids", "hugetlb"}

// Discover looks for cgroup mounts at the folders named, for systems whose
// mountinfo shows none: a v2 hierarchy at the folder or its "unified", v1
// controllers below it. Their root field is unknown and taken for "/".
func Discover(root hostfs.Root, folders []string) []Mount {
	var found []Mount
	for _, dir := range folders {
		for _, unified := range []string{dir, dir + "/unified"} {
			if root.Exists(unified + "/cgroup.controllers") {
				found = append(found, Mount{Root: "/", Point: unified, Type: "cgroup2"})
			}
		}
		names, err := root.ReadDir(dir, 256)
		if err != nil {
			continue
		}
		slices.Sort(names)
		for _, name := range names {
			// "cpu,cpuacct" is one mount of two controllers.
			options := strings.Split(name, ",")
			known := func(c string) bool { return slices.Contains(v1Names, c) }
			if slices.ContainsFunc(options, known) && root.Exists(path.Join(dir, name, "cgroup.procs")) {
				found = append(found, Mount{Root: "/", Point: path.Join(dir, name), Type: "cgroup", Options: options})
			}
		}
	}
	return found
}

// ParseControllers reads the names of /proc/cgroups that are enabled
// (cgroups(7)); v2 controllers are listed there too.
func ParseControllers(b []byte) []string {
	var names []string
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		name, rest := kernfs.Field(line)
		if len(name) == 0 || name[0] == '#' {
			continue
		}
		_, rest = kernfs.Field(rest) // hierarchy
		_, rest = kernfs.Field(rest) // number of cgroups
		if enabled, _ := kernfs.Field(rest); string(enabled) == "1" {
			names = append(names, string(name))
		}
	}
	return names
}

// SystemVersion is "v1", "v2" or "hybrid" by what is mounted, "" for nothing.
// A v1 hierarchy without controllers, such as name=systemd, does not make a
// system v1.
func (t *Tree) SystemVersion() string {
	v1 := slices.ContainsFunc(t.Mounts, func(m Mount) bool {
		return slices.ContainsFunc(v1Names, m.has)
	})
	v2 := slices.ContainsFunc(t.Mounts, func(m Mount) bool { return m.version() == V2 })
	switch {
	case v1 && v2:
		return "hybrid"
	case v1:
		return "v1"
	case v2:
		return "v2"
	}
	return ""
}

// V1Controllers returns the controllers bound to v1 hierarchies, sorted.
func (t *Tree) V1Controllers() []string {
	var names []string
	for _, m := range t.Mounts {
		for _, o := range m.Options {
			if m.version() == V1 && slices.Contains(v1Names, o) && !slices.Contains(names, o) {
				names = append(names, o)
			}
		}
	}
	slices.Sort(names)
	return names
}
