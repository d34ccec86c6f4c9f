//go:build linux

package lab

import (
	"context"
	_ "embed"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/lab.service
var labService string

// guestPackages are in a machine with systemd: everything that makes
// containers, and what these need.
var guestPackages = []string{
	"systemd", "systemd-sysv", "dbus", "udev", "kmod", "libpam-systemd", "dbus-user-session", "passwd",
	"podman", "crun", "runc", "docker.io", "rootlesskit", "containerd", "lxc", "systemd-container", "bubblewrap",
	"uidmap", "slirp4netns", "fuse-overlayfs", "iproute2", "iptables", "procps", "util-linux",
}

// idle are units that the tests start themselves, or that only cost time.
var idle = []string{
	"docker.service", "docker.socket", "containerd.service", "podman.service", "podman.socket", "podman-auto-update.service",
	"podman-auto-update.timer", "podman-restart.service", "lxc.service", "lxc-net.service", "lxc-monitord.service",
	"apt-daily.timer", "apt-daily-upgrade.timer", "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer",
	"systemd-networkd.service", "systemd-resolved.service", "getty@tty1.service", "serial-getty@ttyS0.service",
}

// newRootImage makes a disk with a Debian of the suite, or takes the one that
// an earlier run made.
func newRootImage(ctx context.Context, t *testing.T, suite string) string {
	t.Helper()
	names := guestPackages
	if suite != "bookworm" {
		names = append(names[:len(names):len(names)], "docker-cli") // a package of its own since trixie
	}
	recipe := strings.Join([]string{"root 1", strings.Join(names, ","), strings.Join(idle, ","), labService}, "\n")
	return filepath.Join(cached(t, "root-"+suite, recipe, func(folder string) {
		need(t, "mmdebstrap", "mkfs.ext4")
		d := newDebian(ctx, t, suite, nativeArch)
		root := filepath.Join(folder, "root")
		run := func(name string, arguments ...string) {
			t.Helper()
			cmd := exec.CommandContext(ctx, name, arguments...)
			cmd.Dir = folder
			if output, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%s: %v: %s", name, err, tail(output))
			}
		}
		run("mmdebstrap", "--variant=minbase", "--architectures="+nativeArch, `--aptopt=Acquire::Languages "none"`, "--aptopt=Acquire::Retries 3",
			"--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
			"--include="+strings.Join(names, ","), suite, root, d.mirror)
		units := filepath.Join(root, "etc/systemd/system")
		for name, text := range map[string]string{
			"etc/hostname": "lab\n", "etc/fstab": "", "etc/machine-id": "2f0b0d3b6b4f4a4e8f5d4a3e2d1c0b0a\n",
			"etc/systemd/system/lab.service": labService,
		} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range idle {
			_ = os.Remove(filepath.Join(units, name)) // most are not there
			if err := os.Symlink("/dev/null", filepath.Join(units, name)); err != nil {
				t.Fatal(err)
			}
		}
		wants := filepath.Join(units, "multi-user.target.wants")
		if err := os.MkdirAll(wants, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("../lab.service", filepath.Join(wants, "lab.service")); err != nil {
			t.Fatal(err)
		}
		run("truncate", "-s", "4G", "root.ext4")
		run("mkfs.ext4", "-q", "-F", "-d", "root", "root.ext4")
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
	}), "root.ext4")
}
