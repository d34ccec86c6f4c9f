package cgroup

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Version is the interface that a controller is bound to.
type Version uint8

// The two interfaces.
const (
	V1 Version = 1
	V2 Version = 2
)

func (v Version) String() string {
	switch v {
	case V1:
		return "v1"
	case V2:
		return "v2"
	}
	return "none"
}

// Source names the version as the source of a limit.
func (v Version) Source() sample.Source {
	if v == V1 {
		return sample.SourceCgroupV1
	}
	return sample.SourceCgroupV2
}

// Location is where one controller shows the process.
type Location struct {
	Version Version
	Mount   Mount
	// Levels lead from the own cgroup, first, to the visible root, last. There is at least one.
	Levels []Level
}

// Own returns the process's own cgroup.
func (l *Location) Own() Level { return l.Levels[0] }

// Level is one cgroup on the way from the process to the visible root.
type Level struct {
	Dir  string // the folder of its files, such as /sys/fs/cgroup/memory/a/b
	Path string // the cgroup as /proc/self/cgroup names it, such as /a/b
}

// Group is one controller's version and levels, the own cgroup first. The real
// root is none of them.
type Group struct {
	Version Version
	Levels  []Level
}

// Own names the own cgroup; "" where there is none.
func (g *Group) Own() string { return g.Name(0) }

// Name names the cgroup of a level; "" where it is not visible.
func (g *Group) Name(level int) string {
	if level >= len(g.Levels) {
		return ""
	}
	return g.Levels[level].Path
}

// Source names the group's limits.
func (g *Group) Source() sample.Source { return g.Version.Source() }

// ErrUnresolved says that the process's cgroup is not below any mount that it can see.
var ErrUnresolved = errors.New("the cgroup of this process is not visible")

// Tree knows where the process is: its memberships and the cgroup mounts. Once
// it was asked, they stay.
type Tree struct {
	Self   []Membership
	Mounts []Mount
	Silent error // what does not answer that would show them; nil: all did
	// SelfErr and MountsErr are why Self and Mounts could not be read; nil: they were.
	SelfErr, MountsErr error

	once       sync.Once // unified is known: all controllers of v2 are there
	unified    *Location
	unifiedErr error
}

// Resolve finds a controller by its v1 name. Where a v1 hierarchy has it, v1 is meant;
// else the v2 hierarchy, whether or not it enables the controller for this cgroup.
func (t *Tree) Resolve(controller string) (*Location, error) {
	if controller != "" && t.mountsV1(controller) {
		return t.resolve(controller, V1)
	}
	return t.Unified()
}

// Unified finds the process in the v2 hierarchy, which on hybrid systems may
// carry pressure while the controllers are bound to v1.
func (t *Tree) Unified() (*Location, error) {
	t.once.Do(func() { t.unified, t.unifiedErr = t.resolve("", V2) })
	return t.unified, t.unifiedErr
}

func (t *Tree) mountsV1(controller string) bool {
	for _, m := range t.Mounts {
		if m.has(controller) {
			return true
		}
	}
	return false
}

// resolve takes, among the mounts that contain the path, the one that shows most ancestors;
// others may be bind mounts of single cgroups.
func (t *Tree) resolve(controller string, v Version) (*Location, error) {
	name := controller
	if v == V2 {
		name = "v2 hierarchy"
	}
	if t.Silent != nil {
		return nil, t.Silent
	}
	if len(t.Mounts) == 0 {
		if t.MountsErr != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnresolved, t.MountsErr)
		}
		return nil, fmt.Errorf("%w: /proc/self/mountinfo shows no cgroup file system", ErrUnresolved)
	}
	own, ok := find(t.Self, controller)
	if !ok {
		if t.SelfErr != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnresolved, t.SelfErr)
		}
		return nil, fmt.Errorf("%w: /proc/self/cgroup has no line for the %s", ErrUnresolved, name)
	}
	var best *Location
	mounted := false
	for _, m := range t.Mounts {
		if m.version() != v || v == V1 && !m.has(controller) {
			continue
		}
		mounted = true
		below, ok := relative(own, m.Root)
		if !ok {
			continue
		}
		l := &Location{Version: v, Mount: m, Levels: levels(own, m.Point, below)}
		if best == nil || len(l.Levels) > len(best.Levels) {
			best = l
		}
	}
	switch {
	case best != nil:
		return best, nil
	case mounted:
		return nil, fmt.Errorf("%w: %s, path %s lies outside every mount of it", ErrUnresolved, name, own)
	}
	return nil, fmt.Errorf("%w: the %s is not mounted here", ErrUnresolved, name)
}

// relative returns the part of the cgroup path that lies below root, the root
// field of a mount. Both are seen from the process's cgroup namespace and may begin
// with "/.." for what lies outside it. They are compared by component and
// never cleaned: "/.." is another cgroup than "/".
func relative(own, root string) (below string, ok bool) {
	// The cgroup that the mount shows was removed; one of its name is another one.
	if strings.HasSuffix(root, "//deleted") {
		return "", false
	}
	o, r := components(own), components(root)
	if len(r) > len(o) {
		return "", false
	}
	for i, c := range r {
		if o[i] != c {
			return "", false
		}
	}
	rest := o[len(r):]
	for _, c := range rest {
		// The path leads out of what the mount shows; what lies between
		// is unknown.
		if c == ".." {
			return "", false
		}
	}
	return strings.Join(rest, "/"), true
}

func components(p string) []string {
	var all []string
	for c := range strings.SplitSeq(p, "/") {
		if c != "" && c != "." {
			all = append(all, c)
		}
	}
	return all
}

// levels lists own and its visible ancestors. below is own's path relative to the mount point.
func levels(own, point, below string) []Level {
	if below == "" {
		return []Level{{Dir: point, Path: own}}
	}
	names := strings.Split(below, "/")
	all := make([]Level, 0, len(names)+1)
	name := strings.TrimRight(own, "/")
	for i := len(names); i >= 0; i-- {
		shown := name
		if shown == "" {
			shown = "/"
		}
		all = append(all, Level{Dir: path.Join(point, path.Join(names[:i]...)), Path: shown})
		if cut := strings.LastIndexByte(name, '/'); cut >= 0 {
			name = name[:cut]
		}
	}
	return all
}
