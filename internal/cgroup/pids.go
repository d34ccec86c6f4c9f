package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ParsePidsMax reads pids.max of either version, a number of tasks, which are threads, or
// none for "max". pids.current and pids.peak are single numbers.
func ParsePidsMax(b []byte) (limit sample.OptUint, err error) {
	f, rest := kernfs.Field(b)
	if more, _ := kernfs.Field(rest); len(more) > 0 {
		return limit, kernfs.ErrMalformed
	}
	if string(f) == "max" {
		return limit, nil
	}
	n, ok := kernfs.Uint(f)
	if !ok {
		return limit, kernfs.ErrMalformed
	}
	return sample.SomeUint(n), nil
}
