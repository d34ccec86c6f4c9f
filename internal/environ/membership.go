package environ

import (
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
)

// member is /proc/self/cgroup (cgroups(7)): where this process is.
type member struct {
	readable bool
	lines    []line
}

type line struct {
	cgroup.Membership
	shape shape
}

const selfCgroup = "/proc/self/cgroup"

// maxSelf holds the lines of all hierarchies with paths of PATH_MAX.
const maxSelf = 256 << 10

func (d *detector) readMembership() {
	b, err := d.read(selfCgroup, maxSelf)
	d.failed(selfCgroup, err)
	d.member.readable = err == nil
	d.member.lines = parseMembership(b)
	for _, l := range d.member.lines {
		d.info.Cgroup.Paths = append(d.info.Cgroup.Paths, Path{
			Controllers: clean(strings.Join(l.Controllers, ",")), Path: bound(l.Path, maxPath),
		})
	}
}

// maxLines is more than the kernel has hierarchies; named ones are rare.
const maxLines = 64

func parseMembership(b []byte) []line {
	var lines []line
	for _, m := range cgroup.ParseSelf(b) {
		if len(lines) == maxLines {
			break
		}
		lines = append(lines, line{m, parseShape(m.Path)})
	}
	return lines
}

// ordered returns the lines from the most to the least telling: what manages
// memory and CPU time is the container's; in a hybrid the v2
// line may stay at "/" while v1 shows the container.
func (m member) ordered() []line {
	rank := func(l line) int {
		for i, name := range []string{"memory", "cpu", "pids", "name=systemd"} {
			if slices.Contains(l.Controllers, name) {
				return i
			}
		}
		if l.Unified() {
			return 5
		}
		return 4
	}
	all := slices.Clone(m.lines)
	slices.SortStableFunc(all, func(a, b line) int { return rank(a) - rank(b) })
	return all
}

// path returns our path in the hierarchy of a controller, or of v2 for "".
func (m member) path(controller string) (string, bool) {
	for _, l := range m.lines {
		if controller == "" && l.Unified() || controller != "" && slices.Contains(l.Controllers, controller) {
			return l.Path, true
		}
	}
	return "", false
}

// describeCgroup fills Info.Cgroup.
func (d *detector) describeCgroup() {
	c := &d.info.Cgroup
	p, ok := d.member.path("memory")
	if !ok {
		p, ok = d.member.path("")
	}
	if ok {
		c.Path = bound(p, maxPath)
	}
	c.Version = d.cgroupVersion()
	c.Namespace = d.cgroupNamespace()
	c.Unit, c.Slice = d.systemdUnit()
}

// cgroupVersion goes by what is mounted, for the controllers that count: a
// lone v1 mount, freezer or name=systemd, does not make the system v1.
func (d *detector) cgroupVersion() string {
	var v1, v2 bool
	for _, m := range d.mounts.cgroup {
		v2 = v2 || m.Type == "cgroup2"
		v1 = v1 || m.Type == "cgroup" && slices.ContainsFunc(m.Options, func(o string) bool {
			return o == "memory" || o == "cpu" || o == "cpuacct"
		})
	}
	switch {
	case !d.mounts.readable:
		d.miss(keyCgroup, "/proc/self/mountinfo could not be read")
		return ""
	case !v1 && !v2:
		d.miss(keyCgroup, "no cgroup file system with the memory or cpu controller is mounted here: there are no limits and no usage to read")
		return ""
	}
	tree := d.tree()
	_, memory := tree.Resolve("memory")
	_, cpu := tree.Resolve("cpu")
	switch {
	case memory != nil && cpu != nil:
		d.miss(keyCgroup, "cgroups are mounted, but "+memory.Error())
		return ""
	case v1 && v2:
		return "hybrid"
	case v1:
		return "v1"
	}
	return "v2"
}

func (d *detector) tree() *cgroup.Tree {
	t := &cgroup.Tree{Mounts: d.mounts.cgroup}
	for _, l := range d.member.lines {
		t.Self = append(t.Self, l.Membership)
	}
	return t
}

// cgroupNamespace tells by the namespace's inode, else by the files.
func (d *detector) cgroupNamespace() string {
	switch {
	case d.spaces.ownCgroup():
		return "private"
	case d.spaces.cgroup == initialCgroup:
		return "host"
	}
	if where, _ := d.privateRoot(); where != "" {
		return "private"
	}
	return ""
}

// privateRoot finds a cgroup mount whose top is not the real root: cgroup.type
// and cgroup.events are in every v2 cgroup but that one, release_agent only in that of v1.
func (d *detector) privateRoot() (file, reason string) {
	if l, err := d.tree().Unified(); err == nil {
		at := l.Mount.Point
		if d.exists(at+"/cgroup.type") && d.exists(at+"/cgroup.events") {
			return at + "/cgroup.type", "the top of the cgroup2 mount is not the root cgroup"
		}
	}
	const v1 = "/sys/fs/cgroup/systemd"
	if d.exists(v1+"/cgroup.procs") && !d.exists(v1+"/release_agent") {
		return v1, "it has no release_agent: the top of the mount is not the root cgroup"
	}
	return "", ""
}

// systemdUnit returns the innermost unit of the systemd hierarchy and the
// slice around it.
func (d *detector) systemdUnit() (unit, slice string) {
	for _, controller := range []string{"name=systemd", ""} {
		p, ok := d.member.path(controller)
		if !ok {
			continue
		}
		c := split(p)
		for _, name := range slices.Backward(c) {
			switch {
			case unit == "" && slice == "" && isUnit(name):
				unit = name
			case slice == "" && strings.HasSuffix(name, ".slice"):
				slice = name
			}
		}
		if unit != "" || slice != "" {
			break
		}
	}
	return clean(unit), clean(slice)
}

// isUnit knows the unit types that processes run in (systemd.kill(5)).
func isUnit(name string) bool {
	for _, suffix := range []string{".service", ".scope", ".socket", ".mount", ".swap"} {
		if strings.HasSuffix(name, suffix) && name != suffix {
			return true
		}
	}
	return false
}
