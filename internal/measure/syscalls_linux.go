package measure

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The marks are calls that fail without doing anything: descriptors that no process has.
const (
	beginMark = -0x6d31
	endMark   = -0x6d32
)

// Region runs f between two marks, on one thread.
func Region(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Close(beginMark)
	f()
	_ = unix.Close(endMark)
}

// ErrNoTracing says that the machine does not let a process be traced: a
// sandbox, a seccomp filter, another tracer.
var ErrNoTracing = errors.New("ptrace is not permitted")

// Calls are system calls, such as "pread64 /proc/meminfo", and how often each was made.
type Calls map[string]int

// SystemCalls runs cmd, which calls Region, and counts what is called inside
// it: by the thread of the Region, and by all others, which belong to the Go
// runtime and to goroutines that the Region started.
func SystemCalls(cmd *exec.Cmd) (own, others Calls, err error) {
	// The tracer is a thread, not a process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrNoTracing, err)
	}
	pid := cmd.Process.Pid
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil || !status.Stopped() {
		return nil, nil, fmt.Errorf("%w: the process did not stop (%v)", ErrNoTracing, err)
	}
	if err := unix.PtraceSetOptions(pid, unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_EXITKILL); err != nil {
		_ = cmd.Process.Kill()
		_, _ = unix.Wait4(pid, &status, unix.WALL, nil)
		return nil, nil, fmt.Errorf("%w: %w", ErrNoTracing, err)
	}
	t := trace{pid: pid, own: Calls{}, others: Calls{}}
	err = t.follow()
	if t.err != nil {
		err = t.err
	}
	return t.own, t.others, err
}

type trace struct {
	pid         int
	thread      int // that is inside the Region
	regions     int
	own, others Calls
	err         error
}

// follow lets all threads run from call to call until the process ends.
func (t *trace) follow() error {
	next, sig := t.pid, 0
	for {
		// A thread that has ended meanwhile cannot be resumed.
		if err := unix.PtraceSyscall(next, sig); err != nil && err != unix.ESRCH {
			return os.NewSyscallError("ptrace", err)
		}
		var status unix.WaitStatus
		var err error
		for {
			if next, err = unix.Wait4(-1, &status, unix.WALL|unix.WNOTHREAD, nil); err != unix.EINTR {
				break
			}
		}
		sig = 0
		switch {
		case err != nil:
			return os.NewSyscallError("wait4", err)
		case status.Exited() && next == t.pid:
			if status.ExitStatus() != 0 {
				return fmt.Errorf("the process exited with %d", status.ExitStatus())
			}
			if t.regions == 0 {
				return errors.New("the process called no Region")
			}
			return nil
		case status.Signaled() && next == t.pid:
			return fmt.Errorf("the process died of %v", status.Signal())
		case !status.Stopped():
		case status.StopSignal() == unix.SIGTRAP|0x80:
			t.call(next)
		case status.StopSignal() != unix.SIGTRAP && status.StopSignal() != unix.SIGSTOP:
			sig = int(status.StopSignal())
		}
	}
}

// syscallInfo is struct ptrace_syscall_info of an entry (linux/ptrace.h, since Linux 5.3).
type syscallInfo struct {
	op     uint8
	_      [3]uint8
	_      uint32
	_, _   uint64
	number uint64
	args   [6]uint64
}

func (t *trace) call(thread int) {
	const getSyscallInfo, entry = 0x420e, 1
	var info syscallInfo
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE, getSyscallInfo, uintptr(thread), unsafe.Sizeof(info), uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno == unix.ESRCH {
		return // the end of the process took the stopped thread along
	}
	if errno != 0 {
		t.err = fmt.Errorf("%w: %w", ErrNoTracing, os.NewSyscallError("ptrace", errno))
		return
	}
	if info.op != entry {
		return
	}
	switch fd := int32(info.args[0]); {
	case info.number == unix.SYS_CLOSE && fd == beginMark:
		t.thread = thread
		t.regions++
	case info.number == unix.SYS_CLOSE && fd == endMark:
		t.thread = 0
	case thread == t.thread:
		t.own[t.describe(info.number, fd)]++
	case t.thread != 0:
		t.others[t.describe(info.number, fd)]++
	}
}

// named are the calls that a reading may make.
var named = map[uint64]string{
	unix.SYS_PREAD64: "pread64", unix.SYS_READ: "read", unix.SYS_WRITE: "write", unix.SYS_CLOSE: "close",
	unix.SYS_FSTAT: "fstat", unix.SYS_LSEEK: "lseek", unix.SYS_RECVFROM: "recvfrom", unix.SYS_IOCTL: "ioctl",
	unix.SYS_FCNTL: "fcntl", unix.SYS_GETDENTS64: "getdents64", unix.SYS_FSTATFS: "fstatfs",
	unix.SYS_OPENAT: "openat", unix.SYS_SCHED_GETAFFINITY: "sched_getaffinity", unix.SYS_GETRUSAGE: "getrusage",
	unix.SYS_STATFS: "statfs", unix.SYS_SYSINFO: "sysinfo", unix.SYS_PRLIMIT64: "prlimit64", unix.SYS_FUTEX: "futex",
	unix.SYS_EPOLL_CTL: "epoll_ctl", unix.SYS_EPOLL_PWAIT: "epoll_pwait", unix.SYS_CLOCK_GETTIME: "clock_gettime",
	unix.SYS_NANOSLEEP: "nanosleep", unix.SYS_MADVISE: "madvise", sysMmap: "mmap", unix.SYS_RT_SIGRETURN: "rt_sigreturn",
	unix.SYS_CLONE: "clone", unix.SYS_RT_SIGPROCMASK: "rt_sigprocmask", unix.SYS_SIGALTSTACK: "sigaltstack",
	unix.SYS_GETTID: "gettid", unix.SYS_SCHED_YIELD: "sched_yield", unix.SYS_MUNMAP: "munmap",
	unix.SYS_READLINKAT: "readlinkat", unix.SYS_GETPID: "getpid", unix.SYS_TGKILL: "tgkill",
}

func (t *trace) describe(number uint64, fd int32) string {
	name, ok := named[number]
	if !ok {
		return fmt.Sprintf("call %d", number)
	}
	switch number {
	case unix.SYS_PREAD64, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_FSTAT, unix.SYS_CLOSE, unix.SYS_LSEEK, unix.SYS_GETDENTS64:
		if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, fd)); err == nil {
			return name + " " + to
		}
	}
	return name
}

// Runtime reports whether a counted call is one that the Go runtime makes for
// itself now and then: its locks, its clock, its heap.
func Runtime(call string) bool {
	switch call {
	case "futex", "nanosleep", "madvise", "mmap", "rt_sigreturn", "getpid", "tgkill", "epoll_pwait",
		"clone", "rt_sigprocmask", "sigaltstack", "gettid", "sched_yield", "munmap", "write anon_inode:[eventfd]":
		return true
	}
	return false
}
