package environ

import (
	"strconv"
	"strings"
)

// xen tells a domU, which is a guest, from dom0, which is the host of the others. /proc/xen
// exists in both.
func (d *detector) xen() (guest, host verdict) {
	if !d.exists("/proc/xen") {
		return guest, host
	}
	const features = "/sys/hypervisor/properties/features"
	const capabilities = "/proc/xen/capabilities"
	if text, ok := d.optional(features); ok {
		// XENFEAT_dom0 is bit 11; the number is hexadecimal without 0x.
		bits, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		if err == nil && bits&(1<<11) != 0 {
			return guest, verdict{TypeXen, features, "bit 11, dom0, is set"}
		}
		return verdict{TypeXen, features, "/proc/xen exists, and bit 11, dom0, is not set"}, host
	}
	text, _ := d.optional(capabilities)
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' }) {
		if word == "control_d" {
			return guest, verdict{TypeXen, capabilities, "it says control_d"}
		}
	}
	return verdict{TypeXen, "/proc/xen", "it exists, and nothing says dom0"}, host
}
