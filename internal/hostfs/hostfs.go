// Package hostfs knows where the host's file systems are. It is the only
// place that joins a path such as /proc/meminfo to a root folder.
package hostfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Root is the folder that holds /proc, /sys, /etc and the rest. The zero Root
// is "/", the machine that the program runs on.
//
// Under any other Root only files below it are read: absolute symlinks
// and ".." resolve inside it, as they do for a process that chroot(2) confines,
// and a link swapped during the walk cannot lead out of it.
type Root struct {
	dir string // "" is "/"
}

// New returns the Root at dir; "" and "/" mean the machine itself. The
// folder must exist.
func New(dir string) (Root, error) {
	if dir == "" || filepath.Clean(dir) == "/" {
		return Root{}, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return Root{}, err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return Root{}, err
	}
	if !info.IsDir() {
		return Root{}, &fs.PathError{Op: "open", Path: abs, Err: syscall.ENOTDIR}
	}
	return Root{dir: abs}, nil
}

// IsHost reports whether the root is the machine's own "/".
func (r Root) IsHost() bool { return r.dir == "" }

// Path returns where name, an absolute path as the kernel documents it, is
// found. It is for messages; opening goes through Open.
func (r Root) Path(name string) string { return r.dir + name }

// String returns the folder.
func (r Root) String() string {
	if r.dir == "" {
		return "/"
	}
	return r.dir
}

// Open opens the regular file name for reading. It never blocks on a FIFO
// and refuses everything that is not a regular file with ErrNotRegular.
func (r Root) Open(name string) (*os.File, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: r.Path(name), Err: ErrNotRegular}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// ErrNotRegular says that a folder, FIFO, socket or device stands where the
// kernel has a file.
var ErrNotRegular = errors.New("not a regular file")

// ErrTooLarge says that a file is longer than its reader is willing to hold.
var ErrTooLarge = errors.New("file too large")

func (r Root) open(name string) (*os.File, error) {
	if r.IsHost() {
		return openHost(name)
	}
	var f *os.File
	err := r.within(name, func(root *os.Root, rel string) (err error) {
		f, err = openIn(root, rel, r.Path(name))
		return err
	})
	return f, err
}

// ReadFile returns the whole of name, at most limit bytes: a longer file is
// ErrTooLarge, never a silently shortened one. It is for files that are read
// once; package kernfs reads those that are read again and again.
func (r Root) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, &fs.PathError{Op: "read", Path: r.Path(name), Err: fmt.Errorf("%w: over %d bytes", ErrTooLarge, limit)}
	}
	return b, nil
}

// ReadDir returns the names in the folder name, in no particular order, at
// most limit of them.
func (r Root) ReadDir(name string, limit int) ([]string, error) {
	f, err := r.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	names, err := f.Readdirnames(limit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return names, err
}

// Readlink returns the target of the symlink name as it is written.
func (r Root) Readlink(name string) (string, error) {
	if r.IsHost() {
		return os.Readlink(name)
	}
	dir, base := path.Split(path.Clean(name))
	var target string
	err := r.within(dir, func(root *os.Root, rel string) (err error) {
		target, err = root.Readlink(path.Join(rel, base))
		return err
	})
	return target, err
}

// Stat follows symlinks, inside the root.
func (r Root) Stat(name string) (fs.FileInfo, error) {
	if r.IsHost() {
		return os.Stat(name)
	}
	var info fs.FileInfo
	err := r.within(name, func(root *os.Root, rel string) (err error) {
		info, err = root.Stat(rel)
		return err
	})
	return info, err
}

// Exists reports whether name is there. An error that is not "no such file"
// counts as there being something.
func (r Root) Exists(name string) bool {
	_, err := r.Stat(name)
	return err == nil || !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR)
}

// within resolves name inside the root and calls do with what is left to
// open. os.Root guards the last step: whatever changes between
// the two, do cannot leave the folder.
func (r Root) within(name string, do func(root *os.Root, rel string) error) error {
	root, err := os.OpenRoot(r.dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	rel, err := resolve(root, name)
	if err == nil {
		err = do(root, rel)
	}
	if err == nil {
		return nil
	}
	// os.Root reports the relative name; a reader of the message wants the whole.
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return &fs.PathError{Op: pe.Op, Path: r.Path(name), Err: pe.Err}
	}
	return &fs.PathError{Op: "open", Path: r.Path(name), Err: err}
}

// maxLinks is what Linux allows in one path walk (MAXSYMLINKS).
const maxLinks = 40

// resolve follows every symlink of name as chroot(2) would: "/" is the root
// and ".." stops there. The result holds no link and no "..".
func resolve(root *os.Root, name string) (string, error) {
	var done []string
	todo := strings.Split(name, "/")
	links := 0
	for len(todo) > 0 {
		c := todo[0]
		todo = todo[1:]
		switch c {
		case "", ".":
			continue
		case "..":
			done = done[:max(0, len(done)-1)]
			continue
		}
		at := path.Join(path.Join(done...), c)
		info, err := root.Lstat(at)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			done = append(done, c)
			continue
		}
		if links++; links > maxLinks {
			return "", syscall.ELOOP
		}
		target, err := root.Readlink(at)
		if err != nil {
			return "", err
		}
		if path.IsAbs(target) {
			done = done[:0]
		}
		todo = append(strings.Split(target, "/"), todo...)
	}
	if len(done) == 0 {
		return ".", nil
	}
	return path.Join(done...), nil
}
