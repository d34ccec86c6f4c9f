package otelresource

import (
	"fmt"
	"log/slog"
	"path"
	"slices"
	"time"
)

// Config says how a Monitor reads. The zero value is not the default: use
// [DefaultConfig] and change what differs. A Monitor keeps a copy.
type Config struct {
	// UpdateInterval is how old a snapshot may be, and the shortest window of
	// CPU usage (from 100 ms up). A value can be older by the delay of the Go
	// scheduler. Default 1 s; 0 means the default; negative is an error.
	UpdateInterval time.Duration
	// EnableCaching makes reads within UpdateInterval share one snapshot.
	// Default true; with false every call reads the kernel.
	EnableCaching bool
	// EnableDetailedIO adds statistics of each device to GetIOStats, and gives
	// the metrics of disks a series for each device in place of their total:
	// devices that lie on others show the same bytes again, so that a sum over the series, as
	// the dashboards of collector-config have it, counts them twice. Default false.
	EnableDetailedIO bool
	// EnableDetailedNetwork adds statistics of each interface to GetNetworkStats, and
	// gives the metrics of the network a series for each interface in place of their
	// total, loopback and those that repeat others as well: a sum counts them twice. Default false.
	EnableDetailedNetwork bool
	// IncludeInterfaces names the network interfaces that are listed and counted
	// in the total, by patterns as path.Match has them: "eth*". nil or empty: all are
	// listed, and the total leaves out those that repeat others (see NetworkStats).
	// With patterns it leaves out nothing that they match.
	IncludeInterfaces []string
	// ExcludeInterfaces names those that are neither listed nor counted,
	// whatever IncludeInterfaces says. A pattern that cannot be read is an error.
	ExcludeInterfaces []string
	// ContainerPaths are files whose presence marks a container. Default:
	// /.dockerenv, /run/.containerenv, /proc/1/cgroup. nil means the default, empty
	// none. A default marker needs a second sign, because machine images made
	// from containers keep it; one that you add decides.
	ContainerPaths []string
	// CgroupPaths are where to look for cgroups where /proc/self/mountinfo
	// shows none. Default: /sys/fs/cgroup, /proc/cgroups, /proc/self/cgroup; nil means the default.
	CgroupPaths []string
	// RootFS reads /proc, /sys and the rest under this folder instead of "/".
	// Only files below it are read, symlinks resolve inside it, and no fact of
	// this process (environment, affinity, CPUID) is used.
	RootFS string
	// Logger is told once of every source that cannot be read. Default: silent.
	Logger *slog.Logger
}

// The defaults of Config.
var (
	defaultContainerPaths = []string{"/.dockerenv", "/run/.containerenv", "/proc/1/cgroup"}
	defaultCgroupPaths    = []string{"/sys/fs/cgroup", "/proc/cgroups", "/proc/self/cgroup"}
)

const defaultUpdateInterval = time.Second

// DefaultConfig returns the configuration that [NewResourceMonitor] uses.
func DefaultConfig() *Config {
	return &Config{
		UpdateInterval: defaultUpdateInterval,
		EnableCaching:  true,
		ContainerPaths: slices.Clone(defaultContainerPaths),
		CgroupPaths:    slices.Clone(defaultCgroupPaths),
	}
}

// complete returns a copy with the defaults filled in.
func (c *Config) complete() (*Config, error) {
	if c == nil {
		return DefaultConfig(), nil
	}
	full := *c
	if full.UpdateInterval < 0 {
		return nil, fmt.Errorf("Config.UpdateInterval is %v; it must not be negative", full.UpdateInterval)
	}
	if full.UpdateInterval == 0 {
		full.UpdateInterval = defaultUpdateInterval
	}
	if full.ContainerPaths == nil {
		full.ContainerPaths = defaultContainerPaths
	}
	if full.CgroupPaths == nil {
		full.CgroupPaths = defaultCgroupPaths
	}
	for name, patterns := range map[string]*[]string{
		"IncludeInterfaces": &full.IncludeInterfaces, "ExcludeInterfaces": &full.ExcludeInterfaces,
	} {
		*patterns = slices.Clone(*patterns)
		for _, p := range *patterns {
			if _, err := path.Match(p, ""); err != nil {
				return nil, fmt.Errorf("pattern %q of Config.%s: %w", p, name, err)
			}
		}
	}
	full.ContainerPaths, full.CgroupPaths = slices.Clone(full.ContainerPaths), slices.Clone(full.CgroupPaths)
	return &full, nil
}
