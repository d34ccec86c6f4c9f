package cgroup

import "github.com/cboxdk/resource-monitor/internal/hostfs"

// DropRealRoot leaves the real root cgroup out of the levels: it is the whole
// machine, has no limits, and on v2 no usage either. What is left may be
// nothing: the process is in no cgroup of its own.
//
// The path does not tell: "/" is also what a private cgroup namespace calls
// the process's own cgroup. The files do: cgroup.type and cgroup.events
// are in every v2 cgroup but the real root, release_agent only in that of v1.
func (l *Location) DropRealRoot(root hostfs.Root) []Level {
	last := len(l.Levels) - 1
	if isRealRoot(root, l.Version, l.Levels[last].Dir) {
		return l.Levels[:last]
	}
	return l.Levels
}

func isRealRoot(root hostfs.Root, v Version, dir string) bool {
	if v == V1 {
		return root.Exists(dir + "/release_agent")
	}
	return !root.Exists(dir+"/cgroup.type") && !root.Exists(dir+"/cgroup.events")
}
