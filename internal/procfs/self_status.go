package procfs

import "github.com/cboxdk/resource-monitor/internal/kernfs"

// SelfStatus is what the engine takes from /proc/self/status (proc_pid_status(5)).
type SelfStatus struct {
	// PIDNamespaces is how many numbers the process has, from the PID namespace
	// of this /proc inwards to its own (NSpid, since Linux 4.1); 0: not told.
	PIDNamespaces int
}

// Parse fills s.
func (s *SelfStatus) Parse(b []byte) error {
	*s = SelfStatus{}
	known := false
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, rest := kernfs.Field(line)
		switch string(key) {
		case "Pid:":
			known = true
		case "NSpid:":
			known = true
			for {
				var f []byte
				if f, rest = kernfs.Field(rest); len(f) == 0 {
					break
				}
				if _, ok := kernfs.Uint(f); !ok {
					s.PIDNamespaces = 0
					return kernfs.ErrMalformed
				}
				s.PIDNamespaces++
			}
		}
	}
	if !known {
		return kernfs.ErrMalformed
	}
	return nil
}
