package otelresource

import (
	"context"
	"errors"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// ResourceMonitor is what a Monitor does: write against it, and fake it in tests. What
// is there in a struct is known of what a Monitor read alone: of one that was made or
// decoded elsewhere Has is false for all, so a fake that shall have numbers is best a
// Monitor over files (Config.RootFS).
type ResourceMonitor interface {
	// GetMemoryStats returns memory usage, limits and events.
	GetMemoryStats(ctx context.Context) (*MemoryStats, error)
	// GetCPUStats returns CPU usage, limits and throttling.
	GetCPUStats(ctx context.Context) (*CPUStats, error)
	// GetIOStats returns disk I/O.
	GetIOStats(ctx context.Context) (*IOStats, error)
	// GetNetworkStats returns network traffic.
	GetNetworkStats(ctx context.Context) (*NetworkStats, error)
	// GetLimits returns every limit that applies, and what sets it.
	GetLimits(ctx context.Context) (*ResourceLimits, error)
	// GetEnvironmentInfo returns where the process runs, and why it is thought so.
	GetEnvironmentInfo() *EnvironmentInfo
	// IsContainerized reports whether the process runs in a container.
	IsContainerized() bool
	// Close releases the kernel files.
	Close() error
}

var _ ResourceMonitor = (*Monitor)(nil)

// Monitor reads the resources of the process's own container, cgroup or
// machine. All its methods are safe for concurrent use.
//
// What a getter returns is a shared snapshot, at most Config.UpdateInterval old (plus the
// delay of the Go scheduler): reading it costs one atomic load and
// allocates nothing. Nobody may change it. While nobody reads, a Monitor has
// no goroutine and makes no system call; it keeps about two dozen kernel files open,
// each with about 4 KB of kernel memory, and 22 KB of heap, with many disks and
// interfaces more.
type Monitor struct {
	cfg     *Config
	source  engine.Source
	diag    *engine.Diagnostics
	info    *EnvironmentInfo
	cgroup  string // the path of the process's own, when the Monitor was made
	unsure  error  // what detection could not read
	clock   *snapshot.Clock
	usage   *usage
	memory  *snapshot.Cache[memorySnapshot]
	paging  *snapshot.Cache[sample.Paging]
	cpu     *snapshot.Cache[cpuSnapshot]
	io      *snapshot.Cache[ioSnapshot]
	network *snapshot.Cache[networkSnapshot]
	process *snapshot.Cache[sample.Process]
	limits  *snapshot.Cache[ResourceLimits]
	closed  atomic.Bool
}

// direct is what getters return; GetCPUStats has the CPUs besides.
const (
	direct    = sample.PartCgroup | sample.PartDirect
	directCPU = direct | sample.PartPerCPU
)

// NewResourceMonitor returns a Monitor with the default configuration. On an
// operating system without collectors the error is ErrUnsupportedPlatform.
func NewResourceMonitor() (*Monitor, error) { return NewResourceMonitorWithConfig(nil) }

// NewResourceMonitorWithConfig returns a Monitor; a nil config means
// DefaultConfig. It detects the environment and takes the baseline of CPU
// usage, which together take a few milliseconds.
func NewResourceMonitorWithConfig(config *Config) (*Monitor, error) {
	cfg, err := config.complete()
	if err != nil {
		return nil, &Error{Op: "NewResourceMonitorWithConfig", Err: err}
	}
	root, err := hostfs.New(cfg.RootFS)
	if err != nil {
		return nil, toError("NewResourceMonitorWithConfig", err)
	}
	diag := engine.NewDiagnostics(cfg.Logger)
	defer diag.Flush()
	found, detectErr := detect(context.Background(), root, cfg)
	if detectErr != nil {
		diag.Report("environment", detectErr)
	}
	v := found.Virtualization
	var platform sample.Limit[uint64]
	if n, from := found.PlatformMemory(); n > 0 {
		platform = sample.Limit[uint64]{Value: n, Source: sample.SourcePlatform, File: from}
	}
	source, err := engine.New(engine.Config{
		Root: root, Interval: cfg.UpdateInterval, CgroupPaths: cfg.CgroupPaths,
		Containerized: found.Container != nil, Guest: v != nil && v.Role == environ.RoleGuest,
		OwnPID:         found.OwnPIDNamespace(),
		PlatformMemory: platform, Sandbox: found.Sandbox,
		Interfaces:  engine.InterfaceFilter{Include: cfg.IncludeInterfaces, Exclude: cfg.ExcludeInterfaces},
		Diagnostics: diag,
	})
	if err != nil {
		return nil, toError("NewResourceMonitor", err)
	}
	m := newMonitor(cfg, source, found, diag)
	m.unsure = detectErr
	return m, nil
}

func newMonitor(cfg *Config, source engine.Source, found *environ.Info, diag *engine.Diagnostics) *Monitor {
	m := &Monitor{cfg: cfg, source: source, diag: diag, info: environment(found), cgroup: found.Cgroup.Path, clock: snapshot.NewClock()}
	age := cfg.UpdateInterval
	m.usage = newUsage(age)
	if !cfg.EnableCaching {
		age = 0
	}
	flush := diag.Flush
	m.memory = snapshot.New(m.clock, age, m.loadMemory, flush)
	m.paging = snapshot.New(m.clock, age, m.loadPaging, flush)
	m.cpu = snapshot.New(m.clock, age, m.loadCPU, flush)
	m.io = snapshot.New(m.clock, age, m.loadIO, flush)
	m.network = snapshot.New(m.clock, age, m.loadNetwork, flush)
	m.process = snapshot.New(m.clock, age, m.loadProcess, flush)
	m.limits = snapshot.New(m.clock, age, m.loadLimits, flush)
	memory, cpu := m.baseline()
	m.completeEnvironment(found, memory, cpu)
	return m
}

// baseline reads once, so that the window of CPU usage starts now and the
// scope is known. What could not be read is nil: failures show when somebody reads.
func (m *Monitor) baseline() (memory *sample.Memory, cpu *sample.CPU) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s, err := m.memory.Read(ctx, direct|sample.PartSample); err == nil {
		memory = s.sample
	}
	if s, err := m.cpu.Read(ctx, directCPU|sample.PartSample); err == nil {
		cpu = s.sample
	}
	_, _ = m.network.Read(ctx, direct)
	return memory, cpu
}

func (m *Monitor) loadMemory(ctx context.Context, parts sample.Parts) (*snapshot.Value[memorySnapshot], error) {
	return publish[sample.Memory, MemoryStats, memoryPublic]("GetMemoryStats", parts, &memorySamples, m.usage, func(s *sample.Memory) error {
		return m.source.ReadMemory(ctx, parts, s)
	})
}

func (m *Monitor) loadCPU(ctx context.Context, parts sample.Parts) (*snapshot.Value[cpuSnapshot], error) {
	return publish[sample.CPU, CPUStats, cpuPublic]("GetCPUStats", parts, &cpuSamples, m.usage, func(s *sample.CPU) error {
		return m.source.ReadCPU(ctx, parts, s)
	})
}

func (m *Monitor) loadPaging(ctx context.Context, _ sample.Parts) (*snapshot.Value[sample.Paging], error) {
	v := new(snapshot.Value[sample.Paging])
	if err := m.source.ReadPaging(ctx, &v.It); err != nil {
		return nil, toError("Collect", err)
	}
	return v, nil
}

func (m *Monitor) loadProcess(ctx context.Context, parts sample.Parts) (*snapshot.Value[sample.Process], error) {
	v := new(snapshot.Value[sample.Process])
	if err := m.source.ReadProcess(ctx, parts, &v.It); err != nil {
		return nil, toError("Collect", err)
	}
	return v, nil
}

// GetMemoryStats returns memory usage, limits and events. The error is
// ErrCgroupNotFound in a container whose cgroup cannot be read,
// ErrInsufficientPerms where a decisive file is denied, ErrClosed, or that of ctx.
func (m *Monitor) GetMemoryStats(ctx context.Context) (*MemoryStats, error) {
	if s := m.memory.Peek(direct); s != nil && s.stats != nil {
		return s.stats, nil // as Get does, without its call
	}
	s, err := m.memory.Get(ctx, direct)
	if err != nil {
		return nil, getterError("GetMemoryStats", err)
	}
	return s.stats, s.err
}

// GetCPUStats returns CPU usage, limits and throttling. Its errors are those
// of GetMemoryStats.
func (m *Monitor) GetCPUStats(ctx context.Context) (*CPUStats, error) {
	if s := m.cpu.Peek(directCPU); s != nil && s.stats != nil {
		return s.stats, nil // as Get does, without its call
	}
	s, err := m.cpu.Get(ctx, directCPU)
	if err != nil {
		return nil, getterError("GetCPUStats", err)
	}
	return s.stats, s.err
}

// GetLimits returns every limit that applies, and what sets it. It opens and closes the
// files of every level, so that it costs more than the other getters.
func (m *Monitor) GetLimits(ctx context.Context) (*ResourceLimits, error) {
	l, err := m.limits.Get(ctx, 0)
	if err != nil {
		return nil, getterError("GetLimits", err)
	}
	return l, nil
}

// GetEnvironmentInfo returns where the process runs, as it was found when the
// Monitor was made. It is a shared value: change nothing.
func (m *Monitor) GetEnvironmentInfo() *EnvironmentInfo { return m.info }

// IsContainerized reports whether the process runs in a container. A systemd
// service is not one, though its cgroup may limit it.
func (m *Monitor) IsContainerized() bool { return m.info.Container != nil }

// Close releases the kernel files. Getters then return ErrClosed; what they
// returned before stays valid. Close waits for no reading under way, and may be
// called more than once.
func (m *Monitor) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	m.memory.Close()
	m.paging.Close()
	m.cpu.Close()
	m.io.Close()
	m.network.Close()
	m.process.Close()
	m.limits.Close()
	m.source.Close()
	return nil
}

// getterError gives an error of the cache the package's own form.
func getterError(op string, err error) error {
	var own *Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, snapshot.ErrClosed), errors.Is(err, engine.ErrClosed):
		return &Error{Op: op, Err: ErrClosed}
	}
	return &Error{Op: op, Err: err}
}

// toError gives an error of the engine the package's own form: the sentinel
// that a caller can tell apart, and the file.
func toError(op string, err error) error {
	if err == nil {
		return &Error{Op: op, Err: ErrCgroupNotFound}
	}
	e := &Error{Op: op, Err: err}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		e.Path = pe.Path
	}
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		// The reader gave up. That says nothing about the cgroup.
	case errors.Is(err, engine.ErrUnsupported):
		e.Err = ErrUnsupportedPlatform
	case errors.Is(err, engine.ErrClosed):
		e.Err = ErrClosed
	case errors.Is(err, fs.ErrPermission):
		e.Err = errors.Join(ErrInsufficientPerms, err)
	case errors.Is(err, engine.ErrNoCgroup):
		e.Err = errors.Join(ErrCgroupNotFound, err)
	}
	return e
}

func (m *Monitor) loadLimits(ctx context.Context, _ sample.Parts) (*snapshot.Value[ResourceLimits], error) {
	var s sample.Limits
	if err := m.source.ReadLimits(ctx, &s); err != nil {
		return nil, toError("GetLimits", err)
	}
	return &snapshot.Value[ResourceLimits]{It: limits(&s)}, nil
}
