package cgroup

import (
	"math"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// HugetlbPageSize returns the page size, in bytes, of a file name that holds a
// limit of the hugetlb controller: "hugetlb.2MB.max" of v2,
// "hugetlb.2MB.limit_in_bytes" of v1. It is false for every other file,
// also for those of reservations ("hugetlb.2MB.rsvd.max").
func HugetlbPageSize(name string) (bytes uint64, ok bool) {
	name, ok = strings.CutPrefix(name, "hugetlb.")
	if !ok {
		return 0, false
	}
	size, file, _ := strings.Cut(name, ".")
	if file != "max" && file != "limit_in_bytes" {
		return 0, false
	}
	for _, unit := range [...]struct {
		suffix string
		shift  uint
	}{{"KB", 10}, {"MB", 20}, {"GB", 30}} {
		digits, ok := strings.CutSuffix(size, unit.suffix)
		if !ok {
			continue
		}
		n, ok := kernfs.Uint([]byte(digits))
		if !ok || n == 0 || n > math.MaxInt64>>unit.shift {
			return 0, false
		}
		return n << unit.shift, true
	}
	return 0, false
}

// HugetlbKind names such a limit by its page size as the kernel writes it: "hugetlb.2MB".
func HugetlbKind(name string) string {
	size, _, _ := strings.Cut(strings.TrimPrefix(name, "hugetlb."), ".")
	return "hugetlb." + size
}

// ParseHugetlbLimit reads such a file, for pages of that size: bytes, or none for "max" and
// for what v1 prints instead. v1 rounds its sentinel down to whole huge
// pages, 9223372036852678656 for pages of 2 MiB, and 8796090925056 on 32 bits.
func ParseHugetlbLimit(b []byte, pageSize uint64) (limit sample.OptUint, err error) {
	limit, err = ParseLimit(b)
	n, ok := limit.Get()
	if !ok || pageSize == 0 || pageSize > unlimitedV1 {
		return limit, err
	}
	if n >= unlimitedV1-pageSize || n == unlimited32-unlimited32%pageSize && n > 0 {
		return sample.OptUint{}, nil
	}
	return limit, nil
}
