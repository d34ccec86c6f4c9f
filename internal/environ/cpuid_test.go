package environ_test

import (
	"runtime"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

func TestCPUIDLeaves(t *testing.T) {
	// "KVMKVMKVM\0\0\0" in EBX, ECX, EDX.
	const b, c, d = 0x4b4d564b, 0x564b4d56, 0x4d
	t.Run("signature", func(t *testing.T) {
		id := environ.ReadCPUID(func(eax uint32) (uint32, uint32, uint32, uint32) {
			if eax == 1 {
				return 0, 0, 1 << 31, 0
			}
			return 0x40000001, b, c, d
		})
		if want := (environ.CPUID{Hypervisor: true, Signature: "KVMKVMKVM", Signature100: "KVMKVMKVM"}); id != want {
			t.Errorf("%+v", id)
		}
	})
	t.Run("R36-bit-clear", func(t *testing.T) {
		id := environ.ReadCPUID(func(eax uint32) (uint32, uint32, uint32, uint32) {
			if eax != 1 {
				t.Errorf("leaf %#x was read without the hypervisor bit", eax)
			}
			return 0, b, 0x7ed8320b, d
		})
		if id != (environ.CPUID{}) {
			t.Errorf("%+v", id)
		}
	})
}

func TestHostCPUID(t *testing.T) {
	id, ok := environ.HostCPUID()
	if ok != (runtime.GOARCH == "amd64") {
		t.Errorf("readable: %v on %s", ok, runtime.GOARCH)
	}
	if !id.Hypervisor && (id.Signature != "" || id.Signature100 != "") {
		t.Errorf("a signature without a hypervisor: %+v", id)
	}
}
