package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// SelfIO is what the process scope takes from /proc/self/io (proc_pid_io(5)), cumulative. The
// kernel has it only with CONFIG_TASK_IO_ACCOUNTING.
type SelfIO struct {
	// They reach the block layer. A write counts when its page gets dirty, also
	// where that is then truncated away.
	ReadBytes, WriteBytes sample.OptUint
}

var selfIOKeys = []kernfs.Key{{Name: "read_bytes", Value: 0}, {Name: "write_bytes", Value: 1}}

// Parse fills s. It fails where neither is there.
func (s *SelfIO) Parse(b []byte) error { return s.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (s *SelfIO) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [2]sample.OptUint
	l.Parse(b, selfIOKeys, v[:])
	*s = SelfIO{ReadBytes: v[0], WriteBytes: v[1]}
	if *s == (SelfIO{}) {
		return kernfs.ErrMalformed
	}
	return nil
}
