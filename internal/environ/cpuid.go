package environ

import "strings"

// CPUID is what the instruction says about a hypervisor.
type CPUID struct {
	// Hypervisor is bit 31 of ECX of leaf 1.
	Hypervisor bool
	// Signature is leaf 0x40000000 (EBX, ECX, EDX), without trailing NULs. It is
	// read only if Hypervisor is set: real processors answer that leaf with
	// the data of their highest one, and some machines even with a signature.
	Signature string
	// Signature100 is leaf 0x40000100, where KVM and Xen present themselves
	// behind a Hyper-V disguise. Hypervisors without that leaf return unrelated bytes.
	Signature100 string
}

// readCPUID asks the instruction through leaf.
func readCPUID(leaf func(eax uint32) (a, b, c, d uint32)) CPUID {
	var id CPUID
	_, _, c, _ := leaf(1)
	if id.Hypervisor = c&(1<<31) != 0; id.Hypervisor {
		id.Signature = signature(leaf(0x40000000))
		id.Signature100 = signature(leaf(0x40000100))
	}
	return id
}

func signature(_, b, c, d uint32) string {
	text := make([]byte, 0, 12)
	for _, r := range []uint32{b, c, d} {
		text = append(text, byte(r), byte(r>>8), byte(r>>16), byte(r>>24))
	}
	return strings.TrimRight(string(text), "\x00")
}

// signatures are the hypervisors that sign with a text of their own.
var signatures = map[string]string{
	"KVMKVMKVM":    TypeKVM,
	"Linux KVM Hv": TypeKVM,
	"LKVMLKVMLKVM": TypeKVM,
	"TCGTCGTCGTCG": TypeQEMU,
	"VMwareVMware": TypeVMware,
	"XenVMMXenVMM": TypeXen,
	" lrpepyh  vr": TypeParallels,
	"prl hyperv  ": TypeParallels,
	"bhyve bhyve ": TypeBhyve,
	"Apple VZ":     TypeVZ,
	"QNXQVMBSQG":   TypeQNX,
	"ACRNACRNACRN": TypeACRN,
	"SRESRESRESRE": TypeSRE,
	"VBoxVBoxVBox": TypeVirtualBox,
	"OpenBSDVMM58": TypeOther,
}

const hyperVSignature = "Microsoft Hv"
