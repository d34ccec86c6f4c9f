package otelresource

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Instrumentation is what Start registered.
type Instrumentation struct {
	monitor       *Monitor
	owned         bool // the monitor is ours to close
	scopes        []Scope
	provider      metric.MeterProvider
	op            string // what reads the metrics: "Collect" or "Produce"
	registrations []metric.Registration
	closedEarly   sync.Once // the monitor was closed before Shutdown, which is reported once
	stopping      atomic.Bool
	stop          sync.Once
	stopped       chan struct{}
	err           error // of the stop; valid when stopped is closed
}

// Start registers the metrics of the process's container, cgroup or machine
// with a MeterProvider and returns what stops them. The package documentation
// has the table of metrics.
//
// Starting twice on one provider is an error, because sums would be counted
// twice; after Shutdown it works again. A closed Monitor is ErrClosed. On an operating
// system without collectors Start returns a usable Instrumentation that does nothing,
// and ErrUnsupportedPlatform.
func Start(opts ...Option) (*Instrumentation, error) {
	i := &Instrumentation{stopped: make(chan struct{})}
	c, err := newStartConfig(opts)
	if err != nil {
		return nil, &Error{Op: "Start", Err: err}
	}
	if err := started.claim(c.provider); err != nil {
		return nil, &Error{Op: "Start", Err: err}
	}
	i.provider = c.provider
	if err := i.start(c); err != nil {
		_ = i.Shutdown(context.Background())
		if errors.Is(err, ErrUnsupportedPlatform) {
			return i, err
		}
		return nil, err
	}
	return i, nil
}

func (i *Instrumentation) start(c *startConfig) (err error) {
	if c.monitor != nil && c.monitor.closed.Load() {
		return &Error{Op: "Start", Err: ErrClosed}
	}
	if i.monitor = c.monitor; i.monitor == nil {
		if i.monitor, err = NewResourceMonitorWithConfig(c.config); err != nil {
			return err
		}
		i.owned = true
	}
	if i.scopes, err = i.monitor.scopes(c.scopes); err != nil {
		return err
	}
	i.monitor.diag.Notify(func(err error) { otel.Handle(toError("Collect", err)) })
	return i.register(c)
}

// register binds each table to one callback, so that what a View drops all of
// is not read.
func (i *Instrumentation) register(c *startConfig) error {
	taker, produced := c.provider.(observe.Taker)
	if i.op = "Collect"; produced {
		i.op = "Produce"
	}
	tables := i.tables(selection{
		scopes: i.scopes, utilization: c.utilization, perCPU: c.perCPU, devices: i.monitor.cfg.EnableDetailedIO,
		interfaces: i.monitor.cfg.EnableDetailedNetwork,
	})
	if produced {
		i.keep(taker.Take(ScopeName, Version(), tables, i.monitor.started))
		return nil
	}
	meter := &creator{
		meter:  c.provider.Meter(ScopeName, metric.WithInstrumentationVersion(Version())),
		ints:   map[string]metric.Int64Observable{},
		floats: map[string]metric.Float64Observable{},
	}
	for _, t := range tables {
		r, err := bind(meter, t)
		i.keep(r)
		if err != nil {
			return err
		}
	}
	return nil
}

// tables are those of all collectors, and of the module about itself.
func (i *Instrumentation) tables(sel selection) (all []observe.Table) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	m, budget := i.monitor, &waitBudget{clock: i.monitor.clock}
	as := func(name string) collector {
		return collector{failed: func(err error) { i.failed(name, err) }, budget: budget}
	}
	for _, tables := range [][]observe.Table{
		tablesOf(ctx, m.memory, (*memorySnapshot).reading, instruments.Memory(), sel, as("memory")),
		tablesOf(ctx, m.paging, itself[sample.Paging], instruments.Paging(), sel, as("paging")),
		tablesOf(ctx, m.cpu, (*cpuSnapshot).reading, instruments.CPU(), sel, as("cpu")),
		tablesOf(ctx, m.io, (*ioSnapshot).reading, instruments.IO(), sel, as("io")),
		tablesOf(ctx, m.network, (*networkSnapshot).reading, instruments.Network(), sel, as("network")),
		tablesOf(ctx, m.process, itself[sample.Process], instruments.OwnProcess(), sel, as("process")),
	} {
		all = append(all, tables...)
	}
	own, _ := newTable(as("module"), instruments.Errors(), 0, sel)
	own.peek = func(time.Duration) *sample.Failures { return m.diag.Failures() }
	return append(all, own)
}

// failed reports why a collector has no fresh sample.
func (i *Instrumentation) failed(collector string, err error) {
	m := i.monitor
	missed := errors.Is(err, ErrClosed) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if !missed || !m.closed.Load() {
		m.diag.Failed(collector, err)
		m.diag.Flush()
		return
	}
	if i.stopping.Load() {
		return
	}
	i.closedEarly.Do(func() {
		err := &Error{Op: i.op, Err: fmt.Errorf("%w: it was closed before the instrumentation was shut down", ErrClosed)}
		if log := m.cfg.Logger; log != nil {
			log.Error("metrics are lost", "error", err)
		}
		otel.Handle(err)
	})
}

func itself[S any](s *S) *S { return s }

func (i *Instrumentation) keep(r metric.Registration) {
	if r != nil {
		i.registrations = append(i.registrations, r)
	}
}

// Scopes returns whose numbers are measured: what WithScopes said, or what
// Start found right.
func (i *Instrumentation) Scopes() []Scope {
	if i == nil {
		return nil
	}
	return slices.Clone(i.scopes)
}

// Monitor returns the monitor that the metrics are read through; nil where Start failed for want of collectors.
func (i *Instrumentation) Monitor() *Monitor {
	if i == nil {
		return nil
	}
	return i.monitor
}

// Shutdown unregisters the metrics, and closes the monitor if Start made it. It
// waits for a collection under way until ctx ends, and then goes on in the
// background. It may be called more than once, on nil, and from a callback.
func (i *Instrumentation) Shutdown(ctx context.Context) error {
	if i == nil {
		return nil
	}
	i.stop.Do(func() {
		i.stopping.Store(true)
		go i.shutdown()
	})
	select {
	case <-i.stopped:
		return i.err
	default:
	}
	select {
	case <-i.stopped:
		return i.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shutdown runs on a goroutine of its own: unregistering waits for a
// collection, and would wait for ever inside one.
func (i *Instrumentation) shutdown() {
	defer close(i.stopped)
	var errs []error
	for _, r := range i.registrations {
		errs = append(errs, r.Unregister())
	}
	// Once unregistered, no callback runs: the files can go.
	if i.owned {
		errs = append(errs, i.monitor.Close())
	}
	started.release(i.provider)
	i.err = errors.Join(errs...)
}

// selection is what the user wants of the tables.
type selection struct {
	scopes              []Scope
	utilization, perCPU bool
	devices, interfaces bool
}

func (s *selection) includes(m *instruments.Metric) bool {
	if m.OptIn == instruments.WithUtilization && !s.utilization {
		return false
	}
	return m.Scope == instruments.Module || slices.Contains(s.scopes, Scope(m.Scope.String()))
}

func (s *selection) details(d instruments.Detail) bool {
	switch d {
	case instruments.PerCPU:
		return s.perCPU
	case instruments.PerDevice:
		return s.devices
	case instruments.PerInterface:
		return s.interfaces
	}
	return d == instruments.Listed
}

// scopes decides, once, whose numbers are measured.
func (m *Monitor) scopes(asked []Scope) ([]Scope, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	own, found := false, false
	if s, err := m.cpu.Read(ctx, sample.PartCgroup|sample.PartSample); err == nil {
		own, found = s.sample.Own, s.sample.Cgroup.Usage.Present()
	}
	if s, err := m.memory.Read(ctx, sample.PartCgroup|sample.PartSample); err == nil {
		own, found = own || s.sample.Own, found || s.sample.Cgroup.Usage.Present()
	}
	if slices.Contains(asked, ScopeProcess) {
		if _, err := m.process.Read(ctx, 0); err != nil {
			return nil, &Error{Op: "Start", Err: fmt.Errorf("process scope: %w", err)}
		}
	}
	switch {
	case len(asked) > 0:
		if slices.Contains(asked, ScopeContainer) && !found && !m.IsContainerized() {
			return nil, &Error{Op: "Start", Err: ErrContainerNotFound}
		}
		return asked, nil
	case m.IsContainerized():
		return []Scope{ScopeContainer}, nil
	case own:
		return []Scope{ScopeContainer, ScopeSystem}, nil
	}
	return []Scope{ScopeSystem}, nil
}

// registry knows the providers that are in use: it is what refuses a second Start.
type registry struct {
	mu  sync.Mutex
	all []metric.MeterProvider
}

var started registry

var errStartedTwice = errors.New("already started on this MeterProvider; Shutdown the first or share its monitor")

func (r *registry) claim(p metric.MeterProvider) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	global := same(p, otel.GetMeterProvider())
	if slices.ContainsFunc(r.all, func(other metric.MeterProvider) bool { return same(p, other) || global && delegates(other) }) {
		return errStartedTwice
	}
	r.all = append(r.all, p)
	return nil
}

func (r *registry) release(p metric.MeterProvider) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(other metric.MeterProvider) bool { return same(p, other) })
}

// delegates reports whether p is what OpenTelemetry has for the global provider until one is set, to
// which it then hands everything over.
func delegates(p metric.MeterProvider) bool {
	t := reflect.TypeOf(p)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "go.opentelemetry.io/otel/internal/global"
}

// same compares providers; some types cannot be compared.
func same(a, b metric.MeterProvider) bool {
	return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}
