//go:build linux

package lab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Debian's kernels and packages come through an apt of the lab's own: its
// lists and downloads are in the cache folder, and the machine's sources and
// package database are not touched. Its mirror is the one that the machine
// uses, so that nothing new must be reachable.
type debian struct {
	suite, arch string
	folder      string
	mirror      string
}

// cacheFolder keeps what is slow to get: ~/.cache/resource-monitor-lab.
func cacheFolder(t *testing.T) string {
	t.Helper()
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() // neither $XDG_CACHE_HOME nor $HOME is set
	}
	folder := filepath.Join(base, "resource-monitor-lab")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Skipf("nowhere to keep kernels: %v", err)
	}
	return folder
}

// cached makes a folder by a recipe, once: its name has the recipe's hash, and
// it appears only when it is whole. What older recipes made is removed.
func cached(t *testing.T, name, recipe string, build func(folder string)) string {
	t.Helper()
	root := cacheFolder(t)
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(recipe)))[:12]
	folder := filepath.Join(root, name+"-"+hash)
	if _, err := os.Stat(folder); err == nil {
		return folder
	}
	old, _ := filepath.Glob(filepath.Join(root, name+"-????????????"))
	for _, folder := range old {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	}
	temporary, err := os.MkdirTemp(root, "making-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(temporary) }() // gone where it was renamed
	began := time.Now()
	build(temporary)
	if t.Failed() {
		t.FailNow()
	}
	if err := os.Rename(temporary, folder); err != nil {
		t.Fatal(err)
	}
	t.Logf("made %s in %v", name, time.Since(began).Round(time.Second))
	return folder
}

// newDebian prepares the lists of one suite. It skips the test where the
// machine's apt knows no Debian mirror.
func newDebian(ctx context.Context, t *testing.T, suite, arch string) *debian {
	t.Helper()
	need(t, "apt-get", "apt-cache", "dpkg-deb")
	output, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(SITE)", "Created-By: Packages").Output()
	if err != nil {
		t.Skipf("apt does not tell its sources: %v", err)
	}
	d := &debian{suite: suite, arch: arch, folder: filepath.Join(cacheFolder(t), "apt-"+suite+"-"+arch)}
	for line := range strings.Lines(string(output)) {
		if site, ok := strings.CutPrefix(strings.TrimSpace(line), "Debian|Debian|"); ok {
			d.mirror = site
			break
		}
	}
	if d.mirror == "" {
		t.Skip("apt has no Debian source here, and only Debian's kernels are known to the lab")
	}
	for _, name := range []string{"lists/partial", "cache/archives/partial", "state"} {
		if err := os.MkdirAll(filepath.Join(d.folder, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sources := fmt.Sprintf("deb [arch=%s signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n", arch, d.mirror, suite)
	for name, text := range map[string]string{"sources.list": sources, "status": ""} {
		if err := os.WriteFile(filepath.Join(d.folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// apt runs a program of apt's family with the lab's own folders.
func (d *debian) apt(ctx context.Context, folder, program string, arguments ...string) (string, error) {
	at := func(name string) string { return filepath.Join(d.folder, name) }
	options := []string{
		"-o", "Dir::Etc::sourcelist=" + at("sources.list"), "-o", "Dir::Etc::sourceparts=/dev/null", "-o", "Dir::Etc::preferencesparts=/dev/null",
		"-o", "Dir::State=" + at("state"), "-o", "Dir::State::status=" + at("status"), "-o", "Dir::State::lists=" + at("lists"),
		"-o", "Dir::Cache=" + at("cache"), "-o", "Dir::Cache::pkgcache=", "-o", "Dir::Cache::srcpkgcache=",
		"-o", "APT::Architecture=" + d.arch, "-o", "APT::Architectures=" + d.arch,
		"-o", "APT::Update::Post-Invoke::=", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3",
	}
	cmd := exec.CommandContext(ctx, program, append(options, arguments...)...)
	cmd.Dir = folder
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, tail(stderr.Bytes()))
	}
	return stdout.String(), nil
}

// update gets the suite's lists, or skips the test.
func (d *debian) update(ctx context.Context, t *testing.T) {
	t.Helper()
	if _, err := d.apt(ctx, d.folder, "apt-get", "update", "-qq"); err != nil {
		t.Skipf("the lists of %s are not to be had: %v", d.suite, err)
	}
}

// depends are the packages that one needs directly.
func (d *debian) depends(ctx context.Context, name string) ([]string, error) {
	output, err := d.apt(ctx, d.folder, "apt-cache", "depends", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", name)
	var all []string
	for line := range strings.Lines(output) {
		if _, dependency, ok := strings.Cut(line, "Depends: "); ok {
			all = append(all, strings.TrimSpace(dependency))
		}
	}
	return all, err
}

// unpack downloads packages and unpacks them into the folder.
func (d *debian) unpack(ctx context.Context, folder string, names ...string) error {
	downloads, err := os.MkdirTemp(folder, "download-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(downloads) }()
	if _, err := d.apt(ctx, downloads, "apt-get", append([]string{"download", "-qq"}, names...)...); err != nil {
		return err
	}
	packages, err := filepath.Glob(filepath.Join(downloads, "*.deb"))
	if err != nil {
		return err
	}
	if len(packages) == 0 {
		return errors.New("apt-get downloaded nothing")
	}
	for _, name := range packages {
		if output, err := exec.CommandContext(ctx, "dpkg-deb", "-x", name, folder).CombinedOutput(); err != nil {
			return fmt.Errorf("dpkg-deb -x %s: %w: %s", filepath.Base(name), err, tail(output))
		}
	}
	return nil
}

// kernel is one of Debian's.
type kernel struct {
	folder  string
	version string
	image   string
	arch    string
}

// modules that a machine of QEMU's needs to see its disk, network and randomness, in
// the order in which they can be loaded. Newer kernels have some built in.
var modules = []string{
	"virtio", "virtio_ring", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_mmio", "virtio_blk",
	"failover", "net_failover", "virtio_net", "qemu_fw_cfg", "rng-core", "virtio-rng",
	"veth", "llc", "stp", "bridge", "overlay",
}

// newKernel gets the newest kernel of a suite, made for virtual machines, or
// takes the one that an earlier run got. Point releases rename it, so its
// name is asked of the suite.
func newKernel(ctx context.Context, t *testing.T, suite, arch string) *kernel {
	t.Helper()
	const recipe = "kernel 1 "
	folder := cached(t, "kernel-"+suite+"-"+arch, recipe+strings.Join(modules, " "), func(folder string) {
		d := newDebian(ctx, t, suite, arch)
		d.update(ctx, t)
		names, err := d.depends(ctx, "linux-image-cloud-"+arch)
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasPrefix(name, "linux-image-") })
		if err != nil || len(names) != 1 {
			t.Skipf("%s has no kernel for %s: %v", suite, arch, err)
		}
		// Since 7.x the image's package has nothing but dependencies.
		dependencies, err := d.depends(ctx, names[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range dependencies {
			if strings.HasPrefix(name, "linux-binary-") || strings.HasPrefix(name, "linux-modules-") {
				names = append(names, name)
			}
		}
		packages := filepath.Join(folder, "packages")
		if err := os.Mkdir(packages, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := d.unpack(ctx, packages, names...); err != nil {
			t.Skipf("%q cannot be had: %v", names, err)
		}
		keepKernel(ctx, t, packages, folder)
	})
	version, err := os.ReadFile(filepath.Join(folder, "version"))
	if err != nil {
		t.Fatal(err)
	}
	return &kernel{folder: folder, version: string(version), image: filepath.Join(folder, "vmlinuz"), arch: arch}
}

// keepKernel takes the kernel and the few modules out of what was unpacked.
func keepKernel(ctx context.Context, t *testing.T, packages, folder string) {
	t.Helper()
	images, _ := filepath.Glob(filepath.Join(packages, "boot", "vmlinu[xz]-*"))
	since7, _ := filepath.Glob(filepath.Join(packages, "usr", "lib", "modules", "*", "vmlinuz"))
	images = append(images, since7...)
	if len(images) != 1 {
		t.Fatalf("the packages have the kernels %q, want one", images)
	}
	_, version, found := strings.Cut(filepath.Base(images[0]), "-")
	if !found {
		version = filepath.Base(filepath.Dir(images[0]))
	}
	if err := copyFile(images[0], filepath.Join(folder, "vmlinuz")); err != nil {
		t.Fatal(err)
	}
	output, err := exec.CommandContext(ctx, "find", "-L", packages, "-name", "*.ko*").Output()
	if err != nil {
		t.Fatalf("looking for modules: %v", err)
	}
	if err := os.Mkdir(filepath.Join(folder, "modules"), 0o755); err != nil {
		t.Fatal(err)
	}
	files := strings.Fields(string(output))
	for _, name := range modules {
		at := slices.IndexFunc(files, func(file string) bool {
			base, _, _ := strings.Cut(filepath.Base(file), ".ko")
			return base == name
		})
		if at < 0 {
			continue // built in, or unknown to this version
		}
		to := filepath.Join(folder, "modules", name+".ko")
		if err := copyFile(files[at], to); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(files[at], ".xz") {
			if err := os.Rename(to, to+".xz"); err != nil {
				t.Fatal(err)
			}
			if output, err := exec.CommandContext(ctx, "xz", "-d", to+".xz").CombinedOutput(); err != nil {
				t.Fatalf("xz: %v: %s", err, output)
			}
		}
	}
	if err := os.RemoveAll(packages); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "version"), []byte(version), 0o644); err != nil {
		t.Fatal(err)
	}
}

// busybox is the shell of a machine without a distribution.
func busybox(ctx context.Context, t *testing.T, arch string) string {
	t.Helper()
	return filepath.Join(cached(t, "busybox-"+arch, "busybox 1", func(folder string) {
		d := newDebian(ctx, t, "bookworm", arch)
		d.update(ctx, t)
		if err := d.unpack(ctx, folder, "busybox-static"); err != nil {
			t.Skipf("busybox-static cannot be had: %v", err)
		}
	}), "bin", "busybox")
}

// detectPackages have systemd-detect-virt of bookworm and all that it is linked with.
var detectPackages = []string{
	"systemd", "libsystemd-shared", "libc6", "libacl1", "libblkid1", "libcap2", "libcrypt1", "libgcrypt20", "libip4tc2", "libkmod2", "liblz4-1", "libmount1",
	"libssl3", "libpam0g", "libseccomp2", "libselinux1", "libzstd1", "liblzma5", "libgpg-error0", "libaudit1", "libpcre2-8-0", "libcap-ng0",
}

// systemdDetectVirt is a folder with the program, its libraries and its
// loader, named as the guest's tests know them.
func systemdDetectVirt(ctx context.Context, t *testing.T, arch string) string {
	t.Helper()
	return filepath.Join(cached(t, "detect-virt-"+arch, "detect-virt 1 "+strings.Join(detectPackages, " "), func(folder string) {
		d := newDebian(ctx, t, "bookworm", arch)
		d.update(ctx, t)
		packages := filepath.Join(folder, "packages")
		detect := filepath.Join(folder, "detect")
		for _, name := range []string{packages, detect} {
			if err := os.Mkdir(name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.unpack(ctx, packages, detectPackages...); err != nil {
			t.Skipf("systemd-detect-virt cannot be had: %v", err)
		}
		// Only what is linked with by its name: libx.so.1, mostly a symlink.
		for _, pattern := range []string{"lib/*/*.so.*", "usr/lib/*/*.so.*", "lib/*/ld-linux*", "usr/lib/*/systemd/*.so", "lib/*/systemd/*.so", "usr/bin/systemd-detect-virt"} {
			names, _ := filepath.Glob(filepath.Join(packages, pattern)) // the patterns are valid
			for _, name := range names {
				to := filepath.Base(name)
				if _, version, _ := strings.Cut(to, ".so."); strings.Contains(version, ".") {
					continue // the same by its full version
				}
				if strings.HasPrefix(to, "ld-linux") {
					to = "ld.so"
				}
				if err := copyFile(name, filepath.Join(detect, to)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := os.RemoveAll(packages); err != nil {
			t.Fatal(err)
		}
	}), "detect")
}

// nativeArch is Debian's name of this machine's architecture; the names of
// those that we know are Go's.
const nativeArch = runtime.GOARCH
