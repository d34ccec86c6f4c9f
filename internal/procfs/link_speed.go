package procfs

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ParseLinkSpeed reads /sys/class/net/IFACE/speed
// (Documentation/ABI/testing/sysfs-class-net), in bits per second. A virtual
// link, or one that is down, has no speed: the file says -1, or cannot be read (EINVAL).
func ParseLinkSpeed(b []byte) (speed sample.OptUint, err error) {
	field, rest := kernfs.Field(b)
	mbits, ok := kernfs.Int(field)
	if more, _ := kernfs.Field(rest); !ok || len(more) > 0 {
		return speed, kernfs.ErrMalformed
	}
	// Old kernels keep 16 bits of the -1, or print its 32 bits without the
	// sign. Zero is a driver that does not know.
	if mbits <= 0 || mbits == 0xffff || mbits >= 0xffff_ffff {
		return speed, nil
	}
	return sample.SomeUint(uint64(mbits) * 1_000_000), nil
}
