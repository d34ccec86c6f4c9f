package kernfs_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// daemon is a FUSE file, "file" in dir, whose daemon can stop answering.
type daemon struct {
	*fixture.Daemon
	dir string
}

// serve skips where a mount is not permitted.
func serve(t *testing.T, text string) *daemon {
	t.Helper()
	root := fixture.Unpack(t, "-- file --\n")
	d, _ := root.Serve("file", fixture.Answer{Text: text})
	return &daemon{d, root.Dir()}
}

func (d *daemon) silent(is bool) {
	a := d.Get()
	a.Silent = is
	d.Set(a)
}

// hang stops the answers, also those to come; resume gives them all.
func (d *daemon) hang()   { d.silent(true) }
func (d *daemon) resume() { d.silent(false) }

// LXCFS may answer a read with less than was asked for.
func TestAFileThatGivesAByteAtATimeIsReadToItsEnd(t *testing.T) {
	d := serve(t, "536870912\n")
	a := d.Get()
	a.Chunk = 1
	d.Set(a)
	r := newReader(t)
	r.want(r.file(d.dir+"/file"), "536870912\n")
}

// gVisor answers fstatfs(2) on the files of /proc with ENOSYS.
func TestAFileOfAnUnknownFileSystemIsReadAsOneThatMayHang(t *testing.T) {
	d := serve(t, "536870912\n")
	a := d.Get()
	a.Statfs = unix.ENOSYS
	d.Set(a)
	r := newReader(t)
	f := r.file(d.dir + "/file")
	r.want(f, "536870912\n")
	r.want(f, "536870912\n")
	if n := r.SystemCalls(); n != 2 { // of one that cannot hang a single reading is enough
		t.Errorf("a reading makes %d system calls", n)
	}
}
