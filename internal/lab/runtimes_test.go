//go:build linux

package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// unified is where systemd's hybrid layout mounts cgroup v2.
const unified = "/sys/fs/cgroup/unified"

// withoutUnified is a command that runs in a mount namespace without the
// hybrid layout's v2 mount, which crun refuses to work with.
func withoutUnified(command ...string) []string {
	if _, err := os.Stat(unified); err != nil {
		return command
	}
	return append([]string{"unshare", "-m", "sh", "-c", "umount " + unified + ` && exec "$@"`, "sh"}, command...)
}

func testRunc(ctx context.Context, t *testing.T, l *lab) {
	need(t, "runc")
	l.testOCI(ctx, t, expectation{id: idVisible, limits: true}, "runc")
}

func testCrun(ctx context.Context, t *testing.T, l *lab) {
	need(t, "runc", "crun")
	l.testOCI(ctx, t, expectation{id: idVisible, limits: true}, withoutUnified("crun")...)
}

// testGVisor runs the kernel that stands in for Linux. Debian's knows
// neither systrap nor, in a virtual machine, KVM, and does not make the limits.
func testGVisor(ctx context.Context, t *testing.T, l *lab) {
	need(t, "runc", "runsc")
	want := expectation{sandbox: "gvisor", unseen: "it does not know gVisor"}
	l.testOCI(ctx, t, want, "runsc", "--platform=ptrace", "--network=none", "--ignore-cgroups")
}

// testOCI runs a bundle. Nothing but the cgroup's path speaks of the container.
func (l *lab) testOCI(ctx context.Context, t *testing.T, want expectation, program ...string) {
	name := strings.TrimPrefix(t.Name(), "TestRuntimes/")
	root := l.root(ctx, t, name)
	l.examine(ctx, t, want,
		func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
			id := randomID()
			bundle := filepath.Join(l.folder, "bundles", id)
			if err := os.MkdirAll(bundle, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := l.command(ctx, "runc", "spec", "--bundle", bundle); err != nil {
				return nil, "", err
			}
			editSpec(t, filepath.Join(bundle, "config.json"), root, "/"+id, arguments)
			run := append(slices.Clone(program), "--root", filepath.Join(l.folder, name), "run", "--bundle", bundle, id)
			output, err := l.command(ctx, run[0], run[1:]...)
			return output, id, err
		})
}

func randomID() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}

// editSpec gives runc's own example of a specification our root, program and limits.
func editSpec(t *testing.T, name, root, group string, arguments []string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var spec map[string]any
	if err := json.Unmarshal(b, &spec); err != nil {
		t.Fatal(err)
	}
	spec["root"] = map[string]any{"path": root, "readonly": true}
	process := spec["process"].(map[string]any)
	process["terminal"], process["args"] = false, arguments
	linux := spec["linux"].(map[string]any)
	linux["cgroupsPath"] = group
	resources, _ := linux["resources"].(map[string]any)
	if resources == nil {
		resources = map[string]any{}
	}
	resources["memory"] = map[string]any{"limit": memoryLimit}
	resources["cpu"] = map[string]any{"quota": int(cpuLimit * 100_000), "period": 100_000}
	linux["resources"] = resources
	if b, err = json.Marshal(spec); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

var limitFlags = []string{"--memory", strconv.Itoa(memoryLimit), "--cpus", fmt.Sprint(cpuLimit)}

// testPodman runs an image by each of the two OCI runtimes that Podman drives.
func testPodman(ctx context.Context, t *testing.T, l *lab) {
	need(t, "podman", "conmon")
	for _, oci := range []string{"runc", "crun"} {
		t.Run(oci, func(t *testing.T) {
			need(t, oci)
			folder := filepath.Join(l.folder, "podman-"+oci)
			podman := func(ctx context.Context, arguments ...string) ([]byte, error) {
				command := append([]string{"podman", "--root", filepath.Join(folder, "root"), "--runroot", filepath.Join(folder, "run"),
					"--tmpdir", filepath.Join(folder, "tmp"), "--cgroup-manager", "cgroupfs", "--events-backend", "none", "--runtime", oci}, arguments...)
				if oci == "crun" {
					command = withoutUnified(command...)
				}
				return l.command(ctx, command[0], command[1:]...)
			}
			if _, err := podman(ctx, "import", l.archive, "lab:1"); err != nil {
				t.Skipf("the image cannot be imported: %v", err)
			}
			for _, namespace := range []string{"host", "private"} {
				t.Run("cgroupns="+namespace, func(t *testing.T) {
					l.examine(ctx, t, expectation{runtime: "podman", id: idAlways, private: namespace == "private", limits: true},
						func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
							idFile := filepath.Join(folder, "id-"+randomID())
							create := append([]string{"create", "--cidfile", idFile, "--network", "none", "--cgroupns", namespace,
								// The defaults are higher than a process without CAP_SYS_RESOURCE may set.
								"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"}, limitFlags...)
							if _, err := podman(ctx, append(append(create, "lab:1"), arguments...)...); err != nil {
								return nil, "", err
							}
							b, err := os.ReadFile(idFile)
							if err != nil {
								return nil, "", err
							}
							id := strings.TrimSpace(string(b))
							output, err := podman(ctx, "start", "--attach", id)
							if says, err := podman(ctx, "inspect", "-f", "{{.Id}}", id); err != nil || strings.TrimSpace(string(says)) != id {
								t.Errorf("podman inspect: %q, %v; the id file: %s", says, err, id)
							}
							if _, err := podman(ctx, "rm", "--force", id); err != nil {
								t.Error(err)
							}
							return output, id, err
						})
				})
			}
		})
	}
}

// testLXC starts a container with its cgroups mounted and without.
func testLXC(ctx context.Context, t *testing.T, l *lab) {
	need(t, "lxc-start")
	folder := filepath.Join(l.folder, "lxc")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, variant := range []struct {
		name     string
		settings []string
		want     expectation
	}{
		{name: "plain", want: expectation{runtime: "lxc"}},
		{
			name: "cgroups", settings: append([]string{"lxc.mount.auto = cgroup:ro:force"}, lxcLimits()...),
			want: expectation{runtime: "lxc", limits: true},
		},
		{
			name: "host cgroup namespace", settings: append([]string{"lxc.mount.auto = cgroup:ro:force", "lxc.namespace.clone = ipc mnt net pid uts"}, lxcLimits()...),
			want: expectation{runtime: "lxc", name: "NAME", limits: true},
		},
	} {
		t.Run(variant.name, func(t *testing.T) {
			name := l.name + "-" + strings.ReplaceAll(variant.name, " ", "-")
			if variant.want.name != "" {
				variant.want.name = name
			}
			root := l.root(ctx, t, name)
			config := filepath.Join(l.folder, name+".conf")
			settings := append([]string{
				"lxc.uts.name = " + name,
				"lxc.rootfs.path = dir:" + root,
				"lxc.net.0.type = empty",
				"lxc.apparmor.profile = unconfined",
				"lxc.mount.auto = proc:mixed sys:ro",
				"lxc.console.path = none",
				"lxc.pty.max = 0",
				"lxc.tty.max = 0",
			}, variant.settings...)
			if err := os.WriteFile(config, []byte(strings.Join(settings, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			l.examine(ctx, t, variant.want, func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
				// There is no console to print to.
				command := strings.Join(append(arguments, "-out", "/report"), " ")
				log := filepath.Join(l.folder, name+".log")
				_, err := l.command(ctx, "lxc-start", "-F", "-P", folder, "-n", name, "-f", config,
					"-l", "WARN", "-o", log, "-s", "lxc.init.cmd = "+command)
				output, readErr := os.ReadFile(filepath.Join(root, "report"))
				if readErr != nil {
					b, _ := os.ReadFile(log)
					return nil, "", fmt.Errorf("%w: %v: %s", readErr, err, tail(b))
				}
				return output, "", err
			})
		})
	}
}

// lxcLimits are the settings for the cgroup version that has the controllers.
func lxcLimits() []string {
	period := 100_000
	quota := int(cpuLimit * float64(period))
	if _, err := os.Stat(filepath.Join(cgroupRoot, "memory")); err == nil {
		return []string{
			fmt.Sprintf("lxc.cgroup.memory.limit_in_bytes = %d", memoryLimit),
			fmt.Sprintf("lxc.cgroup.cpu.cfs_period_us = %d", period),
			fmt.Sprintf("lxc.cgroup.cpu.cfs_quota_us = %d", quota),
		}
	}
	return []string{
		fmt.Sprintf("lxc.cgroup2.memory.max = %d", memoryLimit),
		fmt.Sprintf("lxc.cgroup2.cpu.max = %d %d", quota, period),
	}
}

// testNspawn runs without systemd as the first process of the machine, so
// there is nobody to make a unit with limits.
func testNspawn(ctx context.Context, t *testing.T, l *lab) {
	need(t, "systemd-nspawn")
	root := l.root(ctx, t, l.name+"-nspawn")
	l.examine(ctx, t, expectation{runtime: "systemd-nspawn"},
		func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
			run := append([]string{"--quiet", "--register=no", "--keep-unit", "--private-network", "--console=pipe",
				"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--directory", root}, arguments...)
			output, err := l.command(ctx, "systemd-nspawn", run...)
			return output, "", err
		})
}

// testBwrap shows a container without any name, marker or cgroup.
func testBwrap(ctx context.Context, t *testing.T, l *lab) {
	need(t, "bwrap")
	root := l.root(ctx, t, "bwrap")
	for _, variant := range []struct {
		name    string
		options []string
	}{
		{name: "plain"},
		{name: "sys", options: []string{"--ro-bind", "/sys", "/sys"}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			want := expectation{unseen: "there is no marker file, no variable and no cgroup of the container's own: only the namespaces speak"}
			l.examine(ctx, t, want, func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
				run := append([]string{"--unshare-all", "--clearenv", "--die-with-parent", "--bind", root, "/", "--proc", "/proc", "--dev", "/dev"}, variant.options...)
				output, err := l.command(ctx, "bwrap", append(run, arguments...)...)
				return output, "", err
			})
		})
	}
}
