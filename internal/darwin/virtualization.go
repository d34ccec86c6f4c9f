package darwin

import "strings"

// Vendor is who virtualizes a macOS guest.
type Vendor string

// The vendors that a guest can see. Everything built on Apple's
// Virtualization framework (tart, Anka, UTM, CI runners) says VirtualMac, and
// QEMU's vmapple machine too: they cannot be told apart.
const (
	VendorAppleVZ   Vendor = "apple_vz"
	VendorVMware    Vendor = "vmware"
	VendorParallels Vendor = "parallels"
	VendorOther     Vendor = "other"
)

// Virtualization is a decision and what it was made on.
type Virtualization struct {
	Guest    bool
	Vendor   Vendor // "" if not a guest
	Evidence []Evidence
}

// Evidence is one sysctl that had a say.
type Evidence struct {
	Source, Value string
}

// DetectVirtualization decides whether h is a guest. known is false where nothing in h says.
func DetectVirtualization(h *Host) (v Virtualization, known bool) {
	model := h.Model.Or("")
	vendor := vendorOf(model)
	if present, ok := h.Hypervisor.Get(); ok {
		known, v.Guest = true, present
		v.Evidence = append(v.Evidence, Evidence{"kern.hv_vmm_present", digit(present)})
	} else if features, ok := h.Features.Get(); ok {
		// Before macOS 11 an Intel guest shows the hypervisor bit of CPUID.
		known, v.Guest = true, hasWord(features, "VMM")
		v.Evidence = append(v.Evidence, Evidence{"machdep.cpu.features", "VMM " + digit(v.Guest)})
	} else if vendor != VendorOther {
		known, v.Guest = true, true // no hardware has such a model
	}
	if !v.Guest {
		return v, known
	}
	v.Vendor = vendor
	if model != "" {
		v.Evidence = append(v.Evidence, Evidence{"hw.model", model})
	}
	if brand := h.Brand.Or(""); strings.Contains(brand, "(Virtual)") {
		v.Evidence = append(v.Evidence, Evidence{"machdep.cpu.brand_string", brand})
	}
	return v, known
}

func vendorOf(model string) Vendor {
	switch {
	case strings.HasPrefix(model, "VirtualMac"):
		return VendorAppleVZ
	case strings.HasPrefix(model, "VMware"):
		return VendorVMware
	case strings.HasPrefix(model, "Parallels"):
		return VendorParallels
	}
	return VendorOther
}

func hasWord(text, word string) bool {
	for w := range strings.FieldsSeq(text) {
		if w == word {
			return true
		}
	}
	return false
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
