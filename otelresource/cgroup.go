package otelresource

import (
	"context"
	"slices"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// CgroupVersion is the cgroup interface of a machine.
type CgroupVersion uint8

// The versions. On a hybrid machine some controllers are bound to v1 while a v2 hierarchy is mounted too.
const (
	CgroupUnknown CgroupVersion = iota
	CgroupV1
	CgroupV2
	CgroupHybrid
)

// String returns "v1", "v2", "hybrid" or "unknown".
func (v CgroupVersion) String() string {
	switch v {
	case CgroupV1:
		return "v1"
	case CgroupV2:
		return "v2"
	case CgroupHybrid:
		return "hybrid"
	}
	return "unknown"
}

// MarshalText writes the version as String does.
func (v CgroupVersion) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

func cgroupVersion(name string) CgroupVersion {
	for _, v := range []CgroupVersion{CgroupV1, CgroupV2, CgroupHybrid} {
		if v.String() == name {
			return v
		}
	}
	return CgroupUnknown
}

// CgroupManager says which cgroup interface and controllers this process sees.
// It is immutable and safe for concurrent use.
type CgroupManager struct {
	version     CgroupVersion
	controllers []string
}

// NewCgroupManager looks at the process's cgroup mounts. The error is
// ErrUnsupportedPlatform on other systems than Linux, ErrCgroupNotFound where no
// mount shows the process.
func NewCgroupManager() (*CgroupManager, error) {
	const op = "NewCgroupManager"
	source, err := engine.New(engine.Config{Root: hostfs.Root{}, Interval: defaultUpdateInterval, CgroupPaths: defaultCgroupPaths})
	if err != nil {
		return nil, toError(op, err)
	}
	defer source.Close()
	w := source.Cgroup(context.Background())
	if w == nil {
		return nil, &Error{Op: op, Err: ErrUnsupportedPlatform} // macOS has no cgroups
	}
	if w.Version == "" {
		return nil, &Error{Op: op, Path: "/proc/self/mountinfo", Err: ErrCgroupNotFound}
	}
	return &CgroupManager{version: cgroupVersion(w.Version), controllers: w.Controllers}, nil
}

// GetVersion returns the machine's cgroup interface.
func (m *CgroupManager) GetVersion() CgroupVersion { return m.version }

// GetControllers returns the controllers that are bound to v1 hierarchies, and those
// available to the process's v2 cgroup, sorted. The slice is the caller's.
func (m *CgroupManager) GetControllers() []string { return slices.Clone(m.controllers) }
