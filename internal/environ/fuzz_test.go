package environ_test

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// FuzzDetect feeds arbitrary text to every source at once. The answers must be
// safe to send, whatever the sources hold.
func FuzzDetect(f *testing.F) {
	for _, name := range []string{"docker-v2", "podman-v1-crun", "k8s-besteffort-systemd", "cri-containerd-v1", "lxd", "vm-hyperv", "host-xen-dom0"} {
		root := fixture.Load(f, "testdata/"+name+".txtar")
		read := func(name string) string {
			b, _ := root.Hostfs().ReadFile(name, 1<<20)
			return string(b)
		}
		env, _ := root.Section("env")
		f.Add(read("/proc/self/cgroup"), read("/proc/self/mountinfo"), read("/proc/1/environ"), env, read("/sys/class/dmi/id/product_name"), "KVMKVMKVM")
	}
	f.Add("0::/\xff\x00", "1 1 0:1 /\\040 / - x", "container=\xff", "container=\nPOD_NAME=$(x)", "\x1b[31m", "\xff")
	root, err := hostfs.New(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, self, mountinfo, environment, env, dmi, signature string) {
		files := map[string]string{
			"/proc/self/cgroup": self, "/proc/1/cgroup": self, "/proc/self/mountinfo": mountinfo,
			"/proc/1/environ": environment, "/proc/self/status": environment,
			"/run/host/container-manager": env, "/etc/hosts": env,
		}
		for _, name := range []string{
			"/sys/class/dmi/id/product_name", "/sys/class/dmi/id/sys_vendor", "/proc/version", "/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname",
			"/proc/cpuinfo", "/proc/sysinfo", "/sys/hypervisor/type", "/proc/device-tree/compatible", "/sys/firmware/acpi/tables/DSDT",
			"/var/run/secrets/kubernetes.io/serviceaccount/namespace", "/sys/firmware/dmi/entries/0-0/raw",
		} {
			files[name] = dmi
		}
		in := environ.Input{
			Root: root, Markers: environ.DefaultMarkers(), PID: 1, Arch: "amd64",
			// One text for each variable finds more than a parsed environment.
			Getenv: func(string) (string, bool) { return env, env != "" },
			CPUID: func() (environ.CPUID, bool) {
				return environ.CPUID{Hypervisor: true, Signature: signature, Signature100: signature}, true
			},
		}
		environ.SetFiles(&in, files)
		info, err := environ.Detect(context.Background(), in)
		if err != nil {
			t.Errorf("error %v", err)
		}
		safe(t, reflect.ValueOf(*info))
	})
}

func FuzzMembership(f *testing.F) {
	f.Add([]byte("0::/system.slice/docker-" + a64 + ".scope\n"))
	f.Add([]byte("9:memory:/a\n:::\n1:name=systemd:/b:c\n0::"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := environ.ParseMembership(b); n > 64 {
			t.Errorf("%d lines", n)
		}
	})
}

func FuzzMountinfo(f *testing.F) {
	f.Add([]byte("1 1 0:1 /x/containers/" + a64 + "/hosts//deleted /etc/hosts rw - ext4 /dev/x rw\n"))
	f.Add([]byte("1 1 0:1 /pods/" + uid + "/containers/web/1f0c2d3e /dev/termination-log rw shared:1 - ext4 /dev/x rw"))
	f.Add([]byte("1 1 0:1 /../.. /sys/fs/cgroup ro - cgroup2 cgroup2 rw, a b"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _, ids := environ.ParseMounts(b)
		for _, id := range ids {
			if len(id) != 64 || strings.Trim(id, "0123456789abcdef") != "" {
				t.Errorf("id %q", id)
			}
		}
	})
}

// safe checks every string of v.
func safe(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			safe(t, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			safe(t, v.Field(i))
		}
	case reflect.Slice:
		if v.Len() > 64 {
			t.Errorf("%d elements of %s", v.Len(), v.Type())
		}
		for i := range v.Len() {
			safe(t, v.Index(i))
		}
	case reflect.String:
		s := v.String()
		if !utf8.ValidString(s) || len(s) > 4096 || strings.ContainsFunc(s, unicode.IsControl) {
			t.Errorf("unsafe text %q", s)
		}
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"nul-terminated", "linux,kvm\x00", "linux,kvm"},
		{"blanks", "  QEMU \n", "QEMU"},
		{"invalid-utf8", "a\xffb", "a\uFFFDb"},
		{"escape", "\x1b[31mred", "\uFFFD[31mred"},
		{"long", strings.Repeat("x", 1000), strings.Repeat("x", 256)},
		{"long-multibyte", strings.Repeat("é", 200), strings.Repeat("é", 128)},
		{"cut-inside-a-rune", "x" + strings.Repeat("é", 200), "x" + strings.Repeat("é", 127)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := environ.Clean(tt.in); got != tt.want {
				t.Errorf("%q", got)
			}
		})
	}
}
