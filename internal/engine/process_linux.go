package engine

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// errOtherRoot is why there are no numbers of the process under another root:
// they would be those of this process, which is not part of it.
var errOtherRoot = errors.New("the process is not part of another root")

// processCollector reads this process: getrusage(2) and /proc/self.
type processCollector struct {
	gate
	engine      *linux
	opener      kernfs.Opener
	statm, stat kernfs.File
	io          kernfs.KeyFile
	folder      int // /proc/self/fd, open for its name alone; -1: not yet
	counts      processCounters
}

func (c *processCollector) init(l *linux) {
	c.engine, c.opener, c.folder = l, l.opener("process"), -1
	c.statm, c.stat, c.io.File = c.opener.File("/proc/self/statm"), c.opener.File("/proc/self/stat"), c.opener.File("/proc/self/io")
	c.free = func() {
		for _, f := range []*kernfs.File{&c.statm, &c.io.File, &c.stat} {
			f.Close()
		}
		if c.folder >= 0 {
			_ = unix.Close(c.folder)
			c.folder = -1
		}
	}
}

func (c *processCollector) read(p *kernfs.Pass, w sample.Parts, s *sample.Process) error {
	*s = sample.Process{Time: p.Now()}
	if !c.engine.cfg.Root.IsHost() {
		return errOtherRoot
	}
	c.readUsage(w, s)
	if w.Have(sample.PartFiles) {
		c.readFiles(p, s)
	}
	c.counts.add(s)
	return nil
}

// readFiles reads what /proc/self tells of the process.
func (c *processCollector) readFiles(p *kernfs.Pass, s *sample.Process) {
	var memory procfs.SelfStatm
	var disk procfs.SelfIO
	var self procfs.SelfStat
	if c.parse(p, &c.statm, func(b []byte) error { return memory.Parse(b, uint64(os.Getpagesize())) }) {
		s.RSS, s.Virtual = sample.SomeUint(memory.Resident), sample.SomeUint(memory.Size)
	}
	if c.parse(p, &c.io.File, func(b []byte) error { return disk.ParseAs(&c.io.Layout, b) }) {
		s.ReadBytes, s.WriteBytes = disk.ReadBytes, disk.WriteBytes
	}
	if c.parse(p, &c.stat, self.Parse) {
		s.Threads = sample.SomeUint(self.NumThreads)
		if now, err := sinceBoot(); err == nil && now >= self.StartTime {
			s.Uptime = sample.Some(float64(now-self.StartTime) / 1e9)
		}
	}
	if n, err := c.openDescriptors(); err == nil {
		s.Descriptors = sample.SomeUint(n)
	} else {
		c.engine.failed("process", err)
	}
}

// readUsage asks getrusage(2), which knows the whole process to the nanosecond
// of its clock; /proc/self/stat has ticks.
func (c *processCollector) readUsage(w sample.Parts, s *sample.Process) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		c.engine.failed("process", os.NewSyscallError("getrusage", err))
		return
	}
	count := func(n int64) sample.OptUint { return sample.SomeUint(uint64(max(n, 0))) }
	s.User, s.System = count(u.Utime.Nano()), count(u.Stime.Nano())
	s.Faults = sample.Faults{Minor: count(int64(u.Minflt)), Major: count(int64(u.Majflt))}
	s.Voluntary, s.Involuntary = count(int64(u.Nvcsw)), count(int64(u.Nivcsw))
	if !w.Have(sample.PartUtilization) {
		return
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(c.engine.pid, &set); err == nil { // else there are more CPUs than the set holds
		s.CPUs = sample.SomeUint(uint64(set.Count()))
	}
}

// parse reads f into a struct and reports whether that went well.
func (c *processCollector) parse(p *kernfs.Pass, f *kernfs.File, into func([]byte) error) bool {
	b, err := f.Read(p)
	if err == nil {
		err = into(b)
	}
	if err != nil {
		c.engine.failed("process", f.ParseError(err))
	}
	return err == nil
}

// openDescriptors counts the open files. Since Linux 6.2 the kernel says so in
// the size of the folder; before, its names have to be listed. The folder is
// kept: to look its path up costs more than the rest.
func (c *processCollector) openDescriptors() (n uint64, err error) {
	const name = "/proc/self/fd"
	if c.folder < 0 {
		if c.folder, err = unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0); err != nil {
			return 0, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
	var st unix.Stat_t
	if err := unix.Fstat(c.folder, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Size > 0 {
		return uint64(st.Size), nil
	}
	return listDescriptors()
}

func listDescriptors() (n uint64, err error) {
	dir, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0, err
	}
	defer func() { _ = dir.Close() }()
	for {
		names, err := dir.Readdirnames(1024)
		n += uint64(len(names))
		if errors.Is(err, io.EOF) {
			return n - 1, nil // all but the one that lists
		}
		if err != nil {
			return 0, err
		}
	}
}
