// Package engine composes the kernel's files into samples. Parsers know what a
// file says; the policy of what it means together lives here: which limit
// binds, how much is left under it, whose numbers describe the process.
package engine

import (
	"context"
	"errors"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ErrUnsupported says that there are no collectors for this operating system.
var ErrUnsupported = errors.New("no collectors for this operating system")

// ErrNoCgroup says that the process's cgroup could not be read.
var ErrNoCgroup = errors.New("no readable cgroup")

// ErrClosed is what a source returns after Close.
var ErrClosed = errors.New("closed")

// Config is what a source needs to know.
type Config struct {
	Root hostfs.Root
	// Interval bounds how old the path of the current cgroup may be.
	Interval time.Duration
	// CgroupPaths are where to look where mountinfo shows no cgroup mount.
	CgroupPaths []string
	// PlatformMemory is the limit that a platform tells its programs of, if it does.
	PlatformMemory sample.Limit[uint64]
	// Sandbox is the program that stands in for the kernel: gvisor, proot.
	Sandbox string
	// Containerized and Guest are what was detected: in a container the own
	// cgroup describes the process, and a guest's size is the VM's decision.
	Containerized, Guest bool
	// OwnPID says that the process is in a PID namespace of its own, whose init started with the container.
	OwnPID      bool
	Interfaces  InterfaceFilter
	Diagnostics *Diagnostics // nil: silent ones
	Now         func() time.Time
}

// Source reads one platform. A reading fills a sample that the caller owns, using
// again what its slices have room for; its error means that there is nothing in it.
// It keeps nothing of its context. Readings of one kind are serialized by the
// caller, those of different kinds may run at the same time.
type Source interface {
	ReadMemory(context.Context, sample.Parts, *sample.Memory) error
	ReadPaging(context.Context, *sample.Paging) error // of the machine
	ReadCPU(context.Context, sample.Parts, *sample.CPU) error
	ReadIO(context.Context, sample.Parts, *sample.IO) error
	ReadNetwork(context.Context, sample.Parts, *sample.Network) error
	ReadProcess(context.Context, sample.Parts, *sample.Process) error
	ReadLimits(context.Context, *sample.Limits) error
	// Cgroup says where the process is; nil where there are no cgroups.
	Cgroup(context.Context) *Whereabouts
	// Close gives descriptors back; it waits for no reading.
	Close()
}

// Whereabouts is the process's place in the cgroup hierarchies.
type Whereabouts struct {
	Version     string // "v1", "v2", "hybrid", "" where no mount shows the process
	Controllers []string
	Paths       map[string]string // by v1 controller, "" is the v2 hierarchy
	Dirs        map[string]string // where the files are
}

// newSource is set by the platform's file; nil: not supported.
var newSource func(Config) (Source, error)

// New returns the source of this operating system, or ErrUnsupported.
func New(c Config) (Source, error) {
	if newSource == nil {
		return nil, ErrUnsupported
	}
	c.complete()
	return newSource(c)
}

func (c *Config) complete() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Diagnostics == nil {
		c.Diagnostics = NewDiagnostics(nil)
	}
}

// hostSource is the name of the machine's own size as a limit.
func (c *Config) hostSource() sample.Source {
	if c.Guest {
		return sample.SourceVirtualization
	}
	return sample.SourceHost
}

// room returns an empty slice that n elements fit into: s if they do. It is never nil.
func room[T any](s []T, n int) []T {
	if s == nil || cap(s) < n {
		return make([]T, 0, n)
	}
	return s[:0]
}
