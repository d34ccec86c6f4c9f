//go:build linux

package lab

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

//go:embed testdata/run.sh
var runScript []byte

// tarball is what a machine with a distribution gets on its second disk.
func (p *payloads) tarball(ctx context.Context, t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	add := func(name string, content []byte, mode int64) {
		header := &tar.Header{Name: name, Size: int64(len(content)), Mode: mode, Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	add("run.sh", runScript, 0o755)
	for _, name := range []string{"probe", "doctor", "guest.test", "cri"} {
		content, err := os.ReadFile(filepath.Join(p.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		add(name, content, 0o755)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "payload.tar")
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestGuests boots Debian with systemd and every container runtime, in each
// layout of cgroups.
func TestGuests(t *testing.T) {
	ctx := deadline(t)
	folder := t.TempDir()
	var built *payloads
	for _, m := range []struct{ suite, kernel, mode, cmdline string }{
		{"bookworm", "bookworm", "v2", ""},
		{"bookworm", "bookworm", "v1", "systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1"},
		{"bookworm", "bookworm", "hybrid", "systemd.unified_cgroup_hierarchy=0"},
		{"trixie", "trixie-backports", "v2", ""},
	} {
		name := m.suite + " " + m.mode
		t.Run(name, func(t *testing.T) {
			t.Attr("cell", "Runtimes in machines with systemd|"+name+"|boot")
			if testing.Short() {
				t.Skip("a machine with systemd takes minutes: make lab runs them")
			}
			if nativeArch != "amd64" {
				t.Skip("the images with systemd are made for amd64 only")
			}
			if os.Geteuid() != 0 {
				t.Skip("making a disk with a Debian needs root")
			}
			install(ctx, t, "mmdebstrap", "mkfs.ext4", "xz", emulator("amd64"))
			need(t, emulator("amd64"))
			k := newKernel(ctx, t, m.kernel, "amd64")
			image := newRootImage(ctx, t, m.suite)
			if built == nil {
				built = newPayloads(ctx, t, folder, "amd64", "probe", "doctor", "guest.test", "cri")
			}
			t.Attr("version", name+": Linux "+k.version)
			kept := disk(t, 64<<20)
			options := append(drive(image, "d0", false), drive(built.tarball(ctx, t), "d1", false)...)
			options = append(append(options, drive(kept, "d2", true)...), "-object", "rng-random,filename=/dev/urandom,id=r0", "-device", "virtio-rng-pci,rng=r0")
			began := time.Now()
			machine := &machine{
				kernel: k, memory: "2048", patience: 25 * time.Minute, initrd: built.newInitrd(ctx, t, k),
				// Debian's AppArmor profiles need an AppArmor that is set up.
				cmdline: "lab.root=1 systemd.show_status=0 apparmor=0 selinux=0 lab.mode=" + m.mode + " lab.run=" + cmp.Or(os.Getenv("LAB_GUEST_RUN"), guestTests) + " " + m.cmdline,
				options: options,
			}
			output := machine.boot(ctx, t)
			t.Logf("%v", time.Since(began).Round(time.Second))
			results(ctx, t, output).report(t, "Runtimes in machines with systemd", name)
			keep(t, kept, m.suite)
		})
	}
}

// guestTests is the pattern of what runs in a machine with systemd, where
// $LAB_GUEST_RUN does not say less.
const guestTests = "Systemd|Docker|Podman|Containerd|LXC|Nspawn|OCI|Sandbox"

// keep unpacks the fake roots that the guest captured into the folder that
// $LAB_CAPTURE names.
func keep(t *testing.T, disk, suite string) {
	t.Helper()
	folder := os.Getenv("LAB_CAPTURE")
	if folder == "" {
		return
	}
	f, err := os.Open(disk)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, suite+"-"+filepath.Base(header.Name)), content, 0o644)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
