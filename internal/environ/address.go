package environ

import "net/netip"

// isAddress reports whether s is an IP address, as status.podIP is.
func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil && len(s) <= 45
}
