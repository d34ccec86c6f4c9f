package netlink

import (
	"errors"
	"fmt"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// initialSize is what the kernel packs into one datagram of a dump at most, once it has seen a
	// receive buffer that large: about 130 interfaces.
	initialSize = 32 << 10
	maxSize     = 4 << 20

	// timeout bounds a wait for the kernel, which answers a dump at once.
	timeout = 200 * time.Millisecond
)

// Conn is a netlink socket. It stays in the network namespace of the thread
// that opened it. A Conn belongs to one goroutine at a time.
type Conn struct {
	fd      int
	seq     uint32
	buf     []byte
	request []byte
}

// Dial opens a socket.
func Dial() (*Conn, error) {
	c := &Conn{fd: -1, buf: make([]byte, initialSize), request: make([]byte, 0, requestSize)}
	if err := c.open(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Conn) open() error {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return failure("socket", err)
	}
	t := unix.NsecToTimeval(timeout.Nanoseconds())
	if err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &t); err == nil {
		// Connected to the kernel, the socket takes messages of nobody else.
		err = unix.Connect(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	}
	if err != nil {
		_ = unix.Close(fd)
		return failure("connect", err)
	}
	c.fd = fd
	return nil
}

// Stats appends the counters of every interface in the namespace to dst, by
// one send and a receive for each 130 interfaces or so. With the capacity of
// dst sufficient it allocates nothing. After an error dst is returned as it came.
//
// A dump waits for the lock that changes of the network configuration hold.
func (c *Conn) Stats(dst []LinkStats) ([]LinkStats, error) {
	stats, err := c.dump(dst)
	if errors.Is(err, ErrInterrupted) {
		stats, err = c.dump(dst)
	}
	if err != nil {
		return dst, err
	}
	return stats, nil
}

// dump asks again from the start with a larger buffer where an answer did not fit.
func (c *Conn) dump(dst []LinkStats) ([]LinkStats, error) {
	for {
		stats, interrupted, err := c.dumpOnce(dst)
		switch {
		case err == nil && interrupted:
			return dst, ErrInterrupted
		case err == nil:
			return stats, nil
		}
		// What is left of a dump that failed would be in the way of the next.
		c.Close()
		if !errors.Is(err, errTruncated) || len(c.buf) >= maxSize {
			return dst, err
		}
		c.buf = make([]byte, 2*len(c.buf))
	}
}

var errTruncated = errors.New("a netlink datagram did not fit")

func (c *Conn) dumpOnce(dst []LinkStats) (stats []LinkStats, interrupted bool, err error) {
	if c.fd < 0 {
		if err := c.open(); err != nil {
			return dst, false, err
		}
	}
	c.seq++
	c.request = appendRequest(c.request[:0], c.seq)
	if err := c.send(c.request); err != nil {
		return dst, false, failure("send", err)
	}
	for {
		n, err := c.receive()
		switch {
		case err != nil:
			return dst, false, failure("receive", err)
		case n > len(c.buf):
			return dst, false, errTruncated
		case n == 0:
			return dst, false, failure("receive", ErrMalformed)
		}
		var done, changed bool
		dst, done, changed, err = decode(c.buf[:n], c.seq, dst)
		interrupted = interrupted || changed
		if err != nil {
			return dst, false, failure("dump", err)
		}
		if done {
			return dst, interrupted, nil
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
// than the buffer. unix.Recvfrom would allocate the address of the sender.
func (c *Conn) receive() (int, error) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVFROM, uintptr(c.fd),
			uintptr(unsafe.Pointer(unsafe.SliceData(c.buf))), uintptr(len(c.buf)), unix.MSG_TRUNC, 0, 0)
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
	if c.fd < 0 {
		if err := c.open(); err != nil {
			return "", err
		}
	}
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

// Close gives the socket back. The next dump opens another one.
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
