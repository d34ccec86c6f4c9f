package kernfs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// reader reads files and moves their clock.
type reader struct {
	t   *testing.T
	now time.Time
	kernfs.Pass
	kernfs.Opener
}

func newReader(t *testing.T) *reader {
	r := &reader{t: t, now: time.Now(), Opener: kernfs.Opener{}}
	r.begin()
	return r
}

func (r *reader) begin() { r.Begin(r.t.Context(), r.now) }

func (r *reader) file(name string) *kernfs.File {
	f := r.File(name)
	r.t.Cleanup(f.Close)
	return &f
}

// want reads f and compares, whatever the reading costs.
func (r *reader) want(f *kernfs.File, text string) {
	r.t.Helper()
	r.begin()
	b, err := f.Read(&r.Pass)
	if err != nil || string(b) != text || f.Err() != nil {
		r.t.Errorf("%s: %q, %v, want %q", f.Name(), b, err, text)
	}
}

// wantError reads f, which fails with cause after so many system calls.
func (r *reader) wantError(f *kernfs.File, cause error, calls int) {
	r.t.Helper()
	r.begin()
	b, err := f.Read(&r.Pass)
	var pe *fs.PathError
	if b != nil || !errors.Is(err, cause) || !errors.As(err, &pe) || pe.Path != f.Path() || f.Err() != err {
		r.t.Errorf("%s: %q, %v, want %v", f.Name(), b, err, cause)
	}
	if n := r.SystemCalls(); n != calls {
		r.t.Errorf("%s: %d system calls, want %d", f.Name(), n, calls)
	}
}

// kernelFiles are such that every kernel has.
var kernelFiles = []string{"/proc/meminfo", "/proc/stat", "/proc/uptime", "/proc/self/statm", "/proc/self/stat", "/proc/self/cgroup"}

func TestSteadyReadIsOneSystemCall(t *testing.T) {
	for _, name := range kernelFiles {
		t.Run(name, func(t *testing.T) {
			r := newReader(t)
			f := r.file(name)
			if _, err := f.Read(&r.Pass); err != nil {
				t.Fatal(err)
			}
			if n := testing.AllocsPerRun(20, func() {
				r.begin()
				if b, err := f.Read(&r.Pass); err != nil || len(b) == 0 {
					t.Errorf("%d bytes, %v", len(b), err)
				}
				if n := r.SystemCalls(); n != 1 {
					t.Errorf("%d system calls", n)
				}
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestK1KeptDescriptorIsFresh(t *testing.T) {
	r := newReader(t)
	f := r.file("/proc/self/comm")
	before, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.WriteFile("/proc/self/comm", bytes.TrimSpace(before), 0) })
	for _, name := range []string{"one", "two"} {
		if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
			t.Skip(err)
		}
		r.want(f, name+"\n")
	}
}

func TestK5DescriptorsAreNotInherited(t *testing.T) {
	root, err := hostfs.New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	write(t, root.Path("/file"), "text")
	for name, root := range map[string]hostfs.Root{"/proc/self/stat": {}, "/file": root} {
		r := newReader(t)
		r.Root = root
		f := r.file(name)
		if _, err := f.Read(&r.Pass); err != nil {
			t.Fatal(err)
		}
		if flags, err := unix.FcntlInt(uintptr(f.FD()), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s: flags %#x, %v", name, flags, err)
		}
	}
}

func TestFullBufferIsNeverTheWholeFile(t *testing.T) {
	const initial = 8 << 10
	dir := t.TempDir()
	for _, size := range []int{0, 1, initial - 1, initial, initial + 1, 2*initial - 1, 2 * initial, 2*initial + 1, kernfs.MaxSize - 1} {
		for how, read := range map[string]func(*kernfs.File, *kernfs.Pass) ([]byte, error){
			"whole": (*kernfs.File).Read, "records": (*kernfs.File).ReadRecords, "guarded": (*kernfs.File).ReadGuarded,
		} {
			if how == "guarded" && size > 3*initial {
				continue // on a busy machine it may take longer than the Guard waits
			}
			name := filepath.Join(dir, fmt.Sprint(size))
			text := bytes.Repeat([]byte("0123456789abcde\n"), size/16+1)[:size]
			write(t, name, string(text))
			r := newReader(t)
			f := r.file(name)
			for range 2 {
				if b, err := read(f, &r.Pass); err != nil || !bytes.Equal(b, text) {
					t.Errorf("%s: %d bytes of %d, %v", how, len(b), size, err)
				}
			}
		}
	}
}

func TestBufferGrowsOnce(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, strings.Repeat("x", 20000))
	r := newReader(t)
	f := r.file(name)
	for _, calls := range []int{3 + 3, 1, 1} { // open; 8, 16 and 32 KiB; then the buffer has its size
		r.begin()
		if _, err := f.Read(&r.Pass); err != nil || r.SystemCalls() != calls {
			t.Errorf("%d system calls, want %d, %v", r.SystemCalls(), calls, err)
		}
	}
}

func TestFileTooLarge(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, "")
	if err := os.Truncate(name, kernfs.MaxSize); err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	f := r.file(name)
	r.wantError(f, hostfs.ErrTooLarge, 3+12)
	r.wantError(f, hostfs.ErrTooLarge, 0)
	write(t, name, "small")
	r.now = r.now.Add(kernfs.Reprobe)
	r.want(f, "small")
	if _, err := r.file("/proc/kcore").ReadRecords(&r.Pass); err == nil {
		t.Error("/proc/kcore was read whole")
	}
}

func TestR28RecordsBeyondAPage(t *testing.T) {
	// Each mapping of its own is a line of /proc/self/maps, a record file.
	const mappings = 200
	page := os.Getpagesize()
	m, err := unix.Mmap(-1, 0, 2*mappings*page, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Munmap(m) })
	for i := range mappings {
		if err := unix.Mprotect(m[2*i*page:(2*i+1)*page], unix.PROT_NONE); err != nil {
			t.Fatal(err)
		}
	}
	r := newReader(t)
	f := r.file("/proc/self/maps")
	whole, err := f.ReadRecords(&r.Pass)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(whole, []byte("\n")); n < 2*mappings || len(whole) < 2*4096 || whole[len(whole)-1] != '\n' {
		t.Errorf("%d lines in %d bytes", n, len(whole))
	}
	size := len(whole)
	if b, err := f.Read(&r.Pass); err != nil || len(b) >= size {
		t.Logf("one read returns all %d bytes here, %v", len(b), err)
	}
	if n := testing.AllocsPerRun(5, func() { _, _ = f.ReadRecords(&r.Pass) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		path string
		want error
	}{
		"FIFO":    {fifo, hostfs.ErrNotRegular},
		"folder":  {dir, hostfs.ErrNotRegular},
		"device":  {"/dev/zero", hostfs.ErrNotRegular},
		"missing": {dir + "/missing", fs.ErrNotExist},
		"below a file": {
			"/proc/stat/x", unix.ENOTDIR,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReader(t)
			begin := time.Now()
			f := r.file(tc.path)
			r.wantError(f, tc.want, 3)
			r.wantError(f, tc.want, 0) // remembered
			if f.FD() != -1 || time.Since(begin) > time.Second {
				t.Errorf("descriptor %d after %v", f.FD(), time.Since(begin))
			}
		})
	}
}

func TestDenied(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	write(t, name, "secret")
	if err := os.Chmod(name, 0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if os.Geteuid() == 0 {
			runtime.LockOSThread() // never unlocked: the thread is thrown away
			_, _ = unix.SetfsuidRetUid(65534)
		}
		r := newReader(t)
		f := r.file(name)
		r.wantError(f, fs.ErrPermission, 3)
		r.wantError(f, fs.ErrPermission, 0)
	}()
	<-done
}

func TestAbsentFileIsLookedForAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	r := newReader(t)
	f := r.file(name)
	r.wantError(f, fs.ErrNotExist, 3)
	write(t, name, "text")
	r.now = r.now.Add(kernfs.Reprobe - time.Millisecond)
	r.wantError(f, fs.ErrNotExist, 0)
	r.now = r.now.Add(time.Millisecond)
	r.want(f, "text")
	f.Close()
	if f.FD() != -1 {
		t.Error("not closed")
	}
	f.Close()
	r.want(f, "text")
}

// testCgroup makes a cgroup, in the first hierarchy where that is permitted. The file can be written.
func testCgroup(t *testing.T) (dir, file string) {
	t.Helper()
	why := errors.New("no hierarchy is mounted")
	for _, c := range []struct{ hierarchy, file string }{
		{"/sys/fs/cgroup/pids", "notify_on_release"},
		{"/sys/fs/cgroup/memory", "notify_on_release"},
		{"/sys/fs/cgroup/freezer", "notify_on_release"},
		{"/sys/fs/cgroup/unified", "cgroup.max.depth"},
		{"/sys/fs/cgroup", "cgroup.max.depth"},
	} {
		var st unix.Statfs_t
		if err := unix.Statfs(c.hierarchy, &st); err != nil || st.Type != unix.CGROUP_SUPER_MAGIC && st.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		dir := fmt.Sprintf("%s/otelresource-test-kernfs-%d", c.hierarchy, os.Getpid())
		if why = os.Mkdir(dir, 0o755); why == nil {
			t.Cleanup(func() { _ = os.Remove(dir) })
			return dir, dir + "/" + c.file
		}
	}
	t.Skipf("a cgroup cannot be made here: %v", why)
	return "", ""
}

func TestK3CgroupRemovedAndMadeAgain(t *testing.T) {
	dir, name := testCgroup(t)
	again := func() {
		t.Helper()
		if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	r := newReader(t)
	f := r.file(name)
	write(t, name, "1")
	r.want(f, "1\n")
	write(t, name, "0")
	r.want(f, "0\n") // a change is seen by the same descriptor
	if r.Replaced() {
		t.Error("a cgroup that is still there counts as another one")
	}
	again()
	write(t, name, "1")
	r.want(f, "1\n") // ENODEV on the old descriptor, another one at once
	if !r.Replaced() {
		t.Error("the cgroup that was made again counts as the same one")
	}
	if n := r.SystemCalls(); n != 1+3+1 {
		t.Errorf("%d system calls", n)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	r.wantError(f, fs.ErrNotExist, 1+3)
	r.wantError(f, fs.ErrNotExist, 0)
	if f.FD() != -1 {
		t.Error("the descriptor of a removed cgroup is kept")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, name, "1")
	r.now = r.now.Add(kernfs.Reprobe)
	r.want(f, "1\n")
}

func TestFileThatOpensButCannotBeRead(t *testing.T) {
	dir, _ := testCgroup(t)
	name := dir + "/cgroup.kill" // v2, since 5.14
	if _, err := os.Stat(name); err != nil {
		name = "/sys/fs/cgroup/memory/memory.force_empty"
	}
	if f, err := os.Open(name); err != nil {
		t.Skip(err)
	} else if _, err = f.Read(make([]byte, 1)); !errors.Is(err, unix.EINVAL) {
		_ = f.Close()
		t.Skipf("%s: %v", name, err)
	} else {
		_ = f.Close()
	}
	r := newReader(t)
	f := r.file(name)
	r.wantError(f, unix.EINVAL, 3+1)
	r.wantError(f, unix.EINVAL, 0)
	if f.FD() != -1 {
		t.Error("the descriptor is kept")
	}
}

func TestUnderARootOfFiles(t *testing.T) {
	base := t.TempDir()
	write(t, base+"/outside", "outside")
	for _, dir := range []string{"/root/proc", "/root/link"} {
		if err := os.MkdirAll(base+dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, base+"/root/proc/meminfo", "inside")
	if err := errors.Join(os.Symlink("/proc/meminfo", base+"/root/link/in"), os.Symlink(base+"/outside", base+"/root/link/out"),
		unix.Mkfifo(base+"/root/fifo", 0o600)); err != nil {
		t.Fatal(err)
	}
	root, err := hostfs.New(base + "/root")
	if err != nil {
		t.Fatal(err)
	}
	r := newReader(t)
	r.Root = root
	r.want(r.file("/proc/meminfo"), "inside")
	r.want(r.file("/link/in"), "inside")
	r.wantError(r.file("/link/out"), fs.ErrNotExist, 3)
	r.wantError(r.file("/fifo"), hostfs.ErrNotRegular, 3)
	if path := r.file("/proc/meminfo").Path(); path != base+"/root/proc/meminfo" {
		t.Error(path)
	}
}

// descriptors counts those of this process that lead into dir.
func descriptors(t *testing.T, dir string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, dir+"/") {
			n++
		}
	}
	return n
}

// recovers reads f until its Guard is free again.
func (r *reader) recovers(f *kernfs.File, text string) {
	r.t.Helper()
	for range 500 {
		r.begin()
		b, err := f.Read(&r.Pass)
		if !errors.Is(err, kernfs.ErrHung) {
			if err != nil || string(b) != text {
				r.t.Errorf("%q, %v, want %q", b, err, text)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	r.t.Error("the Guard stays busy")
}

func TestX1DaemonThatStopsAnswering(t *testing.T) {
	daemon := serve(t, "MemTotal: 1 kB\n")
	r := newReader(t)
	f := r.file(daemon.dir + "/file")
	r.want(f, "MemTotal: 1 kB\n")
	r.want(f, "MemTotal: 1 kB\n")
	if n := r.SystemCalls(); n != 2 { // the second finds the end
		t.Errorf("a guarded reading makes %d system calls", n)
	}

	daemon.hang()
	goroutines := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r.Begin(ctx, r.now)
	begin := time.Now()
	if b, err := f.Read(&r.Pass); b != nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q, %v", b, err)
	}
	if took := time.Since(begin); took > 150*time.Millisecond {
		t.Errorf("a context of 50 ms was kept waiting for %v", took)
	}
	begin = time.Now()
	for range 100 {
		r.begin()
		if _, err := f.Read(&r.Pass); !errors.Is(err, kernfs.ErrHung) {
			t.Errorf("while it hangs: %v", err)
		}
	}
	if took := time.Since(begin); took > 100*time.Millisecond {
		t.Errorf("100 refused readings took %v", took)
	}
	// A helper that has handed over its result needs a moment to end.
	for n := 2; n > 1; time.Sleep(time.Millisecond) {
		if n = runtime.NumGoroutine() - goroutines; n > 1 && time.Since(begin) > 5*time.Second {
			t.Fatalf("%d goroutines wait", n)
		}
	}
	if n := descriptors(t, daemon.dir); n != 1 {
		t.Errorf("%d descriptors wait", n)
	}

	daemon.resume()
	r.recovers(f, "MemTotal: 1 kB\n")
	if n := descriptors(t, daemon.dir); n != 1 {
		t.Errorf("%d descriptors: the late one is not closed", n)
	}
	for i := 0; runtime.NumGoroutine() > goroutines; i++ {
		if i == 500 {
			t.Fatal("a goroutine is left")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestX1DaemonThatDoesNotLetOpen(t *testing.T) {
	daemon := serve(t, "text")
	r := newReader(t)
	r.MayHang = func(name string) bool { return strings.HasPrefix(name, daemon.dir) }
	first := r.file(daemon.dir + "/file")
	r.want(first, "text") // the mount has been set up
	daemon.hang()
	f := r.file(daemon.dir + "/file")
	r.begin()
	begin := time.Now()
	if _, err := f.Read(&r.Pass); !errors.Is(err, kernfs.ErrHung) {
		t.Error(err)
	}
	if took := time.Since(begin); took > kernfs.HangLimit+100*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	daemon.resume()
	first.Close()
	r.recovers(f, "text") // it is not remembered as an error of the file
	if n := descriptors(t, daemon.dir); n != 1 {
		t.Errorf("%d descriptors: the late one is not closed", n)
	}
}

func TestX1KnownToHangIsOpenedWithCare(t *testing.T) {
	daemon := serve(t, "text")
	r := newReader(t) // without MayHang: only the first reading tells
	f := r.file(daemon.dir + "/file")
	r.want(f, "text")
	f.Close()
	daemon.hang()
	r.begin()
	begin := time.Now()
	if _, err := f.Read(&r.Pass); !errors.Is(err, kernfs.ErrHung) || time.Since(begin) > kernfs.HangLimit+100*time.Millisecond {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	daemon.resume()
	r.recovers(f, "text")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, name := range kernelFiles {
		b.Run(name[1:], func(b *testing.B) {
			var o kernfs.Opener
			f := o.File(name)
			defer f.Close()
			var p kernfs.Pass
			p.Begin(b.Context(), time.Now())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Read(&p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// impatient is a context that has not ended yet when a wait begins, and ends it at once.
type impatient struct{ context.Context }

func (impatient) Err() error { return nil }

func (impatient) Done() <-chan struct{} {
	ended := make(chan struct{})
	close(ended)
	return ended
}

// A File may be closed, reset and pointed at another file while the open of its old name is running.
func TestLateOpenUsesNoStateOfItsCaller(t *testing.T) {
	dir := t.TempDir()
	write(t, dir+"/file", "1\n")
	root, err := hostfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	var p kernfs.Pass
	p.Begin(impatient{t.Context()}, time.Now())
	for range 1000 {
		o := kernfs.Opener{Root: root}
		f := o.File("/file")
		_, _ = f.Read(&p)
		f.Close()
		f = kernfs.File{}
		o.Root = hostfs.Root{}
	}
	for deadline := time.Now().Add(time.Minute); descriptors(t, dir) > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("got %d open descriptors, want 0: a late open must close its own", descriptors(t, dir))
		}
	}
}
