package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// SelfIO is /proc/self/io (proc_pid_io(5)), cumulative. The kernel has it only
// with CONFIG_TASK_IO_ACCOUNTING.
type SelfIO struct {
	RChar, WChar sample.Opt[uint64] // bytes through read(2), write(2) and alike, cached or not
	SyscR, SyscW sample.Opt[uint64] // calls
	// ReadBytes and WriteBytes reach the block layer. A write counts when its
	// page gets dirty; CancelledWriteBytes were dirtied and then truncated away.
	ReadBytes, WriteBytes, CancelledWriteBytes sample.Opt[uint64]
}

// Parse fills s. It fails where no key is known.
func (s *SelfIO) Parse(b []byte) error {
	*s = SelfIO{}
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		key, n, ok := kernfs.KeyUint(line)
		if !ok {
			continue
		}
		switch string(key) {
		case "rchar":
			s.RChar = sample.Some(n)
		case "wchar":
			s.WChar = sample.Some(n)
		case "syscr":
			s.SyscR = sample.Some(n)
		case "syscw":
			s.SyscW = sample.Some(n)
		case "read_bytes":
			s.ReadBytes = sample.Some(n)
		case "write_bytes":
			s.WriteBytes = sample.Some(n)
		case "cancelled_write_bytes":
			s.CancelledWriteBytes = sample.Some(n)
		}
	}
	if *s == (SelfIO{}) {
		return kernfs.ErrMalformed
	}
	return nil
}
