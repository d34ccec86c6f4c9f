package engine

import (
	"os"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// uptimeReader knows how long the machine runs, and how long the container does.
type uptimeReader struct {
	engine        *linux
	uptime        kernfs.File
	first, status kernfs.File // of process 1, of this process

	// A process stays in its PID namespace, and a namespace does not outlive its init: once known, the start stays.
	start sample.OptUint // of the namespace's init, on the clock of sinceBoot
	done  bool
}

func (u *uptimeReader) init(l *linux, o *kernfs.Opener) {
	u.engine, u.done = l, !l.cfg.OwnPID
	u.uptime, u.first, u.status = o.File("/proc/uptime"), o.File("/proc/1/stat"), o.File("/proc/self/status")
}

// machine is /proc/uptime as it is shown, in an LXCFS container that of the container.
func (u *uptimeReader) machine(p *kernfs.Pass, report cgroup.Report) sample.OptUint {
	var parsed procfs.Uptime
	b, err := u.uptime.Read(p)
	if err == nil {
		err = parsed.Parse(b)
	}
	if err != nil {
		report(u.uptime.ParseError(err))
		return sample.OptUint{}
	}
	return sample.SomeUint(parsed.Up)
}

// container is the age of the init of the process's own PID namespace.
func (u *uptimeReader) container(p *kernfs.Pass, report cgroup.Report) sample.OptUint {
	if !u.done {
		u.findStart(p, report)
	}
	start, ok := u.start.Get()
	if !ok {
		return sample.OptUint{}
	}
	now, ok := u.now(p, report).Get()
	if !ok || now < start {
		return sample.OptUint{}
	}
	return sample.SomeUint(now - start)
}

// now is on the clock by which /proc counts the start of processes. /proc/uptime
// is that clock unless somebody shows another one there, as LXCFS does.
func (u *uptimeReader) now(p *kernfs.Pass, report cgroup.Report) sample.OptUint {
	if !u.engine.cfg.Root.IsHost() {
		if u.engine.place.mayHang(u.uptime.Name()) {
			return sample.OptUint{}
		}
		return u.machine(p, report)
	}
	n, err := sinceBoot()
	if err != nil {
		report(err)
		return sample.OptUint{}
	}
	return sample.SomeUint(n)
}

func (u *uptimeReader) findStart(p *kernfs.Pass, report cgroup.Report) {
	b, err := u.status.Read(p)
	var status procfs.SelfStatus
	if err == nil {
		err = status.Parse(b)
	}
	if err != nil {
		report(u.status.ParseError(err))
		return
	}
	// In the /proc of another PID namespace, such as the machine's bound into
	// the container, the process has a number there besides its own, and
	// process 1 is that namespace's init.
	if status.PIDNamespaces != 1 {
		u.found(sample.OptUint{})
		return
	}
	b, err = u.first.Read(p)
	var init procfs.SelfStat
	if err == nil {
		err = init.Parse(b)
	}
	if err != nil {
		report(u.first.ParseError(err))
		return
	}
	u.found(sample.SomeUint(init.StartTime))
}

func (u *uptimeReader) found(start sample.OptUint) {
	u.start, u.done = start, true
	u.status.Close()
	u.first.Close()
}

func (u *uptimeReader) close() {
	for _, f := range []*kernfs.File{&u.uptime, &u.first, &u.status} {
		f.Close()
	}
}

// sinceBoot is CLOCK_BOOTTIME, by which /proc/PID/stat counts (proc_pid_stat(5));
// both count suspended time and are shifted alike in a time namespace.
func sinceBoot() (uint64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, os.NewSyscallError("clock_gettime", err)
	}
	return uint64(max(t.Nano(), 0)), nil
}
