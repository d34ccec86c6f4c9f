package netlink

import (
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// firstSize is at least what the kernel packs into the first datagram of a dump
	// (NLMSG_GOODSIZE): with pages of 4 KiB about 15 interfaces.
	firstSize = 8 << 10

	// fullSize is what it packs into one at most (netlink_recvmsg), once it has seen a
	// receive buffer that large: about 130 interfaces.
	fullSize = 32 << 10

	// few datagrams are two of counters, of which the kernel sizes the first before it
	// has seen the buffer, and the end of the dump.
	few = 3

	// timeout bounds a wait for the kernel, which answers a dump at once.
	timeout = 200 * time.Millisecond
)

// Conn is a netlink socket. It stays in the network namespace of the thread
// that opened it, and is never opened again by itself: that could be another's. A Conn belongs to one goroutine at a time.
type Conn struct {
	fd      int
	seq     uint32
	size    int // of a receive: the kernel packs into a datagram what the largest so far took
	request []byte
}

// Dial opens a socket.
func Dial() (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, failure("socket", err)
	}
	t := unix.NsecToTimeval(timeout.Nanoseconds())
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t); err == nil {
		// Connected to the kernel, the socket takes messages of nobody else.
		err = unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, failure("connect", err)
	}
	return &Conn{fd: fd, size: firstSize, request: make([]byte, 0, requestSize)}, nil
}

// Stats appends the counters of every interface in the namespace to dst, by
// one send and a receive for each 130 interfaces or so, into the scratch buffer, which is
// replaced where it is too small. With the capacity of dst sufficient it allocates nothing.
// After an error dst is returned as it came. Any error but ErrInterrupted leaves a dump under
// way that would be in the way of the next: the Conn is of no more use.
//
// A dump waits for the lock that changes of the network configuration hold.
func (c *Conn) Stats(dst []LinkStats, scratch *[]byte) ([]LinkStats, error) {
	for range 2 {
		stats, interrupted, err := c.dump(dst, scratch)
		if err != nil || !interrupted {
			return stats, err
		}
	}
	return dst, ErrInterrupted
}

func (c *Conn) dump(dst []LinkStats, scratch *[]byte) (stats []LinkStats, interrupted bool, err error) {
	c.seq++
	c.request = appendRequest(c.request[:0], c.seq)
	if err := c.send(c.request); err != nil {
		return dst, false, failure("send", err)
	}
	stats = dst
	for datagrams := 0; ; datagrams++ {
		if datagrams == few {
			c.size = fullSize // a large machine: fewer calls from now on
		}
		if len(*scratch) < c.size {
			*scratch = make([]byte, c.size)
		}
		buf := (*scratch)[:c.size]
		n, err := c.receive(buf)
		if err == nil && (n == 0 || n > len(buf)) {
			err = ErrMalformed
		}
		if err != nil {
			return dst, false, failure("receive", err)
		}
		var done, changed bool
		stats, done, changed, err = decode(buf[:n], c.seq, stats)
		interrupted = interrupted || changed
		if err != nil {
			return dst, false, failure("dump", err)
		}
		if done {
			return stats, interrupted, nil
		}
	}
}

func (c *Conn) send(b []byte) error {
	for {
		if _, err := unix.Write(c.fd, b); err != unix.EINTR {
			return err
		}
	}
}

// receive returns the length of the next datagram, also where it is longer
// than buf. unix.Recvfrom would allocate the address of the sender.
func (c *Conn) receive(buf []byte) (int, error) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(c.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), unix.MSG_TRUNC, 0, 0)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// Name returns the name of the interface in the socket's own namespace, by
// SIOCGIFNAME (netdevice(7)). ENODEV says that it is gone.
func (c *Conn) Name(index int) (string, error) {
	// The name is what is asked for; the call wants one to start with.
	r, err := unix.NewIfreq("?")
	if err != nil {
		return "", err
	}
	r.SetUint32(uint32(index))
	if err := unix.IoctlIfreq(c.fd, unix.SIOCGIFNAME, r); err != nil {
		return "", failure("SIOCGIFNAME", err)
	}
	return r.Name(), nil
}

// Close gives the socket back; twice is once.
func (c *Conn) Close() {
	if c.fd >= 0 {
		_ = unix.Close(c.fd)
		c.fd = -1
	}
}

func failure(op string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		err = classify(errno)
	}
	return fmt.Errorf("netlink %s: %w", op, err)
}
