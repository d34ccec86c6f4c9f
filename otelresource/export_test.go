package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// FakeSource stands in for the kernel.
type FakeSource struct {
	Memory  func(context.Context, *sample.Memory) error
	CPU     func(context.Context, *sample.CPU) error
	IO      func(context.Context, *sample.IO) error // nil: nothing
	Network func(*sample.Network) error
	Parts   sample.Parts // of memory and CPU that were read so far
}

func (f *FakeSource) ReadMemory(ctx context.Context, parts sample.Parts, s *sample.Memory) error {
	f.Parts |= parts &^ sample.PartSample
	*s = sample.Memory{}
	return f.Memory(ctx, s)
}

func (f *FakeSource) ReadPaging(context.Context, *sample.Paging) error { return nil }

func (f *FakeSource) ReadCPU(ctx context.Context, parts sample.Parts, s *sample.CPU) error {
	f.Parts |= parts &^ sample.PartSample
	*s = sample.CPU{}
	return f.CPU(ctx, s)
}

func (f *FakeSource) ReadIO(ctx context.Context, _ sample.Parts, s *sample.IO) error {
	*s = sample.IO{}
	if f.IO == nil {
		return nil
	}
	return f.IO(ctx, s)
}

func (f *FakeSource) ReadNetwork(_ context.Context, _ sample.Parts, s *sample.Network) error {
	*s = sample.Network{}
	if f.Network == nil {
		return nil
	}
	return f.Network(s)
}

func (f *FakeSource) ReadProcess(context.Context, sample.Parts, *sample.Process) error {
	return nil
}

func (f *FakeSource) ReadLimits(context.Context, *sample.Limits) error { return nil }
func (f *FakeSource) Cgroup(context.Context) *engine.Whereabouts       { return nil }
func (f *FakeSource) Close()                                           {}

// NewFakeMonitor returns a monitor over a fake kernel, without caching.
func NewFakeMonitor(f *FakeSource) *Monitor {
	c := DefaultConfig()
	c.EnableCaching, c.UpdateInterval = false, 10*time.Millisecond
	return newMonitor(c, f, &environ.Info{}, engine.NewDiagnostics(nil))
}

// RefreshNetwork reads as an export does.
func RefreshNetwork(ctx context.Context, m *Monitor) error {
	_, err := m.network.Get(ctx, sample.PartSample)
	return err
}

// NewMonitorAt returns a monitor over a root of files, whose readings are made at
// now. It caches nothing.
func NewMonitorAt(dir string, now func() time.Time, change func(*Config)) (*Monitor, error) {
	c := DefaultConfig()
	c.RootFS, c.EnableCaching = dir, false
	change(c)
	root, err := hostfs.New(dir)
	if err != nil {
		return nil, err
	}
	found, err := detect(context.Background(), root, c)
	if err != nil {
		return nil, err
	}
	diag := engine.NewDiagnostics(nil)
	source, err := engine.New(engine.Config{
		Root: root, Interval: c.UpdateInterval, CgroupPaths: c.CgroupPaths, Containerized: found.Container != nil,
		Diagnostics: diag, Now: now,
	})
	if err != nil {
		return nil, err
	}
	return newMonitor(c, source, found, diag), nil
}

// WithPatience lets the callbacks of a collection wait as long as it takes.
func WithPatience() Option { return optionFunc(func(c *startConfig) { c.maxWait = time.Hour }) }
