package environ

import (
	"io/fs"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
)

// Shape is what a cgroup path says, for tests of the grammar.
type Shape struct {
	Container                      bool
	Runtime, ID, Name, PodUID, QOS string
	Sandbox                        string
}

// ParseShape reads one path.
func ParseShape(path string) Shape {
	s := parseShape(path)
	return Shape{s.container, s.runtime, s.id, s.name, s.podUID, s.qos, s.sandbox}
}

// ReadCPUID runs the rules of the instruction on made-up leaves.
var ReadCPUID = readCPUID

// TimeLimit bounds all of detection.
const TimeLimit = timeLimit

// Clean is the boundary that all text passes.
var Clean = clean

// SetFail makes reads of single files go wrong.
func SetFail(in *Input, fail func(name string) error) {
	in.file = func(name string) ([]byte, bool, error) {
		err := fail(name)
		return nil, err != nil, err
	}
}

// SetFiles answers every read from memory.
func SetFiles(in *Input, files map[string]string) {
	in.file = func(name string) ([]byte, bool, error) {
		text, ok := files[name]
		if !ok {
			return nil, true, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return []byte(text), true, nil
	}
}

// ParseMembership and ParseMounts run the parsers of /proc/self alone and
// return how much they found.
func ParseMembership(b []byte) int { return len(parseMembership(b)) }

// ParseMounts is the other one.
func ParseMounts(b []byte) (cgroups, files, pods int, ids []string) {
	var s mounts
	for m := range cgroup.Mounts(b) {
		s.add(m)
	}
	for _, f := range s.files {
		ids = append(ids, f.id)
	}
	return len(s.cgroup), len(s.files), len(s.pods), ids
}
