package measure

import (
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// Floor is kernel files without anything of ours: descriptors and preads.
type Floor struct {
	Names []string
	fds   []int
	pages []bool // handed out by the page: read to the end
	buf   []byte
}

// FloorOf runs read and opens the kernel files that it keeps open a second
// time, but for those whose names end so: it reads them seldom.
func FloorOf(read func(), seldom ...string) (*Floor, error) {
	before, err := descriptors()
	if err != nil {
		return nil, err
	}
	read()
	after, err := descriptors()
	if err != nil {
		return nil, err
	}
	f := &Floor{buf: make([]byte, 8<<10)}
	for fd, name := range after {
		st := unix.Stat_t{}
		if before[fd] == name || unix.Lstat(name, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || hasSuffix(name, seldom) {
			continue
		}
		f.Names = append(f.Names, name)
	}
	slices.Sort(f.Names)
	return f, f.open()
}

// NewFloor opens files by their names.
func NewFloor(names ...string) (*Floor, error) {
	f := &Floor{Names: names, buf: make([]byte, 8<<10)}
	return f, f.open()
}

func (f *Floor) open() error {
	for _, name := range f.Names {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: name, Err: err}
		}
		f.fds, f.pages = append(f.fds, fd), append(f.pages, hasSuffix(name, []string{"/vmstat", "/diskstats", "/net/dev"}))
	}
	return nil
}

func hasSuffix(name string, one []string) bool {
	return slices.ContainsFunc(one, func(s string) bool { return strings.HasSuffix(name, s) })
}

// Read reads every file once.
func (f *Floor) Read() {
	for i, fd := range f.fds {
		n, _ := unix.Pread(fd, f.buf, 0)
		for at := n; f.pages[i] && n > 0; at += n {
			n, _ = unix.Pread(fd, f.buf, int64(at))
		}
	}
}

// descriptors are the open files by their numbers.
func descriptors() (map[string]string, error) {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, e := range entries {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			names[e.Name()] = name
		}
	}
	return names, nil
}
