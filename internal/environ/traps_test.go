package environ_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// traps are the mistakes of others and the facts behind them, by their ids.
// Each starts from an environment and may change it.
var traps = []struct {
	name, environment string
	change            func(*fixture.Root)
	check             func(*environ.Info) bool
}{
	{"F1-private-root-is-not-the-host", "docker-v2", nil, func(i *environ.Info) bool {
		return i.Container != nil && i.Cgroup.Path == "/" && i.Cgroup.Namespace == "private" && i.Cgroup.Version == "v2"
	}},
	{"F1-private-without-namespace-links", "docker-v2", func(r *fixture.Root) { r.Remove("proc/self/ns") }, func(i *environ.Info) bool {
		return i.Cgroup.Namespace == "private" && i.Container != nil
	}},
	{"F2-prefix-by-component", "bare-r14", func(r *fixture.Root) {
		r.Write("proc/self/cgroup", "0::/srv-old\n")
		r.Replace("proc/self/mountinfo", "0:27 / /sys/fs/cgroup", "0:27 /srv /sys/fs/cgroup")
	}, func(i *environ.Info) bool { return i.Cgroup.Version == "" && missing(i, "cgroup") }},
	{"F4-R20a-entered-namespace-is-unresolved", "unresolved", nil, func(i *environ.Info) bool {
		return i.Cgroup.Version == "" && missing(i, "cgroup")
	}},
	{"F5-others-cgroup-mounts", "docker-v2", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "\n", "\n900 1 0:26 /docker/"+b64+" /host/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n901 1 0:26 /docker/"+b64+" /rootfs/sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	}, func(i *environ.Info) bool { return i.Container.ID != b64 && i.Container.ID != "" && !contradicted(i) }},
	{"F6-hybrid-by-controller", "podman-hybrid-cgroupfs", nil, func(i *environ.Info) bool {
		return strings.HasPrefix(i.Cgroup.Path, "/libpod_parent/libpod-") && i.Container.ID != ""
	}},
	{"F7-lone-v1-mount", "bare-r14", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "\n", "\n900 1 0:99 / /sys/fs/cgroup/freezer rw - cgroup cgroup rw,freezer\n")
	}, func(i *environ.Info) bool { return i.Cgroup.Version == "v2" }},
	{"F8-line-without-mount", "ctr-v2", nil, func(i *environ.Info) bool { return i.Cgroup.Version == "" && i.Container != nil }},
	{"F11-tmpfs-named-cgroup", "ctr-v2", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "\n", "\n900 1 0:99 / /sys/fs/cgroup rw - tmpfs cgroup rw\n")
	}, func(i *environ.Info) bool { return i.Cgroup.Version == "" }},
	{"F12-deleted-bind", "docker-v2", func(r *fixture.Root) {
		for _, f := range []string{"hostname", "hosts", "resolv.conf"} {
			r.Replace("proc/self/mountinfo", "/"+f+" /etc/"+f, "/"+f+"//deleted /etc/"+f)
		}
	}, func(i *environ.Info) bool { return i.Container.ID != "" }},
	{"F12-long-overlay-line", "docker-v2", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "lowerdir=", "lowerdir="+strings.Repeat("/var/lib/docker/overlay2/l/"+strings.ToUpper(a64[:26])+":", 4000))
	}, func(i *environ.Info) bool { return i.Container.ID != "" }},
	{"F13-R9a-colons-in-the-path", "k8s-colon", nil, func(i *environ.Info) bool {
		return i.Cgroup.Path == "/system.slice/web.slice:cri-containerd:"+a64 && i.Container.ID == a64
	}},
	{"F16-payload-in-a-child", "k8s-crio-crun", nil, func(i *environ.Info) bool { return i.Container.ID == a64 && i.Container.Runtime == "cri-o" }},
	{"F22-init-is-the-hosts", "docker-pid-host", nil, func(i *environ.Info) bool { return i.Container.Runtime == "docker" && i.Container.ID == a64 }},
	{"F22-never-an-id-from-init", "crun-v2", func(r *fixture.Root) {
		r.Write("proc/1/cgroup", "0::/system.slice/docker-"+b64+".scope\n")
	}, func(i *environ.Info) bool { return i.Container.ID == "" && i.Container.Runtime == "docker" }},
	{"F23-a-service-is-no-container", "systemd-service", nil, func(i *environ.Info) bool {
		return i.Container == nil && !i.ContainerUnknown && i.Cgroup.Unit == "run-u2.service" && i.Cgroup.Slice == "lab-foo.slice"
	}},
	{"R8-host-namespace", "docker-v2-bind", nil, func(i *environ.Info) bool {
		return i.Cgroup.Path == "/batch/"+a64 && i.Cgroup.Version == "v2" && i.Container.ID == a64
	}},
	{"R9b-path-per-controller", "bare-r14", func(r *fixture.Root) { r.Write("proc/self/cgroup", "11:pids:/p\n4:memory:/m\n") }, func(i *environ.Info) bool {
		return i.Cgroup.Path == "/m" && slices.Contains(i.Cgroup.Paths, environ.Path{Controllers: "pids", Path: "/p"})
	}},
	{"R14-names-prove-nothing", "bare-r14", nil, func(i *environ.Info) bool {
		return i.Container == nil && i.Virtualization != nil && i.Virtualization.Type == environ.TypeNone
	}},
	{"R17a-session-number", "user-session", nil, func(i *environ.Info) bool { return i.Container == nil }},
	{"R17b-cafe", "bare-r14", func(r *fixture.Root) { r.Write("proc/self/cgroup", "0::/system.slice/cafe.service\n") }, func(i *environ.Info) bool { return i.Container == nil }},
	{"R17c-id-from-mounts", "docker-v2", nil, func(i *environ.Info) bool { return strings.HasPrefix(i.Container.ID, i.Hostname) }},
	{"R18-own-path-beats-the-sandbox", "cri-containerd-v1", nil, func(i *environ.Info) bool {
		return strings.HasSuffix(i.Cgroup.Path, i.Container.ID) && i.Container.SandboxID != i.Container.ID && i.Container.SandboxID != ""
	}},
	{"R19-sandbox-is-no-id", "cri-containerd-v2", nil, func(i *environ.Info) bool { return i.Container.ID == "" && i.Container.SandboxID != "" }},
	{"R26-private-namespace-by-mountinfo", "podman-v2-crun", nil, func(i *environ.Info) bool { return i.Cgroup.Version == "v2" && i.Container.ID != "" }},
	{"R35-stale-marker", "lxc-stale-containerenv", nil, func(i *environ.Info) bool { return i.Container.Runtime == "lxc" && contradicted(i) }},
	{"R36-signature-without-the-bit", "bare-r36", nil, func(i *environ.Info) bool { return i.Virtualization.Type == environ.TypeNone }},
	{"X2-gvisor", "gvisor-old", nil, func(i *environ.Info) bool { return i.Sandbox == "gvisor" && i.Container != nil }},
	{"X4-container-inside-wsl2", "docker-in-wsl2", nil, func(i *environ.Info) bool { return i.Container != nil && i.Virtualization.Type == environ.TypeWSL }},
	{"two-ids-cancel", "docker-v2", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "/hosts /etc/hosts", "/containers/"+b64+"/hosts /etc/hosts")
	}, func(i *environ.Info) bool {
		return i.Container.ID == "" && i.Container.Runtime == "docker" && contradicted(i)
	}},
	{"two-pods-cancel", "k8s-private", func(r *fixture.Root) {
		r.Replace("proc/self/mountinfo", "/pods/"+uid+"/etc-hosts", "/pods/"+strings.Replace(uid, "6", "7", 1)+"/etc-hosts")
	}, func(i *environ.Info) bool { return i.Container.PodUID == "" && contradicted(i) }},
	{"truncated-hostname-is-no-pod-name", "k8s-private", func(r *fixture.Root) {
		r.Write("proc/sys/kernel/hostname", strings.Repeat("a", 63)+"\n")
	}, func(i *environ.Info) bool { return i.Container.PodName == "" && len(i.Container.PodHostname) == 63 }},
	{"dotted-hostname-is-no-pod-name", "k8s-private", func(r *fixture.Root) {
		r.Write("proc/sys/kernel/hostname", "cart.example.net\n")
	}, func(i *environ.Info) bool { return i.Container.PodName == "" && i.Container.PodHostname == "" }},
	{"plain-hosts-file-is-no-pod-name", "k8s-private", func(r *fixture.Root) {
		r.Write("etc/hosts", "127.0.0.1 localhost\n")
	}, func(i *environ.Info) bool { return i.Container.PodName == "" }},
	{"oracle-board-needs-a-second-sign", "bare-oracle-server", nil, func(i *environ.Info) bool { return i.Virtualization.Type == environ.TypeNone }},
	{"apple-inc-alone-is-a-mac", "bare-asahi", func(r *fixture.Root) { r.Write("sys/class/dmi/id/sys_vendor", "Apple Inc.\n") }, func(i *environ.Info) bool {
		return i.Virtualization.Type == environ.TypeNone
	}},
	{"microsoft-corporation-alone-is-a-laptop", "bare-r14", func(r *fixture.Root) { r.Write("sys/class/dmi/id/sys_vendor", "Microsoft Corporation\n") }, func(i *environ.Info) bool {
		return i.Virtualization.Type == environ.TypeNone
	}},
}

func TestTraps(t *testing.T) {
	for _, tt := range traps {
		t.Run(tt.name, func(t *testing.T) {
			in, root := load(t, "testdata/"+tt.environment+".txtar")
			if tt.change != nil {
				tt.change(root)
			}
			info, err := environ.Detect(context.Background(), in)
			if err != nil || !tt.check(info) {
				t.Errorf("%v\n%s", err, render(info))
			}
		})
	}
}

func missing(i *environ.Info, key string) bool {
	return slices.ContainsFunc(i.Missing, func(m environ.Missing) bool { return m.Key == key })
}

func contradicted(i *environ.Info) bool {
	return slices.ContainsFunc(i.Findings, func(f environ.Finding) bool { return f.Contradiction })
}

// TestHungMountinfo is F14: a dead FUSE or NFS mount blocks whoever reads mountinfo.
func TestHungMountinfo(t *testing.T) {
	in, _ := load(t, "testdata/docker-v2-hostns.txtar")
	release := make(chan struct{})
	defer close(release)
	environ.SetFail(&in, func(name string) error {
		if name == "/proc/self/mountinfo" {
			<-release
		}
		return nil
	})
	start := time.Now()
	info, err := environ.Detect(context.Background(), in)
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	var pe *fs.PathError
	if !errors.Is(err, kernfs.ErrHung) || !errors.As(err, &pe) || !strings.HasSuffix(pe.Path, "/proc/self/mountinfo") {
		t.Errorf("error %v", err)
	}
	if info == nil || info.Hostname == "" {
		t.Errorf("what was read before is lost: %+v", info)
	}
}

// TestSlowSource is a process that a CPU quota stops for longer than the Guard waits.
func TestSlowSource(t *testing.T) {
	in, root := load(t, "testdata/docker-v2-hostns.txtar")
	environ.SetFail(&in, func(name string) error {
		if name == "/proc/self/mountinfo" {
			time.Sleep(kernfs.HangLimit + 100*time.Millisecond)
		}
		return nil
	})
	info, err := environ.Detect(context.Background(), in)
	if want, _ := root.Section("want"); err != nil || render(info) != want {
		t.Errorf("%v\n%s", err, render(info))
	}
}

// TestSlowSources is an emulated machine under a quota: each source answers soon enough, and all of
// them together take longer than a dead one may.
func TestSlowSources(t *testing.T) {
	in, root := load(t, "testdata/docker-v2-hostns.txtar")
	want, _ := root.Section("want")
	for name, tt := range map[string]struct{ each, least, most time.Duration }{
		"all answer":     {100 * time.Millisecond, time.Second, environ.TimeLimit - 1},
		"over the limit": {900 * time.Millisecond, environ.TimeLimit, environ.TimeLimit},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := in
				environ.SetFail(&in, func(string) error { time.Sleep(tt.each); return nil })
				begin := time.Now()
				info, err := environ.Detect(t.Context(), in)
				took := time.Since(begin)
				time.Sleep(tt.each) // the source that was given up
				if took < tt.least || took > tt.most {
					t.Errorf("took %v, want %v to %v", took, tt.least, tt.most)
				}
				if took < environ.TimeLimit {
					if err != nil || render(info) != want {
						t.Errorf("%v\n%s", err, render(info))
					}
				} else if !errors.Is(err, context.DeadlineExceeded) || info.Kernel == "" {
					t.Errorf("%v\n%s", err, render(info))
				}
			})
		})
	}
}

func TestEndedContext(t *testing.T) {
	in, _ := load(t, "testdata/docker-v2.txtar")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	info, err := environ.Detect(ctx, in)
	if !errors.Is(err, context.Canceled) || info == nil || strings.Count(err.Error(), "canceled") != 1 {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestDeniedSources(t *testing.T) {
	for name, wantError := range map[string]bool{
		"/proc/self/cgroup": true, "/proc/self/mountinfo": true, "/run/systemd/container": true,
		"/sys/class/dmi/id/sys_vendor": true, "/proc/1/environ": false, "/proc/1/cgroup": false,
		"/sys/firmware/dmi/entries/0-0/raw": false, "/sys/firmware/acpi/tables/APIC": false, "/proc/cpuinfo": false,
	} {
		in, _ := load(t, "testdata/docker-v2.txtar")
		environ.SetFail(&in, func(n string) error {
			if n == name {
				return &fs.PathError{Op: "open", Path: n, Err: fs.ErrPermission}
			}
			return nil
		})
		info, err := environ.Detect(context.Background(), in)
		if errors.Is(err, fs.ErrPermission) != wantError || info.Container == nil {
			t.Errorf("%s: error %v\n%s", name, err, render(info))
		}
	}
}

func TestDetectTwiceIsTheSame(t *testing.T) {
	in, _ := load(t, "testdata/k8s-besteffort-systemd.txtar")
	first, _ := environ.Detect(context.Background(), in)
	second, _ := environ.Detect(context.Background(), in)
	if render(first) != render(second) {
		t.Errorf("%s\n%s", render(first), render(second))
	}
}

func TestX6LambdaTellsItsMemory(t *testing.T) {
	for text, want := range map[string]uint64{
		"512": 512 << 20, "10240": 10240 << 20,
		"": 0, "0": 0, "-1": 0, "1e3": 0, "512MB": 0, "99999999999": 0,
	} {
		in, _ := load(t, "testdata/lambda.txtar")
		env := in.Getenv
		in.Getenv = func(name string) (string, bool) {
			if name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" {
				return text, true
			}
			return env(name)
		}
		info, err := environ.Detect(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		if n, source := info.PlatformMemory(); n != want || (source != "") != (want > 0) {
			t.Errorf("%q: %d from %q, want %d", text, n, source, want)
		}
	}
	// The variable alone makes no function: it is inherited like any other.
	in, _ := load(t, "testdata/docker-v2.txtar")
	in.Getenv = func(name string) (string, bool) { return "512", name == "AWS_LAMBDA_FUNCTION_MEMORY_SIZE" }
	info, err := environ.Detect(t.Context(), in)
	if n, _ := info.PlatformMemory(); n != 0 || err != nil {
		t.Errorf("outside Lambda: %d, %v", n, err)
	}
}
