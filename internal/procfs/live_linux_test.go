package procfs_test

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

// read returns the text that the real kernel has, by ReadRecords where the
// file is one that comes page by page.
func read(t *testing.T, name string) []byte {
	t.Helper()
	var o kernfs.Opener
	f := o.File(name)
	defer f.Close()
	var p kernfs.Pass
	p.Begin(t.Context(), time.Now())
	b, err := f.ReadRecords(&p)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, fs.ErrPermission) {
		t.Skipf("this kernel offers no %s: %v", name, err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnThisKernel(t *testing.T) {
	pageSize := uint64(os.Getpagesize())
	for name, parse := range map[string]func(t *testing.T, b []byte) error{
		"/proc/meminfo": func(_ *testing.T, b []byte) error { return new(procfs.Meminfo).Parse(b) },
		"/proc/stat": func(t *testing.T, b []byte) error {
			var s procfs.Stat
			err := s.Parse(b, true)
			if len(s.CPUs) == 0 {
				t.Error("no CPUs")
			}
			// The kernel adds the ticks up from finer numbers: a tick of difference for each CPU.
			var all uint64
			for _, c := range s.CPUs {
				all += c.Times.User.Or(0)
			}
			if total := s.Total.User.Or(0); total+uint64(len(s.CPUs))*tick < all || all+uint64(len(s.CPUs))*tick < total {
				t.Errorf("user time %d, over the CPUs %d", total, all)
			}
			return err
		},
		"/proc/diskstats": func(_ *testing.T, b []byte) error { return new(procfs.Diskstats).Parse(b) },
		"/proc/self/net/dev": func(t *testing.T, b []byte) error {
			var d procfs.NetDev
			err := d.Parse(b)
			for _, i := range d.Interfaces {
				if i.Name == "lo" {
					return err
				}
			}
			t.Error("no loopback interface")
			return err
		},
		"/proc/pressure/cpu":    func(_ *testing.T, b []byte) error { return new(procfs.Pressure).Parse(b) },
		"/proc/pressure/memory": func(_ *testing.T, b []byte) error { return new(procfs.Pressure).Parse(b) },
		"/proc/pressure/io":     func(_ *testing.T, b []byte) error { return new(procfs.Pressure).Parse(b) },
		"/proc/pressure/irq":    func(_ *testing.T, b []byte) error { return new(procfs.Pressure).Parse(b) },
		"/proc/vmstat": func(t *testing.T, b []byte) error {
			var v procfs.Vmstat
			err := v.Parse(b)
			if v.PgFault.Or(0) == 0 || !v.PgMajFault.Present() {
				t.Errorf("%+v", v)
			}
			return err
		},
		"/proc/uptime": func(t *testing.T, b []byte) error {
			var u procfs.Uptime
			err := u.Parse(b)
			var ts unix.Timespec
			if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
				t.Fatal(err)
			}
			if d := ts.Nano() - int64(u.Up); d < 0 || d > int64(5*time.Second) {
				t.Errorf("%d ns behind the clock", d)
			}
			return err
		},
		"/proc/self/statm": func(t *testing.T, b []byte) error {
			var m procfs.SelfStatm
			err := m.Parse(b, pageSize)
			if m.Resident < 1<<20 || m.Size < m.Resident || m.Resident < m.Shared {
				t.Errorf("%+v", m)
			}
			return err
		},
		"/proc/self/io": func(t *testing.T, b []byte) error {
			var s procfs.SelfIO
			err := s.Parse(b)
			if !s.ReadBytes.Present() || !s.WriteBytes.Present() {
				t.Errorf("%+v", s)
			}
			return err
		},
		"/proc/self/stat": func(t *testing.T, b []byte) error {
			var s procfs.SelfStat
			err := s.Parse(b)
			var u syscall.Rusage
			if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
				t.Fatal(err)
			}
			if s.NumThreads == 0 || s.NumThreads > 10000 || s.StartTime == 0 || s.MinFlt == 0 || s.MinFlt > uint64(u.Minflt) {
				t.Errorf("%+v, getrusage has %d faults", s, u.Minflt)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := parse(t, read(t, name)); err != nil {
				t.Error(err)
			}
		})
	}
}
