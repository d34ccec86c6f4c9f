package darwin

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Host is what identifies the machine and its system.
type Host struct {
	Model     sample.Opt[string] // hw.model: Mac15,3, VirtualMac2,1
	Brand     sample.Opt[string] // machdep.cpu.brand_string
	Features  sample.Opt[string] // machdep.cpu.features, Intel only
	OSVersion sample.Opt[string] // kern.osproductversion: 15.4
	OSBuild   sample.Opt[string] // kern.osversion: 24E248
	Kernel    sample.Opt[string] // kern.osrelease: 24.4.0
	Hostname  sample.Opt[string] // kern.hostname

	// Hypervisor is kern.hv_vmm_present, since macOS 11: this is a guest. (kern.hv_support
	// would say that it can be a host.)
	Hypervisor sample.Opt[bool]
	Rosetta    sample.Opt[bool] // sysctl.proc_translated: an Intel program on Apple silicon

	Memory sample.OptUint // hw.memsize, bytes
	CPUs   sample.OptUint // hw.logicalcpu

	// Booted moves with the clock when somebody sets it. The uptime is the
	// present time less this one, by the same clock.
	Booted sample.Opt[time.Time]
}

// ReadHost reads a Host. It allocates: all but Booted stays as it is.
func ReadHost(k Kernel, h *Host) error {
	var f failures
	*h = Host{}
	buf := make([]byte, 4<<10) // machdep.cpu.features is the longest, some hundred bytes
	text := func(name string) sample.Opt[string] {
		s := sysctl{name: name}
		return s.text(k, buf, &f)
	}
	h.Model = text("hw.model")
	h.Brand = text("machdep.cpu.brand_string")
	h.Features = text("machdep.cpu.features")
	h.OSVersion = text("kern.osproductversion")
	h.OSBuild = text("kern.osversion")
	h.Kernel = text("kern.osrelease")
	h.Hostname = text("kern.hostname")

	vmm := sysctl{name: "kern.hv_vmm_present"}
	translated := sysctl{name: "sysctl.proc_translated"}
	memory := sysctl{name: "hw.memsize"}
	cpus := sysctl{name: "hw.logicalcpu"}
	h.Hypervisor = vmm.bool(k, buf, &f)
	h.Rosetta = translated.bool(k, buf, &f)
	h.Memory = memory.uint(k, buf, &f)
	h.CPUs = cpus.uint(k, buf, &f)

	booted, err := BootTime(k, buf)
	switch {
	case err == nil:
		h.Booted = sample.Some(booted)
	case !missing(err):
		f = append(f, err)
	}
	return f.join()
}

const bootTimeName = "kern.boottime"

// BootTime reads when the system started, by its present clock, with the help
// of a buffer of at least 16 bytes.
func BootTime(k Kernel, buf []byte) (booted time.Time, err error) {
	n, err := k.SysctlByName(bootTimeName, buf)
	if err == nil {
		booted, err = DecodeTimeval(clip(buf, n))
	}
	if err != nil {
		return time.Time{}, &CallError{Call: "sysctl", Arg: bootTimeName, Err: err}
	}
	return booted, nil
}
