package darwin_test

import (
	"slices"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestReadHost(t *testing.T) {
	var h Host
	if err := ReadHost(darwintest.New(t), &h); err != nil {
		t.Fatal(err)
	}
	want := Host{
		Model: sample.Some("Mac15,3"), Brand: sample.Some("Apple M3"), OSVersion: sample.Some("15.4"),
		OSBuild: sample.Some("24E248"), Kernel: sample.Some("24.4.0"), Hostname: sample.Some("mac.local"),
		Hypervisor: sample.Some(false), Rosetta: sample.Some(false), Memory: sample.Some[uint64](16 << 30),
		CPUs: sample.Some[uint64](2), Booted: sample.Some(time.Unix(1700000000, 5000)),
	}
	if h != want {
		t.Errorf("got %+v\nwant %+v", h, want)
	}
}

func TestDetectVirtualization(t *testing.T) {
	type opt = sample.Opt[string]
	yes, no := sample.Some(true), sample.Some(false)
	tests := map[string]struct {
		host    Host
		guest   bool
		vendor  Vendor
		known   bool
		sources []string
	}{
		"nothing":         {},
		"mac":             {host: Host{Hypervisor: no, Model: sample.Some("Mac15,3")}, known: true, sources: []string{"kern.hv_vmm_present"}},
		"vz":              {host: Host{Hypervisor: yes, Model: sample.Some("VirtualMac2,1"), Brand: sample.Some("Apple M1 (Virtual)")}, guest: true, vendor: VendorAppleVZ, known: true, sources: []string{"kern.hv_vmm_present", "hw.model", "machdep.cpu.brand_string"}},
		"vmware":          {host: Host{Hypervisor: yes, Model: sample.Some("VMware7,1")}, guest: true, vendor: VendorVMware, known: true, sources: []string{"kern.hv_vmm_present", "hw.model"}},
		"parallels":       {host: Host{Hypervisor: yes, Model: sample.Some("Parallels16,1")}, guest: true, vendor: VendorParallels, known: true, sources: []string{"kern.hv_vmm_present", "hw.model"}},
		"qemu-as-imac":    {host: Host{Hypervisor: yes, Model: sample.Some("iMac19,1")}, guest: true, vendor: VendorOther, known: true, sources: []string{"kern.hv_vmm_present", "hw.model"}},
		"no-model":        {host: Host{Hypervisor: yes}, guest: true, vendor: VendorOther, known: true, sources: []string{"kern.hv_vmm_present"}},
		"macos-10-guest":  {host: Host{Features: sample.Some("FPU VME VMM SSE"), Model: sample.Some("VMware7,1")}, guest: true, vendor: VendorVMware, known: true, sources: []string{"machdep.cpu.features", "hw.model"}},
		"macos-10-mac":    {host: Host{Features: sample.Some("FPU VMX SVMM"), Model: sample.Some("MacBookPro15,1")}, known: true, sources: []string{"machdep.cpu.features"}},
		"only-model":      {host: Host{Model: sample.Some("VirtualMac2,1")}, guest: true, vendor: VendorAppleVZ, known: true, sources: []string{"hw.model"}},
		"only-real-model": {host: Host{Model: opt{}, Brand: sample.Some("Apple M1 (Virtual)")}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			v, known := DetectVirtualization(&test.host)
			var sources []string
			for _, e := range v.Evidence {
				sources = append(sources, e.Source)
			}
			if v.Guest != test.guest || v.Vendor != test.vendor || known != test.known || !slices.Equal(sources, test.sources) {
				t.Errorf("got %+v, known %t", v, known)
			}
		})
	}
}
