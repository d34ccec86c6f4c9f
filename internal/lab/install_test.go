//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// runtimes are the programs that the host's containers need.
var runtimes = []string{
	"bwrap", "containerd", "conmon", "crun", "ctr", "dockerd", "docker", "iptables", "lxc-start", "newuidmap",
	"podman", "runc", "runsc", "systemd-detect-virt", "systemd-nspawn",
}

// quickRuntimes are those of the short run.
var quickRuntimes = []string{"bwrap", "containerd", "crun", "ctr", "dockerd", "docker", "iptables", "runc", "systemd-detect-virt"}

// packages are Debian's, by the program that the lab needs of them.
var packages = map[string]string{
	"bwrap":               "bubblewrap",
	"containerd":          "containerd",
	"conmon":              "conmon",
	"crun":                "crun",
	"ctr":                 "containerd",
	"dockerd":             "docker.io",
	"docker":              "docker.io",
	"iptables":            "iptables",
	"lxc-start":           "lxc",
	"mkfs.ext4":           "e2fsprogs",
	"mmdebstrap":          "mmdebstrap",
	"newuidmap":           "uidmap",
	"podman":              "podman",
	"qemu-system-aarch64": "qemu-system-arm",
	"qemu-system-x86_64":  "qemu-system-x86",
	"runc":                "runc",
	"runsc":               "runsc",
	"systemd-detect-virt": "systemd",
	"systemd-nspawn":      "systemd-container",
	"xz":                  "xz-utils",
}

// systemPath comes first, so that a client and its daemon are of one package.
const systemPath = "/usr/sbin:/usr/bin:/sbin:/bin"

const installTime = 5 * time.Minute

// missing are the packages of the programs that are not there.
func missing(programs []string) []string {
	var all []string
	for _, program := range programs {
		name := packages[program]
		if _, err := exec.LookPath(program); err != nil && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// install gets what is missing, as far as that is possible. What still is
// missing afterwards is for the runtimes' own tests to say.
func install(ctx context.Context, t *testing.T, programs ...string) {
	t.Helper()
	names := missing(programs)
	if len(names) == 0 {
		return
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Logf("%s cannot be installed: %v", strings.Join(names, ", "), err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, installTime)
	defer cancel()
	defer withoutServices(t)()
	began := time.Now()
	if err := aptGet(ctx, "update"); err != nil {
		t.Logf("the package lists are old: %v", err)
	}
	arguments := []string{"install", "-y", "-qq", "--no-install-recommends"}
	if err := aptGet(ctx, append(arguments, names...)...); err != nil {
		t.Logf("not all packages at once: %v", err)
		// One that this release lacks must not keep the others away.
		for _, name := range names {
			if err := aptGet(ctx, append(arguments, name)...); err != nil {
				t.Logf("%s: %v", name, err)
			}
		}
	}
	t.Logf("installed in %v: %s; still missing: %q", time.Since(began).Round(time.Second), strings.Join(names, ", "), missing(programs))
}

func aptGet(ctx context.Context, arguments ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-o", "DPkg::Lock::Timeout=120"}, arguments...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	// dpkg is asked to end before it is killed: half an installation helps nobody.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", strings.Join(arguments, " "), err, tail(output))
	}
	return nil
}

// withoutServices keeps the packages' daemons from being started, which would
// make networks and sockets on this machine. The function that it returns puts
// things back.
func withoutServices(t *testing.T) func() {
	t.Helper()
	const policy = "/usr/sbin/policy-rc.d"
	f, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() {} // the machine has a policy of its own
	}
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("#!/bin/sh\nexit 101\n")
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(policy); err != nil {
			t.Error(err)
		}
	}
}

// installDetectVirt puts systemd-detect-virt, its libraries and its loader into
// the folder, under names that the payload knows.
func installDetectVirt(ctx context.Context, folder string) error {
	program, err := exec.LookPath("systemd-detect-virt")
	if err != nil {
		return err
	}
	output, err := exec.CommandContext(ctx, "ldd", program).Output()
	if err != nil {
		return fmt.Errorf("ldd %s: %w", program, err)
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	copies := map[string]string{"systemd-detect-virt": program}
	for line := range strings.Lines(string(output)) {
		// "libc.so.6 => /lib/libc.so.6 (0x...)", or the loader's path alone
		for _, word := range strings.Fields(line) {
			if !filepath.IsAbs(word) {
				continue
			}
			name := filepath.Base(word)
			if strings.HasPrefix(name, "ld-") || strings.HasPrefix(name, "ld6") {
				name = "ld.so"
			}
			copies[name] = word
		}
	}
	for name, source := range copies {
		if err := copyFile(source, filepath.Join(folder, name)); err != nil {
			return err
		}
	}
	return nil
}

// tail is the end of a program's output, as one line and short enough for a message.
func tail(output []byte) string {
	const enough = 2000
	if len(output) > enough {
		output = output[len(output)-enough:]
	}
	return strings.ReplaceAll(strings.TrimSpace(string(output)), "\n", "; ")
}
