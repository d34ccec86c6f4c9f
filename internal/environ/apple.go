package environ

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// appleDirect finds a Linux guest on an Apple processor that was booted without firmware, so without DMI
// (Docker Desktop, OrbStack, Apple's container). The hypervisor hides the part number: real
// cores have one.
func (d *detector) appleDirect(e *evidence) verdict {
	if d.in.Arch != "arm64" || e.dmi.present || !d.isAppleGuestCore() {
		return verdict{}
	}
	if strings.EqualFold(field(d.machine.cpuinfo, "CPU implementer"), "0x61") {
		return verdict{TypeVZ, "/proc/cpuinfo", "CPU implementer 0x61 (Apple) with part 0x000"}
	}
	// Newer guests hide the implementer too. Alone that is no proof.
	for _, product := range []string{"orbstack", "linuxkit"} {
		if strings.Contains(d.machine.osrelease, product) {
			return verdict{TypeVZ, "/proc/cpuinfo", "CPU implementer 0x00 with part 0x000, and the kernel is " + product + "'s"}
		}
	}
	return verdict{}
}

// isAppleGuestCore reports whether the processor shows no part number, as under Apple's hypervisor.
func (d *detector) isAppleGuestCore() bool {
	implementer := strings.ToLower(field(d.machine.cpuinfo, "CPU implementer"))
	return (implementer == "0x61" || implementer == "0x00") && strings.EqualFold(field(d.machine.cpuinfo, "CPU part"), "0x000")
}

// darwin asks the kernel of macOS. There are no containers.
func (d *detector) darwin() {
	d.info.Hostname = d.sysctl("kern.hostname")
	if d.in.Hostname != nil {
		if name, err := d.in.Hostname(); err == nil {
			d.info.Hostname = clean(name)
		}
	}
	d.info.Kernel = d.sysctl("kern.osrelease")
	d.find(keyContainer, "none", "kern.osrelease", "macOS has no containers")
	present, source, known := d.macGuest()
	switch {
	case !known:
		d.find(keyVirtType, "", "", "no source tells whether this is a virtual machine")
	case !present:
		// kern.hv_support is what the machine could host, not what it is.
		d.info.Virtualization = &Virtualization{Type: TypeNone}
		d.find(keyVirtType, TypeNone, source, "it says that there is no hypervisor")
	default:
		virt, from, reason := d.macVendor()
		d.info.Virtualization = &Virtualization{Type: virt, Role: RoleGuest}
		d.find(keyVirtType, virt, from, source+" says guest; "+reason)
	}
}

// macGuest is kern.hv_vmm_present since macOS 11; older systems on Intel have a CPU feature.
func (d *detector) macGuest() (present bool, source string, known bool) {
	if d.in.Sysctl == nil {
		return false, "", false
	}
	if b, err := d.in.Sysctl("kern.hv_vmm_present"); err == nil && len(b) == 4 {
		return binary.LittleEndian.Uint32(b) == 1, "kern.hv_vmm_present", true
	}
	features, err := d.in.Sysctl("machdep.cpu.features")
	if err != nil {
		return false, "", false
	}
	for word := range bytes.FieldsSeq(bytes.TrimRight(features, "\x00")) {
		if string(word) == "VMM" {
			return true, "machdep.cpu.features", true
		}
	}
	return false, "machdep.cpu.features", true
}

// macVendor goes by the model. Tools on Apple's framework cannot be told apart, and QEMU's
// vmapple machine calls itself VirtualMac too.
func (d *detector) macVendor() (virt, source, reason string) {
	model := d.sysctl("hw.model")
	for _, row := range []struct{ prefix, virt string }{
		{"VirtualMac", TypeVZ}, {"VMware", TypeVMware}, {"Parallels", TypeParallels},
	} {
		if strings.HasPrefix(model, row.prefix) {
			return row.virt, "hw.model", "the model is " + model
		}
	}
	switch brand := d.sysctl("machdep.cpu.brand_string"); {
	case strings.Contains(brand, "QEMU"):
		return TypeQEMU, "machdep.cpu.brand_string", "it names QEMU"
	case strings.HasSuffix(brand, "(Virtual)"):
		return TypeVZ, "machdep.cpu.brand_string", "it ends in (Virtual)"
	}
	return TypeOther, "hw.model", "the model is " + model
}

// sysctl returns a text, which ends in NUL.
func (d *detector) sysctl(name string) string {
	if d.in.Sysctl == nil {
		return ""
	}
	b, err := d.in.Sysctl(name)
	if err != nil {
		return ""
	}
	return clean(string(b))
}
