package environ

import "strings"

// dmi is what the firmware says about the machine, from the world-readable
// files of /sys/class/dmi/id. Serial numbers and the uuid are root's and are never read.
type dmi struct {
	present bool              // at least one file could be read
	denied  bool              // at least one is there and could not be
	text    map[string]string // by file
}

const dmiDir = "/sys/class/dmi/id/"

// dmiFiles are in the order in which they decide. Each may be missing on its own.
var dmiFiles = []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor", "product_version"}

func (d *detector) readDMI() dmi {
	m := dmi{text: map[string]string{}}
	before := len(d.errs)
	for _, name := range dmiFiles {
		if text, ok := d.decisive(dmiDir + name); ok {
			m.present = true
			m.text[name] = clean(text)
		}
	}
	m.denied = len(d.errs) > before
	return m
}

// dmiPrefixes are from systemd's table, extended. "Microsoft Corporation" and
// "Apple Inc." are not in it: these firms build real machines too.
var dmiPrefixes = []struct{ prefix, virt string }{
	{"KVM", TypeKVM},
	{"OpenStack", TypeKVM},
	{"KubeVirt", TypeKVM},
	{"Amazon EC2", TypeAmazon},
	{"QEMU", TypeQEMU},
	{"VMware", TypeVMware},
	{"VMW", TypeVMware},
	{"innotek GmbH", TypeVirtualBox},
	{"VirtualBox", TypeVirtualBox},
	{"Oracle Corporation", TypeVirtualBox},
	{"Xen", TypeXen},
	{"Bochs", TypeBochs},
	{"Parallels", TypeParallels},
	{"BHYVE", TypeBhyve},
	{"Hyper-V", TypeHyperV},
	{"Apple Virtualization", TypeVZ},
	{"Google Compute Engine", TypeGoogle},
}

// match returns the first file that has a known prefix.
func (m dmi) match(hypervisorFlag bool) (virt, source, reason string) {
	for _, name := range dmiFiles {
		text := m.text[name]
		for _, row := range dmiPrefixes {
			if !strings.HasPrefix(text, row.prefix) || row.prefix == "Oracle Corporation" && !m.isVirtualBox(hypervisorFlag) {
				continue
			}
			return row.virt, dmiDir + name, "it begins with " + row.prefix
		}
	}
	return "", "", ""
}

// isVirtualBox: Oracle's and Sun's real servers have Oracle as their board vendor too.
func (m dmi) isVirtualBox(hypervisorFlag bool) bool {
	return hypervisorFlag || strings.HasPrefix(m.text["product_name"], "VirtualBox") || strings.HasPrefix(m.text["bios_vendor"], "VirtualBox")
}

// isMetalProduct knows the bare-metal types of EC2: r6g.metal, i4i.metal-48xl.
func (m dmi) isMetalProduct() bool {
	_, rest, ok := strings.Cut(m.text["product_name"], ".metal")
	return ok && (rest == "" || rest[0] == '-')
}

// smbiosBit is bit 4 of byte 19 of the SMBIOS structure of type 0: "this is a
// virtual machine". Root only; ok is false where it cannot be read. Set proves
// a virtual machine, clear proves nothing.
func (d *detector) smbiosBit() (set, ok bool) {
	b, err := d.read("/sys/firmware/dmi/entries/0-0/raw", maxFile)
	if err != nil || len(b) < 20 || b[0] != 0 || int(b[1]) < 20 {
		return false, false
	}
	return b[19]&(1<<4) != 0, true
}
