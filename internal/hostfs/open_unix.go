//go:build unix

package hostfs

import (
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// Without O_NONBLOCK, opening a FIFO waits for its writer.
const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY

func openHost(name string) (*os.File, error) {
	return open(unix.AT_FDCWD, name, flags, name)
}

// openIn opens rel, which holds no symlink, under root. What took the place of
// its last name since is not followed. The file is called name in messages.
func openIn(root *os.Root, rel, name string) (*os.File, error) {
	dir, err := root.Open(path.Dir(rel))
	if err != nil {
		return nil, err
	}
	defer func() { _ = dir.Close() }()
	return open(int(dir.Fd()), path.Base(rel), flags|unix.O_NOFOLLOW, name)
}

// open keeps the file out of the runtime's poller, where os.OpenFile puts it. To be
// taken in, a FUSE file asks its daemon (FUSE_POLL), while the thread is not known to be in
// a system call: with a dead daemon the garbage collector would wait for
// it, and the whole program with the collector.
func open(dir int, rel string, flags int, name string) (*os.File, error) {
	for {
		fd, err := unix.Openat(dir, rel, flags, 0)
		if err == unix.EINTR {
			continue
		}
		if err == nil {
			var st unix.Stat_t
			if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG && st.Mode&unix.S_IFMT != unix.S_IFDIR {
				err = ErrNotRegular
			}
			if err == nil {
				err = unix.SetNonblock(fd, false) // os.NewFile gives the poller what does not block
			}
			if err == nil {
				return os.NewFile(uintptr(fd), name), nil
			}
			_ = unix.Close(fd)
		}
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
}
