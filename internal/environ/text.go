package environ

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText bounds every string that leaves this package, but for cgroup paths. The longest that
// a healthy system has, a Kubernetes pod name, is 253 bytes.
const maxText = 256

// maxPath is PATH_MAX, what the kernel prints of a cgroup path at most.
const maxPath = 4096

// clean makes text from files and the environment safe to send: valid UTF-8 of
// bounded length, without control characters.
func clean(s string) string { return bound(s, maxText) }

func bound(s string, limit int) string {
	// Cut first: the text may be megabytes. What is cut off cannot come back
	// into the limit, because nothing below makes text shorter but the ends.
	if len(s) > 2*limit {
		s = s[:2*limit]
	}
	// Device tree strings end in NUL, DMI pads with blanks.
	s = strings.Trim(s, "\x00 \t\r\n")
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, s)
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut]
}

// firstLine returns the first line without blanks around it.
func firstLine(b []byte) string {
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSpace(line)
}

// isHex reports whether s is exactly n lower-case hex digits. Runtimes print
// ids in lower case; upper case is something else.
func isHex(s string, n int) bool {
	if len(s) != n {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isID(s string) bool { return isHex(s, 64) }

// isGroups reports whether s is groups of lower-case hex digits of the given
// lengths, with dashes between them.
func isGroups(s string, lengths ...int) bool {
	parts := strings.Split(s, "-")
	if len(parts) != len(lengths) {
		return false
	}
	for i, p := range parts {
		if !isHex(p, lengths[i]) {
			return false
		}
	}
	return true
}

func isUUID(s string) bool { return len(s) == 36 && isGroups(s, 8, 4, 4, 4, 12) }

// isPodUID accepts a UUID and the 32 digits of a static pod's configuration
// hash, which the kubelet uses in its place.
func isPodUID(s string) bool { return isUUID(s) || isHex(s, 32) }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// isLabel reports whether s is a DNS label (RFC 1123), as Kubernetes asks of
// namespaces and containers.
func isLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

// isSubdomain reports whether s is a name of up to 253 bytes made of labels,
// as Kubernetes asks of pods and nodes.
func isSubdomain(s string) bool {
	if len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}
