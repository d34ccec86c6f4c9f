//go:build linux

package lab

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const cgroupRoot = "/sys/fs/cgroup"

// shared are the places that the runtimes use beside the folders that they are
// given. What was there before stays, but for things of the lab's own name.
var shared = []string{
	"/dev/shm/libpod_lock",
	"/etc/docker/key.json",
	"/run/containerd",
	"/run/containers",
	"/run/crun",
	"/run/docker",
	"/run/libpod",
	"/run/lock/lxc",
	"/run/lxc",
	"/run/runc",
	"/run/systemd/nspawn",
	"/var/lib/containers",
}

// cleanUpLater removes at the end what the runtimes leave behind. They have
// been stopped by then: each one's test does that itself.
func (l *lab) cleanUpLater(t *testing.T) {
	t.Helper()
	groups := cgroups()
	var absent []string
	for _, name := range shared {
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			absent = append(absent, name)
		}
	}
	t.Cleanup(func() {
		for _, pid := range l.processes(t) {
			t.Errorf("process %s was left behind: %s", pid, commandLine(pid))
			if n, err := strconv.Atoi(pid); err == nil {
				_ = syscall.Kill(n, syscall.SIGKILL)
			}
		}
		mounts := l.mounts(t)
		slices.Reverse(mounts)
		for _, mount := range mounts {
			if err := syscall.Unmount(mount, syscall.MNT_DETACH); err != nil {
				t.Errorf("unmounting %s: %v", mount, err)
			}
		}
		if left := l.mounts(t); len(left) > 0 {
			t.Errorf("still mounted: %q", left)
		} else if err := os.RemoveAll(l.folder); err != nil {
			t.Error(err)
		}
		l.removeShared(t, absent)
		l.removeCgroups(t, groups)
	})
}

// removeShared removes the shared places that were not there, and what bears
// the lab's name in the others.
func (l *lab) removeShared(t *testing.T, absent []string) {
	t.Helper()
	names := absent
	for _, root := range shared {
		if slices.Contains(absent, root) {
			continue
		}
		_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.Contains(entry.Name(), l.name) {
				return nil // others' files come and go
			}
			names = append(names, path)
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		})
	}
	for _, name := range names {
		if mounted(t, func(point string) bool { return strings.HasPrefix(point, name+"/") }) != nil {
			t.Errorf("%s is in use by others who began meanwhile, and stays", name)
			continue
		}
		if err := os.RemoveAll(name); err != nil {
			t.Error(err)
		}
	}
}

// cgroups are all folders of all hierarchies.
func cgroups() map[string]bool {
	all := map[string]bool{}
	_ = filepath.WalkDir(cgroupRoot, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			all[path] = true
		}
		return nil // others' cgroups come and go
	})
	return all
}

// removeCgroups removes those that the runtimes made. Docker and Podman never
// remove the parent that they share with nobody but their own kind.
func (l *lab) removeCgroups(t *testing.T, before map[string]bool) {
	t.Helper()
	var left []string
	for path := range cgroups() {
		if !before[path] && l.owns(path) {
			left = append(left, path)
		}
	}
	slices.Sort(left)
	slices.Reverse(left) // children before their parents
	for _, path := range left {
		err := os.Remove(path)
		for range 20 { // the kernel needs a moment after the last process
			if !errors.Is(err, syscall.EBUSY) {
				break
			}
			time.Sleep(50 * time.Millisecond)
			err = os.Remove(path)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("removing the cgroup: %v", err)
		}
	}
}

// owns says whether a cgroup is one that this test's runtimes make.
func (l *lab) owns(path string) bool {
	for part := range strings.SplitSeq(strings.TrimPrefix(path, cgroupRoot), "/") {
		switch {
		case part == "docker", part == "libpod_parent", part == "lxc.pivot", strings.Contains(part, l.name):
			return true
		}
	}
	return false
}

// mounts are the mount points that bear the lab's name, parents first.
func (l *lab) mounts(t *testing.T) []string {
	t.Helper()
	return mounted(t, func(point string) bool { return strings.Contains(point, l.name) })
}

func mounted(t *testing.T, wanted func(point string) bool) []string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for line := range strings.Lines(string(b)) {
		if fields := strings.Fields(line); len(fields) > 4 && wanted(fields[4]) {
			all = append(all, fields[4])
		}
	}
	return all
}

// processes are those that speak of the lab's folder or name in their
// arguments, or whose root is in it.
func (l *lab) processes(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, entry := range entries {
		pid := entry.Name()
		if _, err := strconv.Atoi(pid); err != nil || pid == strconv.Itoa(os.Getpid()) {
			continue
		}
		root, _ := os.Readlink(filepath.Join("/proc", pid, "root"))
		if strings.Contains(commandLine(pid), l.name) || strings.HasPrefix(root, l.folder+"/") {
			all = append(all, pid)
		}
	}
	return all
}

func commandLine(pid string) string {
	b, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")) // it may have ended
	return strings.ReplaceAll(string(b), "\x00", " ")
}
