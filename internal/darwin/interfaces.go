package darwin

// DefaultInterface reports whether an interface of this name is one that users
// ask for: Ethernet and Wi-Fi (en), cellular (pdp_ip), FireWire (fw), and the
// VLANs and bonds that an administrator made.
//
// What is left out is either no network (lo, ap, awdl, llw, anpi and XHC are
// Apple's own side channels, pktap captures) or carries again what an interface above
// already counted: tunnels (utun, ipsec, gif, stf, ppp), bridges, and the
// networks of virtual machines (vmenet, feth, vmnet).
func DefaultInterface(name string) bool {
	switch family(name) {
	case "en", "pdp_ip", "fw":
		return true
	}
	return Repeats(name)
}

// Repeats reports whether a default interface carries the bytes of others once
// more, so that a total over all interfaces has to leave it out.
func Repeats(name string) bool {
	switch family(name) {
	case "vlan", "bond":
		return true
	}
	return false
}

// family returns a name without the unit number that ends it, and "" where
// there is none: every BSD interface has one.
func family(name string) string {
	i := len(name)
	for i > 0 && name[i-1] >= '0' && name[i-1] <= '9' {
		i--
	}
	if i == len(name) {
		return ""
	}
	return name[:i]
}
