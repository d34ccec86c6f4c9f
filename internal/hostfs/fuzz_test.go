//go:build unix

package hostfs_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// FuzzRoot makes trees of folders, files and links to anywhere, and opens names
// in them. Whatever the tree, only what lies in it is read, and every walk ends.
func FuzzRoot(f *testing.F) {
	f.Add([]byte{2, 0, 1, 5, 2, 9, 2, 3, 2, 200, 1, 1}, "/a/b/../c")
	f.Add([]byte{2, 0, 2, 1, 2, 2, 2, 3, 2, 4, 2, 5}, "/../../a/../../outside")
	names := []string{"a", "b", "c", "a/a", "a/b", "b/a", "b/c", "c/c"}
	targets := []string{"a", "b", "c", "..", "/", "../..", "/../outside", "../../outside", "../../../../../../outside", "/a", "/b/a", "a/b", "./c", "c/../..", "//b", "b/"}
	f.Fuzz(func(t *testing.T, tree []byte, name string) {
		if len(tree) > 64 || len(name) > 200 {
			return
		}
		base := t.TempDir()
		dir := filepath.Join(base, "root")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(base, "outside"), []byte("outside"), 0o644); err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(tree); i += 2 {
			at := filepath.Join(dir, names[int(tree[i+1])%len(names)])
			// What cannot be made in this tree is left out. Nothing is made through a link.
			if real, err := filepath.EvalSymlinks(filepath.Dir(at)); err != nil || len(real) < len(dir) || real[:len(dir)] != dir {
				continue
			}
			switch tree[i] % 3 {
			case 0:
				_ = os.Mkdir(at, 0o755)
			case 1:
				if _, err := os.Lstat(at); err != nil {
					_ = os.WriteFile(at, []byte("inside"), 0o644)
				}
			case 2:
				_ = os.Symlink(targets[int(tree[i])/3%len(targets)], at)
			}
		}
		root, err := hostfs.New(dir)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		for _, name := range []string{name, "/" + name, "/a", "/b", "/c", "/a/a", "/a/b", "/b/a", "/b/c", "/c/c", "/a/../outside", "/outside"} {
			if b, err := root.ReadFile(name, 100); err == nil && string(b) != "inside" {
				t.Errorf("%q of %v gave %q", name, tree, b)
			}
			if target, err := root.Stat(name); err == nil && target.Size() == int64(len("outside")) && target.Mode().IsRegular() {
				t.Errorf("%q of %v reached outside", name, tree)
			}
			root.Exists(name)
			_, _ = root.Readlink(name)
			_, _ = root.ReadDir(name, 10)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("a walk took %v", took)
		}
	})
}
