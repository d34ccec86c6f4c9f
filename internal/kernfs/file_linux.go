package kernfs

import (
	"errors"
	"io/fs"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// reprobe is how long a file that could not be opened is left alone. It may
// appear later: a controller is enabled, a permission granted.
const reprobe = 5 * time.Second

// Opener makes the Files of one collector. It is not copied once it made one.
type Opener struct {
	Root hostfs.Root
	// Guard takes whatever may hang. Collectors do not share one: a dead file
	// in one collector leaves the others alone.
	Guard Guard
	// MayHang reports, before a file is opened, that opening it could hang
	// because another file system is mounted over it (LXCFS on /proc/meminfo). nil: none.
	MayHang func(name string) bool

	whole Folder // of files by their whole names
}

// In returns the folder at path.
func (o *Opener) In(path string) *Folder { return &Folder{o, path} }

// File returns the file called name, such as /proc/meminfo.
func (o *Opener) File(name string) File {
	o.whole.opener = o
	return o.whole.File(name)
}

// Folder is where files lie, which share its path.
type Folder struct {
	opener *Opener
	path   string // "": its files are called by their whole names
}

// File returns the file called base. It is opened by its first reading.
func (d *Folder) File(base string) File { return File{folder: d, base: base} }

// File is one kernel file, kept open. A reading is one pread(2) at offset 0,
// which every /proc, /sys and cgroup file answers with fresh text. A file of a
// user-space file system is read on until its end.
//
// A File belongs to one goroutine at a time and is not copied once it was read. The
// zero File is none.
type File struct {
	_       noCopy
	folder  *Folder
	base    string
	seldom  *seldom // nil: nothing of it yet
	held    int32   // the descriptor and one; 0: not open
	slow    bool    // on a file system that may hang: read through the Guard
	guarded bool    // read through the Guard whatever the file system
}

// seldom is apart because a monitor has dozens of files, and most of them need none of it.
type seldom struct {
	err   error     // of the newest reading
	retry time.Time // when to try to open it again, where err is why it is not; else zero
}

// noCopy makes go vet tell of copies.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// KeyFile is a File of lines "key 123", and where it has them.
type KeyFile struct {
	File
	Layout Layout
}

// Known reports whether f is a file and not the zero File.
func (f *File) Known() bool { return f.folder != nil }

// Name returns the path as the kernel documents it, without the root.
func (f *File) Name() string {
	if f.folder.path == "" {
		return f.base
	}
	return f.folder.path + "/" + f.base
}

// Path returns where the file really is, for messages.
func (f *File) Path() string { return f.folder.opener.Root.Path(f.Name()) }

// PathOf remembers the path of one file. Asked for the same again, it allocates nothing.
type PathOf struct {
	file *File
	path string
}

// Get returns the path of f.
func (p *PathOf) Get(f *File) string {
	if p.file != f {
		p.file, p.path = f, f.Path()
	}
	return p.path
}

// ParseError names the file in an error of what takes its text apart. An
// error of the reading itself names it already and stays as it is.
func (f *File) ParseError(err error) error {
	if _, ok := err.(*fs.PathError); ok { // errors.As allocates, and a file that a kernel lacks is met on every reading
		return err
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return err
	}
	return &fs.PathError{Op: "parse", Path: f.Path(), Err: err}
}

// Err returns the error of the newest reading, nil where it succeeded.
func (f *File) Err() error {
	if f.seldom == nil {
		return nil
	}
	return f.seldom.err
}

// Read returns the whole text of a file that the kernel hands out in one
// piece. It is valid until the next reading of the same Pass.
//
// An error is a *fs.PathError. After one that the file itself causes (it does
// not exist, is denied, is switched off) the same error is returned, without a
// system call, until it is time to look again.
func (f *File) Read(p *Pass) ([]byte, error) {
	// The steady path in one piece: of a file of one number, the calls in
	// between would be a twentieth of the whole.
	if f.held > 0 && !f.slow && !f.guarded {
		n, err := unix.Pread(int(f.held-1), p.buf, 0)
		if err == nil && n < len(p.buf) {
			p.calls++
			if f.seldom != nil {
				f.seldom.err = nil
			}
			return p.buf[:n], nil
		}
	}
	return f.read(p, readWhole)
}

// ReadRecords returns the whole text of a file that the kernel hands out one
// page at a time, whatever the buffer (/proc/net/dev, /proc/diskstats,
// mountinfo): it reads on until nothing comes.
func (f *File) ReadRecords(p *Pass) ([]byte, error) { return f.read(p, readRecords) }

// ReadGuarded is ReadRecords for a kernel file that can wait for somebody else,
// as mountinfo does for a dead network mount: its reading has a time limit.
func (f *File) ReadGuarded(p *Pass) ([]byte, error) {
	f.guarded = true
	return f.read(p, readRecords)
}

type readFunc func(fd int, buf []byte) (text, grown []byte, calls int, err error)

func (f *File) read(p *Pass, how readFunc) ([]byte, error) {
	text, err := f.attempt(p, how)
	switch {
	case f.seldom != nil:
		f.seldom.err = err
	case err != nil:
		f.seldom = &seldom{err: err}
	}
	return text, err
}

func (f *File) attempt(p *Pass, how readFunc) ([]byte, error) {
	removed := false
	for attempt := 0; ; attempt++ {
		if f.held == 0 {
			if err := f.open(p); err != nil {
				return nil, err
			}
		}
		text, err := f.pread(p, how)
		if err == nil {
			p.replaced = p.replaced || removed
			return text, nil
		}
		switch {
		case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENOENT):
			// The cgroup was removed. One of the same name is another one: the
			// old descriptor never sees it.
			f.Close()
			if attempt == 0 {
				removed = true
				continue
			}
			return nil, f.give(p, f.pathError(err))
		case f.slow && (errors.Is(err, unix.ENOTCONN) || errors.Is(err, unix.ESTALE) || errors.Is(err, unix.EIO)):
			// Its daemon is gone. Under the name is now the one that followed, or
			// the kernel's own file.
			f.Close()
			if attempt == 0 {
				continue
			}
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EINVAL), errors.Is(err, hostfs.ErrTooLarge):
			// PSI compiled in but off: open succeeds, read does not. A file
			// that is too large costs MaxSize to find out: not every time.
			f.Close()
			return nil, f.give(p, f.pathError(err))
		}
		return nil, f.pathError(err)
	}
}

func (f *File) pathError(err error) error {
	return &fs.PathError{Op: "read", Path: f.Path(), Err: err}
}

// give leaves the file alone for a while.
func (f *File) give(p *Pass, err error) error {
	if f.seldom == nil {
		f.seldom = new(seldom)
	}
	f.seldom.retry = p.now.Add(reprobe)
	return err
}

func (f *File) pread(p *Pass, how readFunc) ([]byte, error) {
	if !f.slow && !f.guarded {
		text, buf, calls, err := how(int(f.held-1), p.buf)
		p.buf, p.calls = buf, p.calls+calls
		return text, err
	}
	if f.slow {
		// A daemon may answer with less than was asked for (FOPEN_DIRECT_IO): a
		// number that ends early would be another number.
		how = readRecords
	}
	fd, o := int(f.held-1), f.folder.opener
	type reading struct {
		text  []byte
		calls int
	}
	r, abandoned, err := Run(p.ctx, &o.Guard, Work{"read", o.Root, f.Name()}, func() (r reading, err error) {
		// A buffer of its own: a read that hangs writes into it whenever it returns.
		r.text, _, r.calls, err = how(fd, make([]byte, initialSize))
		return r, err
	}, func(reading, error) { _ = unix.Close(fd) })
	if abandoned {
		f.held = 0 // the helper closes it
		return nil, err
	}
	p.calls += r.calls
	return r.text, err
}

// readWhole reads at offset 0 until the text ends inside the buffer. A full buffer may hold
// a cut text, so it is grown and the reading starts again: two reads would
// give consecutive text of two different moments.
func readWhole(fd int, buf []byte) (text, grown []byte, calls int, err error) {
	for {
		n, err := pread(fd, buf, 0)
		calls++
		if err != nil {
			return nil, buf, calls, err
		}
		if n < len(buf) {
			return buf[:n], buf, calls, nil
		}
		if buf = grow(buf, 0); buf == nil {
			return nil, make([]byte, initialSize), calls, hostfs.ErrTooLarge
		}
	}
}

// readRecords reads at growing offsets until nothing comes.
func readRecords(fd int, buf []byte) (text, grown []byte, calls int, err error) {
	used := 0
	for {
		n, err := pread(fd, buf[used:], int64(used))
		calls++
		if err != nil {
			return nil, buf, calls, err
		}
		if n == 0 {
			return buf[:used], buf, calls, nil
		}
		if used += n; used < len(buf) {
			continue
		}
		if buf = grow(buf, used); buf == nil {
			return nil, make([]byte, initialSize), calls, hostfs.ErrTooLarge
		}
	}
}

func pread(fd int, buf []byte, at int64) (int, error) {
	for {
		n, err := unix.Pread(fd, buf, at)
		if err != unix.EINTR {
			return n, err
		}
	}
}

// grow returns a buffer of twice the size that keeps the first used bytes, or nil beyond MaxSize.
func grow(buf []byte, used int) []byte {
	if len(buf) >= MaxSize {
		return nil
	}
	bigger := make([]byte, 2*len(buf))
	copy(bigger, buf[:used])
	return bigger
}

func (f *File) open(p *Pass) error {
	if t := f.seldom; t != nil {
		if p.now.Before(t.retry) {
			return t.err
		}
		t.retry = time.Time{}
	}
	// A file that proved slow may hang in open as well: FUSE asks its daemon
	// for the name and for the opening.
	o := f.folder.opener
	root, name := o.Root, f.Name()
	guarded := f.slow || !root.IsHost() || o.MayHang != nil && o.MayHang(name)
	var got opened
	var err error
	if guarded {
		got, _, err = Run(p.ctx, &o.Guard, Work{"open", root, name},
			func() (opened, error) { return openRegular(root, name) },
			func(late opened, err error) {
				if err == nil {
					_ = unix.Close(late.fd)
				}
			})
	} else {
		got, err = openRegular(root, name)
	}
	p.calls += 3
	switch {
	case err == nil:
		f.held, f.slow = int32(got.fd)+1, got.slow
		return nil
	case errors.Is(err, ErrHung), p.ctx.Err() != nil:
		// It says nothing about the file's next answer: ask again next time.
		return &fs.PathError{Op: "open", Path: f.Path(), Err: err}
	}
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		pe = &fs.PathError{Op: "open", Path: f.Path(), Err: err}
	}
	return f.give(p, pe)
}

// opened is an open file.
type opened struct {
	fd   int
	slow bool // on a file system whose reads may never return
}

// openRegular opens a regular file.
func openRegular(root hostfs.Root, name string) (opened, error) {
	// O_NONBLOCK: opening a FIFO must not wait for its writer.
	const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY
	var fd int
	var err error
	if root.IsHost() {
		for {
			if fd, err = unix.Open(name, flags, 0); err != unix.EINTR {
				break
			}
		}
	} else {
		fd, err = openWithin(root, name)
	}
	if err != nil {
		return opened{}, err
	}
	var st unix.Stat_t
	var sfs unix.Statfs_t
	if err = unix.Fstat(fd, &st); err == nil && st.Mode&unix.S_IFMT != unix.S_IFREG {
		err = hostfs.ErrNotRegular
	}
	if err == nil {
		// gVisor does not tell whose a file of /proc is. It counts as one that may hang.
		if err = unix.Fstatfs(fd, &sfs); err == unix.ENOSYS {
			err = nil
		}
	}
	if err != nil {
		_ = unix.Close(fd)
		return opened{}, err
	}
	return opened{fd, mayHang(uint32(sfs.Type))}, nil
}

// openWithin opens below a root of files and keeps the bare descriptor:
// os.File would read twice, to see the end.
func openWithin(root hostfs.Root, name string) (int, error) {
	f, err := root.Open(name)
	if err != nil {
		return -1, err
	}
	defer func() { _ = f.Close() }()
	return unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
}

// mayHang is false for the kernel's own file systems and for local ones; what
// a network or a user-space daemon answers may never come. A magic number has
// 32 bits; statfs(2) hands it out in a signed word on some architectures.
func mayHang(fsType uint32) bool {
	switch fsType {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC,
		unix.TMPFS_MAGIC, unix.RAMFS_MAGIC, unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC,
		unix.BTRFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC:
		return false
	}
	return true
}

// Close gives the descriptor back. The next reading opens the file again.
func (f *File) Close() {
	if fd := int(f.held - 1); fd >= 0 {
		if f.held = 0; f.slow {
			go func() { _ = unix.Close(fd) }() // FUSE asks its daemon to flush
		} else {
			_ = unix.Close(fd)
		}
	}
	if f.seldom != nil {
		f.seldom.retry = time.Time{}
	}
}
