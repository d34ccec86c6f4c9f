package environ_test

import (
	"context"
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

func TestMac(t *testing.T) {
	one, zero := binary.LittleEndian.AppendUint32(nil, 1), binary.LittleEndian.AppendUint32(nil, 0)
	for _, tt := range []struct {
		name    string
		sysctls map[string][]byte
		want    *environ.Virtualization
	}{
		{"host", map[string][]byte{"kern.hv_vmm_present": zero, "hw.model": []byte("Mac14,2\x00"), "kern.hv_support": one}, &environ.Virtualization{Type: "none"}},
		{"vz", map[string][]byte{"kern.hv_vmm_present": one, "hw.model": []byte("VirtualMac2,1\x00")}, &environ.Virtualization{Type: "apple_vz", Role: "guest"}},
		{"vmware", map[string][]byte{"kern.hv_vmm_present": one, "hw.model": []byte("VMware7,1\x00")}, &environ.Virtualization{Type: "vmware", Role: "guest"}},
		{"parallels", map[string][]byte{"kern.hv_vmm_present": one, "hw.model": []byte("ParallelsARM,1\x00")}, &environ.Virtualization{Type: "parallels", Role: "guest"}},
		{"qemu", map[string][]byte{"kern.hv_vmm_present": one, "hw.model": []byte("iMacPro1,1\x00"), "machdep.cpu.brand_string": []byte("QEMU Virtual CPU\x00")}, &environ.Virtualization{Type: "qemu", Role: "guest"}},
		{"brand-virtual", map[string][]byte{"kern.hv_vmm_present": one, "machdep.cpu.brand_string": []byte("Apple M2 (Virtual)\x00")}, &environ.Virtualization{Type: "apple_vz", Role: "guest"}},
		{"unknown-hypervisor", map[string][]byte{"kern.hv_vmm_present": one, "hw.model": []byte("iMac20,1\x00")}, &environ.Virtualization{Type: "other", Role: "guest"}},
		{"old-intel-guest", map[string][]byte{"machdep.cpu.features": []byte("FPU VME VMM SSE\x00"), "hw.model": []byte("VMware7,1\x00")}, &environ.Virtualization{Type: "vmware", Role: "guest"}},
		{"old-intel-host", map[string][]byte{"machdep.cpu.features": []byte("FPU VMX\x00")}, &environ.Virtualization{Type: "none"}},
		{"nothing-readable", nil, nil},
		{"short-value", map[string][]byte{"kern.hv_vmm_present": {1}}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			info, err := environ.Detect(context.Background(), environ.Input{OS: "darwin", Arch: "arm64", Sysctl: func(name string) ([]byte, error) {
				if b, ok := tt.sysctls[name]; ok {
					return b, nil
				}
				return nil, syscall.ENOENT
			}})
			if err != nil || info.Container != nil || info.ContainerUnknown {
				t.Errorf("%+v, %v", info, err)
			}
			switch got := info.Virtualization; {
			case got == nil && tt.want == nil:
			case got == nil || tt.want == nil || *got != *tt.want:
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestMacNamesItself(t *testing.T) {
	sysctls := map[string]string{"kern.osrelease": "24.4.0\x00", "kern.hostname": "mac.local\x00"}
	in := environ.Input{OS: "darwin", Sysctl: func(name string) ([]byte, error) {
		if s, ok := sysctls[name]; ok {
			return []byte(s), nil
		}
		return nil, syscall.ENOENT
	}}
	info, err := environ.Detect(context.Background(), in)
	if err != nil || info.Kernel != "24.4.0" || info.Hostname != "mac.local" || info.Virtualization != nil {
		t.Errorf("%+v, %v", info, err)
	}
	in.Hostname = func() (string, error) { return "other.local", nil }
	if info, _ = environ.Detect(context.Background(), in); info.Hostname != "other.local" {
		t.Errorf("%q", info.Hostname)
	}
}

func TestOtherSystemsSayNothing(t *testing.T) {
	info, err := environ.Detect(context.Background(), environ.Input{OS: "freebsd"})
	if err != nil || render(info) != "" {
		t.Errorf("%s, %v", render(info), err)
	}
}
