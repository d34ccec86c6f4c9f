package environ_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

const (
	a64  = "4b1f7de09c2a8356b0d4e7f1935ac86220d7be418f59c3a67e1408dbf2956a3c"
	b64  = "c07d92e1a4b85f3360e7d9b21c4f8a5e7d60b3f19284ce5a0d7b6e13f8a92c45"
	t32  = "7f3c0a9be21d4856a0c9e7d3b15f2846"
	uid  = "6b1de0c4-92f7-4a38-b5ce-0d417fa8e963"
	uidU = "6b1de0c4_92f7_4a38_b5ce_0d417fa8e963"
)

// accepted are the shapes of an id; ID stands for it.
var accepted = []struct{ name, path, runtime string }{
	{"docker-cgroupfs", "/docker/ID", "docker"},
	{"docker-systemd", "/system.slice/docker-ID.scope", "docker"},
	{"docker-parent", "/batch/jobs/ID", ""},
	{"docker-parent-root", "/ID", ""},
	{"docker-systemd-inside", "/system.slice/docker-ID.scope/init.scope", "docker"},
	{"docker-service-inside", "/docker/ID/system.slice/cafe.service", "docker"},
	{"docker-in-docker", "/docker/" + b64 + "/docker/ID", "docker"},
	{"docker-above-namespace", "/../ID", ""},
	{"kubepods-cgroupfs", "/kubepods/burstable/pod" + uid + "/ID", ""},
	{"kubepods-guaranteed", "/kubepods/pod" + uid + "/ID", ""},
	{"kubepods-static", "/kubepods/burstable/pod" + t32 + "/ID", ""},
	{"containerd-systemd", "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + uidU + ".slice/cri-containerd-ID.scope", "containerd"},
	{"containerd-triple", "/system.slice/web.slice:cri-containerd:ID", "containerd"},
	{"nerdctl", "/system.slice/nerdctl-ID.scope", "containerd"},
	{"crio-runc", "/kubepods.slice/kubepods-pod" + uidU + ".slice/crio-ID.scope", "cri-o"},
	{"crio-crun", "/kubepods.slice/kubepods-pod" + uidU + ".slice/crio-ID.scope/container", "cri-o"},
	{"crio-cgroupfs", "/kubepods/pod" + uid + "/crio-ID", "cri-o"},
	{"podman-runc", "/machine.slice/libpod-ID.scope", "podman"},
	{"podman-crun", "/machine.slice/libpod-ID.scope/container", "podman"},
	{"podman-cgroupfs", "/libpod_parent/libpod-ID", "podman"},
	{"podman-split", "/system.slice/web.service/libpod-payload-ID", "podman"},
	{"ecs-ec2", "/ecs/" + t32 + "/ID", ""},
	{"ecs-systemd", "/ecstasks.slice/ecstasks-" + t32 + ".slice/docker-ID.scope", "docker"},
	{"actions-job", "/actions_job/ID", "docker"},
	{"kind", "/docker/" + b64 + "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" + uidU + ".slice/cri-containerd-ID.scope", "containerd"},
	{"eks-fargate", "/ecs/" + t32 + "/" + t32 + "-17/kubepods/burstable/pod" + uid + "/ID", ""},
	{"kind-node-service", "/system.slice/docker-ID.scope/system.slice/containerd.service", "docker"},
}

func TestAcceptedShapes(t *testing.T) {
	for _, tt := range accepted {
		t.Run(tt.name, func(t *testing.T) {
			s := environ.ParseShape(strings.ReplaceAll(tt.path, "ID", a64))
			if !s.Container || s.ID != a64 || s.Runtime != tt.runtime {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestAcceptedSpecialShapes(t *testing.T) {
	for _, tt := range []struct {
		name, path string
		want       environ.Shape
	}{
		{"fargate", "/ecs/" + t32 + "/" + t32 + "-1234567890", environ.Shape{Container: true, ID: t32 + "-1234567890"}},
		{"garden", "/garden/1f0c2d3e-4a5b-6c7d-8e9f-0a1b", environ.Shape{Container: true, ID: "1f0c2d3e-4a5b-6c7d-8e9f-0a1b", Runtime: "garden"}},
		{"garden-nested", "/system.slice/garden.service/garden/" + uid, environ.Shape{Container: true, ID: uid, Runtime: "garden"}},
		{"kubepods-uuid", "/kubepods/burstable/pod" + t32 + "/" + uid, environ.Shape{Container: true, ID: uid, PodUID: t32, QOS: "Burstable"}},
		{"lxc", "/lxc/web", environ.Shape{Container: true, Runtime: "lxc", Name: "web"}},
		{"lxc-payload", "/lxc.payload.web/system.slice/nginx.service", environ.Shape{Container: true, Runtime: "lxc", Name: "web"}},
		{"lxc-payload-folder", "/lxc.payload/web", environ.Shape{Container: true, Runtime: "lxc", Name: "web"}},
		{"nspawn-escaped", `/machine.slice/machine-web\x2d1.scope`, environ.Shape{Container: true, Runtime: "systemd-nspawn", Name: "web-1"}},
		{"libvirt-lxc", `/machine.slice/machine-lxc\x2d7\x2dweb.scope`, environ.Shape{Container: true, Runtime: "lxc-libvirt", Name: "lxc-7-web"}},
		{"buildkit", "/docker/buildkit/" + a64, environ.Shape{Container: true, Runtime: "buildkit"}},
		{"crio-sandbox", "/kubepods.slice/kubepods-pod" + uidU + ".slice/crio-" + a64, environ.Shape{Sandbox: a64, PodUID: uid, QOS: "Guaranteed"}},
		{"pod-level-cgroupfs", "/kubepods/besteffort/pod" + uid, environ.Shape{PodUID: uid, QOS: "BestEffort"}},
		{"pod-level-systemd", "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" + uidU + ".slice", environ.Shape{PodUID: uid, QOS: "Burstable"}},
		{"pod-level-in-kind", "/docker/" + b64 + "/kubelet.slice/kubelet-kubepods-pod" + uidU + ".slice", environ.Shape{PodUID: uid, QOS: "Guaranteed"}},
		{"guaranteed-in-burstable", "/kubepods/burstable/pod" + t32 + "/" + b64 + "/kubepods/pod" + uid + "/" + a64, environ.Shape{Container: true, ID: a64, PodUID: uid, QOS: "Guaranteed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := environ.ParseShape(tt.path); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestRejectedShapes(t *testing.T) {
	for _, tt := range []struct{ name, path string }{
		{"crio-conmon", "/kubepods.slice/crio-conmon-" + a64 + ".scope"},
		{"libpod-conmon", "/machine.slice/libpod-conmon-" + a64 + ".scope"},
		{"conmon-child", "/libpod_parent/" + a64 + "/conmon"},
		{"mount-unit", "/system.slice/x-" + a64 + ".mount"},
		{"mount-unit-docker", "/system.slice/run-docker-runtime\\x2drunc-moby-" + a64 + "-runc.abc.mount"},
		{"swap-unit", "/system.slice/" + a64 + ".swap"},
		{"R17a-session", "/user.slice/user-1000.slice/session-58.scope"},
		{"session-c3", "/user.slice/user-42.slice/session-c3.scope"},
		{"app-scope", "/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-editor-7421.scope"},
		{"vte-spawn", "/user.slice/user-1000.slice/vte-spawn-" + uid + ".scope"},
		{"systemd-run-scope", "/system.slice/run-r" + t32 + ".scope"},
		{"systemd-run-service", "/system.slice/run-u17.service"},
		{"R17b-cafe", "/system.slice/cafe.service"},
		{"dead", "/system.slice/dead.service"},
		{"R14-docker-prune", "/system.slice/docker-prune.service"},
		{"dockerd", "/system.slice/docker.service"},
		{"containerd", "/system.slice/containerd.service"},
		{"kubelet", "/system.slice/kubelet.service"},
		{"agent", "/agent.sensor"},
		{"63-hex", "/docker/" + a64[:63]},
		{"65-hex", "/docker/" + a64 + "0"},
		{"128-hex", "/docker/" + a64 + a64},
		{"upper-case", "/docker/" + strings.ToUpper(a64)},
		{"0x", "/docker/0x" + a64[:62]},
		{"32-hex", "/process_api/" + t32},
		{"32-hex-ecs", "/ecs/" + t32},
		{"fargate-other-task", "/ecs/" + t32 + "/" + a64[:32] + "-1"},
		{"fargate-no-number", "/ecs/" + t32 + "/" + t32 + "-"},
		{"12-hex", "/docker/" + a64[:12]},
		{"uuid-anywhere", "/jobs/" + uid},
		{"unknown-prefix", "/system.slice/job-" + a64 + ".scope"},
		{"unknown-triple", "/system.slice:job:" + a64},
		{"triple-without-id", "/system.slice:cri-containerd:"},
		{"lxc-monitor", "/lxc.monitor.web"},
		{"libvirt-qemu", `/machine.slice/machine-qemu\x2d1\x2dweb.scope`},
		{"nspawn-supervisor", "/machine.slice/machine-web.scope/supervisor"},
		{"pod-level-slice", "/kubepods.slice"},
		{"root", "/"},
		{"empty", ""},
		{"outside-namespace", "/../../user.slice/job.scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if s := environ.ParseShape(tt.path); s.Container || s.ID != "" || s.Name != "" {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestEveryShapeYieldsItsID is the property: whatever the id, it comes back.
func TestEveryShapeYieldsItsID(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		id := hex(r, 64)
		tt := accepted[r.IntN(len(accepted))]
		path := strings.ReplaceAll(tt.path, "ID", id)
		for range r.IntN(3) {
			path = "/" + word(r) + path
		}
		if s := environ.ParseShape(path); s.ID != id {
			t.Fatalf("%s: %s: id %q", tt.name, path, s.ID)
		}
	}
}

// TestNoOtherPathYieldsAnID is its counterpart for what systemd and users name.
func TestNoOtherPathYieldsAnID(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	units := []func() string{
		func() string { return fmt.Sprintf("session-%d.scope", r.IntN(1e6)) },
		func() string { return fmt.Sprintf("session-c%d.scope", r.IntN(1e6)) },
		func() string { return "run-r" + hex(r, 32) + ".scope" },
		func() string { return "run-u" + fmt.Sprint(r.IntN(1e6)) + ".service" },
		func() string { return "vte-spawn-" + uuid(r) + ".scope" },
		func() string { return "app-" + word(r) + "-" + fmt.Sprint(r.IntN(1e6)) + ".scope" },
		func() string { return "var-lib-" + word(r) + "-" + hex(r, 64) + "-merged.mount" },
		func() string { return hex(r, 64) + ".mount" },
		func() string { return "dev-disk-by\\x2duuid-" + uuid(r) + ".swap" },
		func() string { return hex(r, 1+r.IntN(63)) + ".service" },
		func() string { return hex(r, 1+r.IntN(63)) },
		func() string { return hex(r, 65+r.IntN(64)) },
		func() string { return uuid(r) },
		func() string { return word(r) + ".slice" },
		func() string { return "crio-conmon-" + hex(r, 64) + ".scope" },
		func() string { return word(r) },
	}
	for range 5000 {
		var path string
		for range 1 + r.IntN(5) {
			path += "/" + units[r.IntN(len(units))]()
		}
		if s := environ.ParseShape(path); s.ID != "" {
			t.Fatalf("%s: id %q", path, s.ID)
		}
	}
}

func hex(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789abcdef"[r.IntN(16)]
	}
	return string(b)
}

func uuid(r *rand.Rand) string {
	return hex(r, 8) + "-" + hex(r, 4) + "-" + hex(r, 4) + "-" + hex(r, 4) + "-" + hex(r, 12)
}

// word is a name that no runtime uses.
func word(r *rand.Rand) string {
	b := make([]byte, 3+r.IntN(10))
	for i := range b {
		b[i] = "ghijmnopqrstuvwyz"[r.IntN(17)]
	}
	return string(b)
}

func FuzzShape(f *testing.F) {
	for _, tt := range accepted {
		f.Add(strings.ReplaceAll(tt.path, "ID", a64))
	}
	f.Add(`/machine.slice/machine-\x2d\xff.scope`)
	f.Fuzz(func(t *testing.T, path string) {
		s := environ.ParseShape(path)
		if s.ID != "" && !strings.Contains(path, s.ID) {
			t.Errorf("id %q is not in %q", s.ID, path)
		}
		if s.ID != "" && !s.Container || s.ID != "" && s.Name != "" {
			t.Errorf("%+v", s)
		}
		for _, text := range []string{s.ID, s.Name, s.PodUID, s.Sandbox} {
			if !utf8.ValidString(text) || len(text) > 256 {
				t.Errorf("unsafe text %q", text)
			}
		}
	})
}
