package engine

import (
	"bytes"
	"errors"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// networkNamespace is the network namespace of the process: that of its
// leader, as /proc/self/net has it. A thread may be in another one.
type networkNamespace struct {
	cfg  *Config
	link int // /proc/self/ns/net itself, not what it leads to; -1: not open
	last []byte
	buf  [64]byte
}

func newNetworkNamespace(c *Config) networkNamespace { return networkNamespace{cfg: c, link: -1} }

func (n *networkNamespace) close() {
	if n.link >= 0 {
		_ = unix.Close(n.link)
		n.link = -1
	}
}

// changed reports whether the process entered another namespace since it was
// asked last, by one system call and without an allocation.
func (n *networkNamespace) changed() bool {
	if !n.cfg.Root.IsHost() {
		return false
	}
	if n.link < 0 {
		fd, err := unix.Open("/proc/self/ns/net", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return false // a sandbox without namespaces
		}
		n.link = fd
	}
	// An empty path: the link that the descriptor stands for (readlinkat(2), since Linux 2.6.39).
	// unix.Readlinkat would allocate it.
	var empty byte
	size, _, errno := unix.Syscall6(unix.SYS_READLINKAT, uintptr(n.link), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&n.buf)), uintptr(len(n.buf)), 0, 0)
	if errno != 0 {
		return false
	}
	now := n.buf[:size]
	if bytes.Equal(now, n.last) {
		return false
	}
	first := n.last == nil
	n.last = bytes.Clone(now)
	return !first
}

// errOtherThread says that the calling thread is in another network namespace
// than the process: its socket would be, too.
var errOtherThread = errors.New("the thread is in another network namespace")

// dial opens a netlink socket in the namespace of the process.
func (n *networkNamespace) dial() (counters, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	self, err := n.cfg.Root.Readlink("/proc/self/ns/net")
	thread, err2 := n.cfg.Root.Readlink("/proc/thread-self/ns/net")
	if err == nil && err2 == nil && self != thread {
		return nil, errOtherThread
	}
	c, err := netlink.Dial()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// initialPID is the initial PID namespace (PROC_PID_INIT_INO in include/linux/proc_ns.h).
const initialPID = "pid:[4026531836]"

// ownNamespace reports whether the network namespace of the process differs from the machine's; absent
// if no file shows it. The inode does not show it: that of the initial namespace is not fixed before Linux 6.18.
func ownNamespace(root hostfs.Root, containerized bool) sample.Opt[bool] {
	// PID 1 is the machine's init only in the initial PID namespace. Its links
	// are for those who may trace it.
	if pid, err := root.Readlink("/proc/self/ns/pid"); err == nil && pid == initialPID {
		self, err := root.Readlink("/proc/self/ns/net")
		init, err2 := root.Readlink("/proc/1/ns/net")
		if err == nil && err2 == nil {
			return sample.Some(self != init)
		}
	}
	there := func(name string) bool {
		_, err := root.Stat(name)
		return err == nil
	}
	// The kernel registers net_core_table for the initial namespace alone
	// (net/core/sysctl_net_core.c), and anybody may see that.
	if there("/proc/sys/net/core/netdev_max_backlog") {
		return sample.Some(false)
	}
	// Those that every namespace has tell that /proc/sys is not masked.
	// Some kernels hide the first of them from a user namespace.
	if there("/proc/sys/net/core/somaxconn") || there("/proc/sys/net/ipv4/ip_forward") {
		return sample.Some(true)
	}
	if !containerized {
		return sample.Some(false)
	}
	return sample.Opt[bool]{}
}
