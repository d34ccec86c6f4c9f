package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// SelfIO is /proc/self/io (proc_pid_io(5)), cumulative. The kernel has it only
// with CONFIG_TASK_IO_ACCOUNTING.
type SelfIO struct {
	RChar, WChar sample.OptUint // bytes through read(2), write(2) and alike, cached or not
	SyscR, SyscW sample.OptUint // calls
	// ReadBytes and WriteBytes reach the block layer. A write counts when its
	// page gets dirty; CancelledWriteBytes were dirtied and then truncated away.
	ReadBytes, WriteBytes, CancelledWriteBytes sample.OptUint
}

var selfIOKeys = []kernfs.Key{
	{Name: "rchar", Value: 0}, {Name: "wchar", Value: 1}, {Name: "syscr", Value: 2}, {Name: "syscw", Value: 3},
	{Name: "read_bytes", Value: 4}, {Name: "write_bytes", Value: 5}, {Name: "cancelled_write_bytes", Value: 6},
}

// Parse fills s. It fails where no key is known.
func (s *SelfIO) Parse(b []byte) error { return s.ParseAs(new(kernfs.Layout), b) }

// ParseAs is Parse of a text that is laid out as the one before.
func (s *SelfIO) ParseAs(l *kernfs.Layout, b []byte) error {
	var v [7]sample.OptUint
	l.Parse(b, selfIOKeys, v[:])
	*s = SelfIO{
		RChar: v[0], WChar: v[1], SyscR: v[2], SyscW: v[3],
		ReadBytes: v[4], WriteBytes: v[5], CancelledWriteBytes: v[6],
	}
	if *s == (SelfIO{}) {
		return kernfs.ErrMalformed
	}
	return nil
}
