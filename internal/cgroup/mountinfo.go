package cgroup

import (
	"bytes"
	"iter"
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// Mount is one line of /proc/PID/mountinfo (proc_pid_mountinfo(5)), as far as
// this module needs it.
type Mount struct {
	ID      string   // field 1
	Parent  string   // field 2: the mount that it is in
	Root    string   // field 4: the folder of the file system that forms the root of the mount
	Point   string   // field 5
	Type    string   // the field behind " - "
	Source  string   // the one after it; any text
	Options []string // super options: what proves a v1 controller
}

// Mounts walks the lines of mountinfo. A line that is not of its form is
// skipped, however long it is: overlay lines exceed 64 KiB.
func Mounts(b []byte) iter.Seq[Mount] {
	return func(yield func(Mount) bool) {
		for len(b) > 0 {
			var line []byte
			line, b = kernfs.Line(b)
			if m, ok := parseMount(line); ok && !yield(m) {
				return
			}
		}
	}
}

func parseMount(line []byte) (Mount, bool) {
	// Between field 6 and " - " stand zero or more optional fields.
	front, back, ok := bytes.Cut(line, []byte(" - "))
	if !ok {
		return Mount{}, false
	}
	var f [6][]byte
	for i := range f {
		if f[i], front = kernfs.Field(front); len(f[i]) == 0 {
			return Mount{}, false
		}
	}
	// One blank separates each, and the source may be empty. Super options are
	// the rest of the line: they may contain blanks.
	fsType, back, _ := bytes.Cut(back, []byte(" "))
	source, rest, _ := bytes.Cut(back, []byte(" "))
	options := string(rest)
	if len(fsType) == 0 {
		return Mount{}, false
	}
	m := Mount{
		ID: string(f[0]), Parent: string(f[1]), Root: unescape(f[3]), Point: unescape(f[4]),
		Type: string(fsType), Source: unescape(source),
	}
	if options != "" {
		m.Options = strings.Split(options, ",")
	}
	return m, m.Root != "" && strings.HasPrefix(m.Point, "/")
}

// VisibleMounts walks those that no other mount hides. One lies over another where that is its
// parent and both have the same point; then nothing of the lower one is seen, nor what is mounted in it.
func VisibleMounts(b []byte) iter.Seq[Mount] {
	type place struct{ parent, point string }
	places := map[string]place{}
	for m := range Mounts(b) {
		places[m.ID] = place{m.Parent, m.Point}
	}
	over := map[string]string{} // the mount that lies over one
	for id, m := range places {
		if below, ok := places[m.parent]; ok && below.point == m.point && m.parent != id {
			over[m.parent] = id
		}
	}
	visible := func(id string) bool {
		if over[id] != "" {
			return false
		}
		for range places { // a text that makes a circle of them is not the kernel's
			parent := places[id].parent
			if _, ok := places[parent]; !ok || parent == id {
				break
			}
			if top := over[parent]; top != "" && top != id {
				return false
			}
			id = parent
		}
		return true
	}
	return func(yield func(Mount) bool) {
		for m := range Mounts(b) {
			if visible(m.ID) && !yield(m) {
				return
			}
		}
	}
}

// version is V1, V2, or 0 where the mount is no cgroup file system. The type
// decides; the source is any text ("- tmpfs cgroup rw" is a tmpfs).
func (m Mount) version() Version {
	switch m.Type {
	case "cgroup":
		return V1
	case "cgroup2":
		return V2
	}
	return 0
}

// has reports whether the mount shows a controller of v1. The super options
// prove it; the name of the mount point does not.
func (m Mount) has(controller string) bool {
	return m.version() == V1 && slices.Contains(m.Options, controller)
}

// unescape undoes the kernel's octal escapes, which stand for blank, tab, newline and backslash only.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	var out strings.Builder
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) {
			switch string(b[i+1 : i+4]) {
			case "040":
				out.WriteByte(' ')
			case "011":
				out.WriteByte('\t')
			case "012":
				out.WriteByte('\n')
			case "134":
				out.WriteByte('\\')
			default:
				out.WriteByte(b[i])
				continue
			}
			i += 3
			continue
		}
		out.WriteByte(b[i])
	}
	return out.String()
}
