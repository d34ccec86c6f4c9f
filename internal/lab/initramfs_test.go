//go:build linux

package lab

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// initramfs is the first root file system of a Linux: a cpio archive in the
// "newc" format, https://docs.kernel.org/driver-api/early-userspace/buffer-format.html.
type initramfs struct {
	b     bytes.Buffer
	inode int
	made  map[string]bool
}

// file adds one regular file, and its folders.
func (a *initramfs) file(name string, content []byte, mode fs.FileMode) {
	a.folders(filepath.Dir(name))
	a.entry(name, content, 0o100000|uint32(mode.Perm()))
}

func (a *initramfs) folders(name string) {
	if name == "." || a.made[name] {
		return
	}
	a.folders(filepath.Dir(name))
	if a.made == nil {
		a.made = map[string]bool{}
	}
	a.made[name] = true
	a.entry(name, nil, 0o040755)
}

func (a *initramfs) entry(name string, content []byte, mode uint32) {
	a.inode++
	// magic, inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum
	fmt.Fprintf(&a.b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
	a.b.WriteString(name)
	a.b.WriteByte(0)
	a.align()
	a.b.Write(content)
	a.align()
}

func (a *initramfs) align() {
	for a.b.Len()%4 != 0 {
		a.b.WriteByte(0)
	}
}

// copy adds a file of this machine.
func (a *initramfs) copy(t *testing.T, name, from string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	a.file(name, b, 0o755)
}

// modules adds a kernel's modules and the order in which they are loaded.
func (a *initramfs) modules(t *testing.T, k *kernel) {
	t.Helper()
	var order []byte
	for _, name := range modules {
		b, err := os.ReadFile(filepath.Join(k.folder, "modules", name+".ko"))
		if err != nil {
			continue // this kernel has it built in
		}
		a.file("modules/"+name+".ko", b, 0o644)
		order = append(order, name+"\n"...)
	}
	a.file("modules/order", order, 0o644)
}

// write ends the archive and compresses it.
func (a *initramfs) write(t *testing.T, name string) {
	t.Helper()
	a.entry("TRAILER!!!", nil, 0)
	var compressed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&compressed, gzip.BestSpeed) // the level is valid
	_, err := z.Write(a.b.Bytes())
	if err == nil {
		err = z.Close()
	}
	if err == nil {
		err = os.WriteFile(name, compressed.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}
