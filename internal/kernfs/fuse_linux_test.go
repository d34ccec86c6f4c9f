package kernfs_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// fuse is a file system of one file, "file", whose daemon can stop answering:
// what LXCFS is when it dies.
type fuse struct {
	dir  string
	dev  *os.File
	text string

	mu     sync.Mutex
	silent bool
	held   [][]byte // requests that wait for an answer
}

// mountFUSE skips where a mount is not permitted.
func mountFUSE(t *testing.T, text string) *fuse {
	t.Helper()
	f := &fuse{dir: t.TempDir(), text: text}
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skipf("/dev/fuse: %v", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=%d,group_id=%d", fd, os.Getuid(), os.Getgid())
	if err := unix.Mount("otelresource-test", f.dir, "fuse.test", unix.MS_NOSUID|unix.MS_NODEV, options); err != nil {
		_ = unix.Close(fd)
		t.Skipf("mount a FUSE file system: %v", err)
	}
	f.dev = os.NewFile(uintptr(fd), "/dev/fuse")
	served := make(chan struct{})
	go func() {
		defer close(served)
		f.serve()
	}()
	t.Cleanup(func() {
		_ = unix.Unmount(f.dir, unix.MNT_DETACH)
		_ = f.dev.Close() // fails whatever still waits
		<-served
	})
	return f
}

func (f *fuse) serve() {
	buf := make([]byte, 1<<20)
	for {
		n, err := f.dev.Read(buf)
		if err != nil {
			return
		}
		request := append([]byte(nil), buf[:n]...)
		f.mu.Lock()
		if f.silent {
			f.held = append(f.held, request)
			request = nil
		}
		f.mu.Unlock()
		if request != nil {
			f.answer(request)
		}
	}
}

// hang stops the answers, also those to come; resume gives them all.
func (f *fuse) hang() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = true
}

func (f *fuse) resume() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.silent = false
	for _, request := range f.held {
		f.answer(request)
	}
	f.held = nil
}

// answer speaks the part of linux/fuse.h that opening and reading need.
func (f *fuse) answer(request []byte) {
	e := binary.NativeEndian
	opcode, unique, node, body := e.Uint32(request[4:]), e.Uint64(request[8:]), e.Uint64(request[16:]), request[40:]
	var out []byte
	var errno unix.Errno
	switch opcode {
	case 26: // INIT: version 7.31, and the rest at its default
		out = make([]byte, 64)
		e.PutUint32(out, 7)
		e.PutUint32(out[4:], 31)
		e.PutUint32(out[20:], 4096)
	case 1: // LOOKUP: no entry is remembered, so that each opening asks
		if string(body) != "file\x00" {
			errno = unix.ENOENT
			break
		}
		out = append(make([]byte, 40), f.attributes(2)...)
		e.PutUint64(out, 2)
	case 3: // GETATTR
		out = append(make([]byte, 16), f.attributes(node)...)
	case 14: // OPEN, with FOPEN_DIRECT_IO: each read asks
		out = make([]byte, 16)
		e.PutUint32(out[8:], 1)
	case 15: // READ
		if at := e.Uint64(body[8:]); at < uint64(len(f.text)) {
			out = []byte(f.text[at:])
		}
	case 17: // STATFS
		out = make([]byte, 80)
	case 18, 25: // RELEASE, FLUSH
	case 2, 36, 42: // FORGET, INTERRUPT, BATCH_FORGET have no answer
		return
	default:
		errno = unix.ENOSYS
	}
	answer := e.AppendUint32(nil, uint32(16+len(out)))
	answer = e.AppendUint32(answer, uint32(-int32(errno)))
	answer = e.AppendUint64(answer, unique)
	_, _ = f.dev.Write(append(answer, out...))
}

func (f *fuse) attributes(node uint64) []byte {
	e := binary.NativeEndian
	b := make([]byte, 88)
	mode := uint32(unix.S_IFDIR | 0o755)
	if node == 2 {
		mode = unix.S_IFREG | 0o444
	}
	e.PutUint64(b, node)
	e.PutUint32(b[60:], mode)
	e.PutUint32(b[64:], 1)
	return b
}
