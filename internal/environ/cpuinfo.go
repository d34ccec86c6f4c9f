package environ

import (
	"slices"
	"strings"
)

// maxCPUInfo holds the first processors of the largest machine; what we
// look for is the same for all of them.
const maxCPUInfo = 64 << 10

// cpuinfo returns the beginning of /proc/cpuinfo, which has 1.5 KiB per processor.
func (d *detector) cpuinfo() (string, bool) {
	b, err := guarded(d, func() ([]byte, error) { return d.in.head("/proc/cpuinfo", maxCPUInfo) })
	return string(b), err == nil
}

// field returns the value of the first line "name : value".
func field(text, name string) string {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func hasFlag(cpuinfo, flag string) bool {
	return slices.Contains(strings.Fields(field(cpuinfo, "flags")), flag)
}
