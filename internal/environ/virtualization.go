package environ

import "strings"

// verdict is what one source says about the machine.
type verdict struct{ virt, source, reason string }

// evidence is what the virtualization rules work on.
type evidence struct {
	dmi   dmi
	byDMI verdict // metal EC2 is taken out

	cpu     CPUID
	cpuRead bool
	flag    bool // x86: the hypervisor bit, by CPUID or else by cpuinfo

	// hints would make a machine a guest of something unknown.
	hints  []verdict
	hyperV bool // the Hyper-V signature, which QEMU/KVM shows too
}

// decideVirtualization follows the order of systemd-detect-virt, extended.
func (d *detector) decideVirtualization() {
	e := d.gather()
	v, host := d.virtualMachine(e)
	if host.virt != "" {
		d.find(keyVirtRole, RoleHost, host.source, host.reason)
	}
	switch {
	case v.virt == "" && host.virt != "":
		v = host
		d.info.Virtualization = &Virtualization{Type: host.virt, Role: RoleHost}
	case v.virt == "":
		d.find(keyVirtType, "", "", "no source tells whether this is a virtual machine")
		return
	case v.virt == TypeNone:
		d.info.Virtualization = &Virtualization{Type: TypeNone}
	default:
		d.info.Virtualization = &Virtualization{Type: v.virt, Role: RoleGuest, Vendor: e.dmi.text["sys_vendor"]}
	}
	d.find(keyVirtType, v.virt, v.source, v.reason)
	if d.info.Virtualization.Vendor != "" {
		d.find(keyVirtVendor, d.info.Virtualization.Vendor, dmiDir+"sys_vendor", "the firmware says so")
	}
}

func (d *detector) gather() evidence {
	var e evidence
	d.machine.cpuinfo, _ = d.cpuinfo()
	if d.in.CPUID != nil && isX86(d.in.Arch) {
		e.cpu, e.cpuRead = d.in.CPUID()
	}
	e.flag = e.cpuRead && e.cpu.Hypervisor || !e.cpuRead && isX86(d.in.Arch) && hasFlag(d.machine.cpuinfo, "hypervisor")
	e.dmi = d.readDMI()
	virt, source, reason := e.dmi.match(e.flag)
	bit, bitRead := d.smbiosBit()
	if virt == TypeAmazon && (bitRead && !bit || !bitRead && e.dmi.isMetalProduct()) {
		d.find(keyVirtType, "", source, reason+", but it is a bare-metal type")
		virt = ""
	}
	if virt != "" {
		e.byDMI = verdict{virt, source, reason}
	}
	if bit {
		e.hints = append(e.hints, verdict{TypeOther, "/sys/firmware/dmi/entries/0-0/raw", "the SMBIOS bit for virtual machines is set"})
	}
	return e
}

func isX86(arch string) bool { return arch == "amd64" || arch == "386" }

// virtualMachine asks the sources in order; the first decisive one wins. host
// is set in a Xen dom0, whatever runs around it.
func (d *detector) virtualMachine(e evidence) (v, host verdict) {
	// These five hide behind KVM's CPUID.
	switch e.byDMI.virt {
	case TypeVirtualBox, TypeXen, TypeAmazon, TypeParallels, TypeGoogle:
		return e.byDMI, host
	}
	if vendor := field(d.machine.cpuinfo, "vendor_id"); strings.HasPrefix(vendor, "User Mode Linux") {
		return verdict{TypeUML, "/proc/cpuinfo", "vendor_id is User Mode Linux"}, host
	}
	guest, host := d.xen()
	if guest.virt != "" {
		return guest, host
	}
	if v := d.byCPUID(&e); v.virt != "" && (host.virt == "" || v.virt != TypeXen) {
		return v, host
	}
	if host.virt != "" {
		return verdict{}, host
	}
	if e.byDMI.virt != "" {
		return e.byDMI, host
	}
	for _, rule := range []func(*evidence) verdict{d.hypervisorType, d.deviceTree, d.sysinfo, d.appleDirect, d.wsl, hyperV, hinted, d.metal} {
		if v := rule(&e); v.virt != "" {
			return v, host
		}
	}
	return verdict{}, host
}

// byCPUID knows the signatures. Microsoft Hv and unknown ones are only
// remembered: QEMU/KVM shows the former to Windows guests.
func (d *detector) byCPUID(e *evidence) verdict {
	const source = "CPUID leaf 0x40000000"
	if !e.cpuRead || !e.cpu.Hypervisor {
		if e.flag {
			e.hints = append(e.hints, verdict{TypeOther, "/proc/cpuinfo", "the flag hypervisor is set"})
		}
		return verdict{}
	}
	signature := e.cpu.Signature
	virt := signatures[signature]
	switch {
	case signature == hyperVSignature:
		// Exact matches only: without that leaf the bytes are unrelated.
		if behind := e.cpu.Signature100; behind == "KVMKVMKVM" || behind == "XenVMMXenVMM" {
			return verdict{signatures[behind], "CPUID leaf 0x40000100", "behind Hyper-V's signature stands " + behind}
		}
		e.hyperV = true
		return verdict{}
	case virt == TypeKVM && d.isFirecracker():
		return verdict{TypeFirecracker, acpiTables, "the OEM of the ACPI tables is FIRECK, and " + source + " says " + signature}
	case virt != "":
		return verdict{virt, source, "the signature is " + signature}
	}
	e.hints = append(e.hints, verdict{TypeOther, source, "the hypervisor bit is set and the signature is unknown: " + clean(signature)})
	return verdict{}
}

// hypervisorType is Xen's way, and what other hypervisors may use.
func (d *detector) hypervisorType(e *evidence) verdict {
	const name = "/sys/hypervisor/type"
	text, ok := d.optional(name)
	switch text = strings.TrimSpace(text); {
	case !ok || text == "":
		return verdict{}
	case text == "xen":
		return verdict{TypeXen, name, "it says xen"}
	}
	e.hints = append(e.hints, verdict{TypeOther, name, "it says " + clean(text)})
	return verdict{}
}

// sysinfo is of s390x; inside a virtual machine it names the control program.
func (d *detector) sysinfo(*evidence) verdict {
	const name = "/proc/sysinfo"
	text, _ := d.optional(name)
	program := field(text, "VM00 Control Program")
	switch {
	case program == "":
		return verdict{}
	case strings.HasPrefix(program, "z/VM"):
		return verdict{TypeZVM, name, "VM00 Control Program is z/VM"}
	}
	return verdict{TypeKVM, name, "VM00 Control Program is " + clean(program)}
}

func (d *detector) wsl(*evidence) verdict {
	if !d.machine.isWSL() {
		return verdict{}
	}
	return verdict{TypeWSL, "/proc/sys/kernel/osrelease", "it names Microsoft's kernel"}
}

func hyperV(e *evidence) verdict {
	if !e.hyperV {
		return verdict{}
	}
	return verdict{TypeHyperV, "CPUID leaf 0x40000000", "the signature is Microsoft Hv, and nothing stands behind it"}
}

func hinted(e *evidence) verdict {
	if len(e.hints) == 0 {
		return verdict{}
	}
	return e.hints[0]
}

// metal is claimed only where every source that could contradict was readable. Inside
// gVisor they are all made up, and where /sys is masked the absence of DMI says nothing.
func (d *detector) metal(e *evidence) verdict {
	if d.info.Sandbox == "gvisor" || e.byDMI.virt != "" || !d.exists("/sys/class") || e.dmi.denied {
		return verdict{}
	}
	if isX86(d.in.Arch) {
		if !e.cpuRead || e.cpu.Hypervisor {
			return verdict{}
		}
		return verdict{TypeNone, "CPUID leaf 1", "the hypervisor bit is clear, and the firmware names no hypervisor"}
	}
	switch {
	case e.dmi.present:
		return verdict{TypeNone, dmiDir + "product_name", "the firmware names no hypervisor"}
	case d.exists("/proc/device-tree/compatible") && !d.isAppleGuestCore():
		return verdict{TypeNone, "/proc/device-tree", "the device tree names no hypervisor"}
	}
	return verdict{}
}
