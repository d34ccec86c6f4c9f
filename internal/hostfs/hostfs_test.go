//go:build unix

package hostfs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

func tree(t *testing.T, build func(dir string) error) hostfs.Root {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "root")
	for _, d := range []string{"proc/self", "sys/fs"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"../secret": "outside", "proc/meminfo": "MemTotal: 1 kB\n", "sys/fs/target": "inside",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if build != nil {
		if err := build(dir); err != nil {
			t.Fatal(err)
		}
	}
	root, err := hostfs.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestSlashAndEmptyAreTheHost(t *testing.T) {
	for _, dir := range []string{"", "/", "//", "/."} {
		root, err := hostfs.New(dir)
		if err != nil || !root.IsHost() || root.Path("/proc/stat") != "/proc/stat" {
			t.Errorf("New(%q): %v, %v", dir, root, err)
		}
	}
}

func TestMissingRootIsAnError(t *testing.T) {
	if _, err := hostfs.New(filepath.Join(t.TempDir(), "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestSymlinksResolveInsideTheRoot(t *testing.T) {
	root := tree(t, func(dir string) error {
		return errors.Join(
			os.Symlink("/sys/fs/target", filepath.Join(dir, "absolute")),
			os.Symlink("../../../../../sys/fs/target", filepath.Join(dir, "proc/self/dots")),
			os.Symlink("/../secret", filepath.Join(dir, "escape")),
			os.Symlink("/sys/fs", filepath.Join(dir, "folder")),
			os.Symlink("loop", filepath.Join(dir, "loop")),
		)
	})
	for _, name := range []string{"/absolute", "/proc/self/dots", "/folder/target", "/folder/../fs/target", "/../../sys/fs/target"} {
		b, err := root.ReadFile(name, 100)
		if err != nil || string(b) != "inside" {
			t.Errorf("%s: %q, %v", name, b, err)
		}
	}
	if b, err := root.ReadFile("/escape", 100); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link led out of the root: %q, %v", b, err)
	}
	if _, err := root.ReadFile("/loop", 100); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a link to itself: %v", err)
	}
}

func TestErrorsNameTheFileAsItIsFound(t *testing.T) {
	root := tree(t, nil)
	_, err := root.ReadFile("/proc/stat", 100)
	if err == nil || !strings.Contains(err.Error(), root.String()+"/proc/stat") {
		t.Errorf("error %v does not name the file", err)
	}
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	root := tree(t, func(dir string) error { return syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644) })
	for _, name := range []string{"/fifo", "/proc"} {
		if _, err := root.Open(name); !errors.Is(err, hostfs.ErrNotRegular) {
			t.Errorf("%s: error %v, want not regular", name, err)
		}
	}
}

func TestLongFilesAreRefusedNotCut(t *testing.T) {
	root := tree(t, nil)
	if _, err := root.ReadFile("/sys/fs/target", 5); !errors.Is(err, hostfs.ErrTooLarge) {
		t.Errorf("error %v", err)
	}
	if b, err := root.ReadFile("/sys/fs/target", 6); err != nil || len(b) != 6 {
		t.Errorf("%q, %v", b, err)
	}
}

func TestExistsReadDirReadlink(t *testing.T) {
	root := tree(t, func(dir string) error { return os.Symlink("/sys/fs/target", filepath.Join(dir, "proc/link")) })
	if !root.Exists("/proc/link") || root.Exists("/proc/none") || root.Exists("/proc/meminfo/below") {
		t.Error("Exists is wrong")
	}
	if target, err := root.Readlink("/proc/link"); target != "/sys/fs/target" {
		t.Errorf("Readlink %q, %v", target, err)
	}
	if names, err := root.ReadDir("/sys/fs", -1); err != nil || len(names) != 1 || names[0] != "target" {
		t.Errorf("ReadDir %v, %v", names, err)
	}
}
