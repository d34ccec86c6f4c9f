package otelresource_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/otelresource"
)

const realFaultsEnv = "RESOURCE_MONITOR_TEST_REAL_FAULTS"

// TestFaultsOfRealFiles breaks the machine's own files for a child that has mounts of its own.
func TestFaultsOfRealFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount something over the kernel's files")
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []string{"over each file", "denied to a user"} {
		t.Run(mode, func(t *testing.T) {
			cmd := exec.Command(executable, "-test.run=^TestRealFaultsChild$", "-test.v")
			cmd.Env = append(os.Environ(), realFaultsEnv+"="+mode)
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
			out, err := cmd.CombinedOutput()
			switch {
			case err == nil && strings.Contains(string(out), "real cells: "):
				t.Logf("%s", out)
			case strings.Contains(string(out), "--- SKIP"):
				t.Skipf("%s", out)
			case cmd.Process == nil:
				t.Skipf("mount namespaces are not permitted here: %v", err)
			default:
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// realFault is what is mounted over a file. A folder cannot be: the kernel mounts one over folders only.
type realFault struct {
	fault
	source func(text string) (path string, undo func())
}

func realFaults(t *testing.T, root *fixture.Root) []realFault {
	path := filepath.Join(root.Dir(), "file")
	served := func(a fixture.Answer) func(string) (string, func()) {
		return func(text string) (string, func()) {
			a.Text = text
			root.Write("file", "")
			_, unmount := root.Serve("file", a)
			return path, unmount
		}
	}
	made := func(by func(text string) error) func(string) (string, func()) {
		return func(text string) (string, func()) {
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			if err := by(text); err != nil {
				t.Fatal(err)
			}
			return path, func() { _ = os.Remove(path) }
		}
	}
	text := func(by func(string) string) func(string) (string, func()) {
		return made(func(s string) error { return os.WriteFile(path, []byte(by(s)), 0o644) })
	}
	return []realFault{
		{fault{name: "FIFO", unreadable: true, cause: []error{hostfs.ErrNotRegular}}, made(func(string) error { return unix.Mkfifo(path, 0o644) })},
		{fault{name: "socket", unreadable: true, cause: []error{hostfs.ErrNotRegular, unix.ENXIO}}, made(func(string) error {
			return unix.Mknod(path, unix.S_IFSOCK|0o644, 0)
		})},
		{fault{name: "empty"}, text(func(string) string { return "" })},
		{fault{name: "rubbish", cause: malformed}, text(func(string) string { return "\x7fELF\x02\x01\x01\x00\xff\xfe\x80 \x00\n\xc3\x28\xa0\xa1" })},
		{fault{name: "beyond 64 bits", cause: malformed}, text(numbers("99999999999999999999999"))},
		{fault{name: "EACCES", unreadable: true, cause: []error{unix.EACCES}}, served(fixture.Answer{Open: unix.EACCES})},
		{fault{name: "EIO", unreadable: true, cause: []error{unix.EIO}}, served(fixture.Answer{Read: unix.EIO})},
		{fault{name: "EOPNOTSUPP", unreadable: true}, served(fixture.Answer{Read: unix.EOPNOTSUPP})},
		{fault{name: "ENODEV", unreadable: true}, served(fixture.Answer{Read: unix.ENODEV})},
		{fault{name: "silent", unreadable: true, hangs: true, cause: []error{kernfs.ErrHung, context.DeadlineExceeded}}, served(fixture.Answer{Silent: true})},
	}
}

// TestRealFaultsChild is not a test: it is the process whose files TestFaultsOfRealFiles breaks.
func TestRealFaultsChild(t *testing.T) {
	mode := os.Getenv(realFaultsEnv)
	if mode == "" {
		t.Skip("runs only as the child of TestFaultsOfRealFiles")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Skipf("mounts cannot be made private: %v", err)
	}
	healthy, files := readHealthy(t)
	if mode == "over each file" {
		// So that a hang that nobody expects says where.
		time.AfterFunc(2*time.Minute, func() { panic("a reading does not end") })
	}
	root := fixture.Unpack(t, "-- file --\n-- denied --\n")
	if mode == "denied to a user" {
		deniedToUser(t, root, healthy, files)
		return
	}
	if err := fixture.CanServe(t); err != nil {
		t.Skipf("no FUSE file system to break: %v", err)
	}
	cells := 0
	for _, f := range realFaults(t, root) {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source, undo := f.source(string(text))
			if err := unix.Mount(source, file, "", unix.MS_BIND, ""); err != nil {
				t.Fatalf("mounting over %s: %v", file, err)
			}
			goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
			judgeReal(t, &f.fault, file, healthy)
			if err := unix.Unmount(file, unix.MNT_DETACH); err != nil {
				t.Fatal(err)
			}
			undo()
			nothingLeft(t, f.name+" over "+file, goroutines, descriptors)
			cells++
		}
	}
	fmt.Printf("real cells: %d of %d files: %s\n", cells, len(files), strings.Join(files, " "))
}

// readHealthy returns what there is, and the files of the kernel that a monitor keeps open.
func readHealthy(t *testing.T) (*everything, []string) {
	t.Helper()
	s := newSubjectAt(t, "")
	defer s.close(t)
	all := s.read(t, time.Minute)
	self := fmt.Sprintf("/proc/%d/", os.Getpid())
	files := []string{"/proc/self/mountinfo"} // read anew each time, and not kept
	for fd := range openFiles(t) {
		name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		name = strings.Replace(name, self, "/proc/self/", 1)
		info, err := os.Stat(name)
		if err == nil && info.Mode().IsRegular() && !strings.Contains(name, "/ns/") && // a namespace is no file with text
			(strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/sys/")) {
			files = append(files, name)
		}
	}
	slices.Sort(files)
	files = slices.Compact(files)
	if len(files) < 3 {
		t.Skipf("only %q are open", files)
	}
	return all, files
}

func judgeReal(t *testing.T, f *fault, file string, healthy *everything) {
	t.Helper()
	patience := time.Minute
	if f.hangs {
		patience = hangs
	}
	var found complaints
	for range attempts {
		s := newSubjectAt(t, "")
		got := s.read(t, patience)
		s.close(t)
		found = complaints{}
		lost := missingFrom(got, healthy)
		for key, v := range got.values {
			if was, ok := healthy.values[key]; v == 0.0 && (!ok || was != 0.0) && !got.counters[key] && !f.legal(key) && !ofAMoment(key) {
				found.wrong("%s is 0, was %v", key, was)
			}
		}
		if len(lost) > 0 && f.cause != nil && !f.told(file, got.errs) {
			found.absent("%d values are lost such as %s, explained by %v", len(lost), lost[0], got.errs)
		}
		if len(got.values) < len(healthy.values)/4 {
			found.absent("of %d values %d are left", len(healthy.values), len(got.values))
		}
		if got.took > patience+100*time.Millisecond {
			found.absent("a getter returned after %v", got.took)
		}
		t.Logf("%s over %s: %d lost, %d errors", f.name, file, len(lost), len(got.errs))
		if found.final() {
			break
		}
	}
	found.report(t, f.name+" over "+file)
}

func missingFrom(got, healthy *everything) (lost []string) {
	for _, key := range slices.Sorted(maps.Keys(healthy.values)) {
		if _, ok := got.values[key]; !ok && !strings.HasPrefix(key, "Environment.") && !ofAWindow(key) {
			lost = append(lost, key)
		}
	}
	return lost
}

// ofAWindow reports whether the value is there only when some time has passed since the first reading.
func ofAWindow(key string) bool {
	return slices.ContainsFunc([]string{"percent", "utilization", "rate", "usage_cores", "per_cpu"}, func(part string) bool {
		return strings.Contains(strings.ToLower(key), part)
	})
}

// ofAMoment reports whether the number may be zero at any time on an idle machine.
func ofAMoment(key string) bool {
	return ofAWindow(key) || slices.ContainsFunc([]string{"per_second", "pressure", "otelresource.", "avg", "queue", "io_time", "in_progress", "running", "blocked", "dirty", "writeback"}, func(part string) bool {
		return strings.Contains(strings.ToLower(key), part)
	})
}

// deniedToUser hides all the files behind one without permission bits, from a user without rights.
func deniedToUser(t *testing.T, root *fixture.Root, healthy *everything, files []string) {
	t.Helper()
	root.Mode("denied", 0)
	for _, file := range files {
		if err := unix.Mount(filepath.Join(root.Dir(), "denied"), file, "", unix.MS_BIND, ""); err != nil {
			t.Fatalf("mounting over %s: %v", file, err)
		}
	}
	// The saved user stays root, who removes the files in the end.
	if err := errors.Join(syscall.Setresgid(-1, 65534, -1), syscall.Setresuid(65534, 65534, 0)); err != nil {
		t.Skipf("root's rights cannot be given up: %v", err)
	}
	s := newSubjectAt(t, "")
	got := s.read(t, time.Minute)
	s.close(t)
	f := fault{cause: []error{unix.EACCES, otelresource.ErrInsufficientPerms}}
	for _, file := range files {
		if _, err := os.ReadFile(file); !errors.Is(err, unix.EACCES) {
			t.Errorf("%s is not denied: %v", file, err)
		}
		// Which cgroup's files to read is not known without the membership, so nobody is told of them.
		if !strings.HasPrefix(file, "/sys/fs/cgroup/") && !f.told(file, got.errs) {
			t.Errorf("%s is not told: %v", file, got.errs)
		}
	}
	for key, v := range got.values {
		if was, ok := healthy.values[key]; ok && v == 0.0 && was != 0.0 && !got.counters[key] && !ofAMoment(key) {
			t.Errorf("%s is 0, was %v", key, was)
		}
	}
	if err := syscall.Setresuid(0, 0, 0); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("real cells: %d, denied\n", len(files))
}
