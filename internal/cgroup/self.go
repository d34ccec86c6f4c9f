// Package cgroup finds the control groups of this process and reads their
// controllers: v1, v2 and the hybrid of both, chosen for each controller by
// where it is mounted, with every ancestor up to the visible root.
package cgroup

import (
	"bytes"
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// Membership is one line of /proc/self/cgroup: where the process is in one
// hierarchy (cgroups(7)).
type Membership struct {
	// Controllers are the v1 controllers of the hierarchy, or its name as
	// "name=systemd". It is empty for the v2 hierarchy, number 0.
	Controllers []string
	// Path is the cgroup as seen from the process's cgroup namespace. It is
	// not cleaned: leading ".." lead out of the namespace and have a meaning.
	Path string
}

// Unified reports whether the line is that of the v2 hierarchy.
func (m Membership) Unified() bool { return len(m.Controllers) == 0 }

// ParseSelf reads /proc/PID/cgroup. Lines that are not of its form are skipped.
func ParseSelf(b []byte) []Membership {
	var all []Membership
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		// Only the first two colons separate: a path may hold more
		// ("...slice:cri-containerd:ID").
		id, rest, ok := bytes.Cut(line, []byte(":"))
		controllers, path, ok2 := bytes.Cut(rest, []byte(":"))
		if _, isNumber := kernfs.Uint(id); !ok || !ok2 || !isNumber || len(path) == 0 || path[0] != '/' {
			continue
		}
		m := Membership{Path: string(path)}
		if len(controllers) > 0 {
			m.Controllers = strings.Split(string(controllers), ",")
		}
		all = append(all, m)
	}
	return all
}

// find returns the path of the process in the hierarchy of a v1 controller
// ("memory", "name=systemd"), or of v2 for "".
func find(all []Membership, controller string) (path string, ok bool) {
	for _, m := range all {
		if controller == "" && m.Unified() || controller != "" && slices.Contains(m.Controllers, controller) {
			return m.Path, true
		}
	}
	return "", false
}
