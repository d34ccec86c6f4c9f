package environ

import "strings"

// deviceTree is what firmware hands to kernels that have no DMI: arm, arm64,
// ppc, riscv. Its texts end in NUL.
func (d *detector) deviceTree(e *evidence) verdict {
	const dir = "/proc/device-tree/"
	const node = dir + "hypervisor/compatible"
	if text, ok := d.optional(node); ok {
		switch text = clean(text); {
		case text == "linux,kvm":
			return verdict{TypeKVM, node, "it is linux,kvm"}
		case strings.Contains(text, "xen"):
			return verdict{TypeXen, node, "it names xen"}
		case strings.Contains(text, "vmware"):
			return verdict{TypeVMware, node, "it names vmware"}
		}
		return verdict{TypeOther, node, "it is " + text}
	}
	if d.exists(dir+"ibm,partition-name") && d.exists(dir+"hmc-managed?") && !d.exists(dir+"chosen/qemu,graphic-width") {
		return verdict{TypePowerVM, dir + "hmc-managed?", "it and ibm,partition-name exist: a logical partition"}
	}
	if name := d.fwCfg(); name != "" {
		return verdict{TypeQEMU, dir + name, "QEMU's configuration device"}
	}
	const compatible = dir + "compatible"
	text, _ := d.optional(compatible)
	switch text, _, _ = strings.Cut(text, "\x00"); text {
	case "qemu,pseries":
		return verdict{TypeQEMU, compatible, "it is qemu,pseries"}
	case "linux,dummy-virt":
		// The virtual board of QEMU, Firecracker, crosvm and kvmtool. QEMU
		// would have shown itself above.
		e.hints = append(e.hints, verdict{TypeOther, compatible, "it is linux,dummy-virt, a virtual board"})
	}
	return verdict{}
}

// maxNodes is more than the top of a device tree has.
const maxNodes = 4096

// fwCfg returns the name of QEMU's fw-cfg node, such as fw-cfg@9020000.
func (d *detector) fwCfg() string {
	names, err := guarded(d, func() ([]string, error) { return d.in.Root.ReadDir("/proc/device-tree", maxNodes) })
	if err != nil {
		return ""
	}
	for _, name := range names {
		if strings.Contains(name, "fw-cfg") {
			return clean(name)
		}
	}
	return ""
}
