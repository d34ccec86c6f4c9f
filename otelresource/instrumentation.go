package otelresource

import (
	"context"
	"errors"
	"fmt"
	"maps"
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
	tables        []countingTable
	carried       carriedTotals // from an earlier one on the same provider
	closedEarly   atomic.Bool   // it was reported that the monitor was closed before Shutdown
	stopping      atomic.Bool
	stop          sync.Once
	stopped       chan struct{}
	err           error // of the stop; valid when stopped is closed
}

// Start registers the metrics of the process's container, cgroup or machine
// with a MeterProvider and returns what stops them. The package documentation
// has the table of metrics.
//
// Counters count from Start on. Starting twice on one provider is an error,
// because sums would be counted twice. After Shutdown it works again, and the
// counters continue from their last totals. A closed Monitor is ErrClosed. On an operating
// system without collectors Start returns a usable Instrumentation that does nothing,
// and ErrUnsupportedPlatform.
func Start(opts ...Option) (*Instrumentation, error) {
	i := &Instrumentation{stopped: make(chan struct{})}
	c, err := newStartConfig(opts)
	if err != nil {
		return nil, &Error{Op: "Start", Err: err}
	}
	carried, err := started.claim(c.provider)
	if err != nil {
		return nil, &Error{Op: "Start", Err: err}
	}
	i.provider, i.carried = c.provider, carried
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
	i.tables = i.makeTables(selection{
		carried: i.carried, scopes: i.scopes, utilization: c.utilization, perCPU: c.perCPU, devices: i.monitor.cfg.EnableDetailedIO,
		interfaces: i.monitor.cfg.EnableDetailedNetwork, maxWait: c.maxWait,
	})
	if produced {
		all := make([]observe.Table, len(i.tables))
		for n, t := range i.tables {
			all[n] = t
		}
		i.keep(taker.Take(ScopeName, Version(), all))
		return nil
	}
	meter := &creator{
		meter:  c.provider.Meter(ScopeName, metric.WithInstrumentationVersion(Version())),
		ints:   map[string]metric.Int64Observable{},
		floats: map[string]metric.Float64Observable{},
	}
	for _, t := range i.tables {
		r, err := bind(meter, t)
		i.keep(r)
		if err != nil {
			return err
		}
	}
	return nil
}

// makeTables makes those of all collectors, and of the module about itself.
func (i *Instrumentation) makeTables(sel selection) (all []countingTable) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	m, budget := i.monitor, &waitBudget{clock: i.monitor.clock, most: sel.maxWait}
	as := func(name string) collector {
		return collector{failed: func(err error) { i.failed(name, err) }, budget: budget}
	}
	for _, tables := range [][]countingTable{
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
	own.begin(m.diag.Failures())
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
	if i.closedEarly.Swap(true) {
		return
	}
	early := &Error{Op: i.op, Err: fmt.Errorf("%w: it was closed before the instrumentation was shut down", ErrClosed)}
	if log := m.cfg.Logger; log != nil {
		log.Error("metrics are lost", "error", early)
	}
	otel.Handle(early)
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

// Monitor returns the monitor that the metrics are read through; nil if the operating system has no collectors.
func (i *Instrumentation) Monitor() *Monitor {
	if i == nil {
		return nil
	}
	return i.monitor
}

// Shutdown unregisters the metrics, and closes the monitor if Start made it. It
// waits for a collection under way until ctx ends, and then continues in the
// background. It may be called more than once, and on nil. In a callback or an error
// handler pass a context that ends: Shutdown waits for the collection that called it.
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
	totals, collected := carriedTotals{}, false
	for _, t := range i.tables {
		collected = t.totals(totals) || collected
	}
	if !collected && len(i.carried) > 0 { // no reader has seen that series of the one before ended
		maps.Copy(i.carried, totals)
		totals = i.carried
	}
	started.release(i.provider, totals)
	i.err = errors.Join(errs...)
}

// selection is what the user wants of the tables.
type selection struct {
	carried             carriedTotals
	scopes              []Scope
	utilization, perCPU bool
	devices, interfaces bool
	maxWait             time.Duration // of a collection
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
	// The provider that was shut down last, and what its counters had counted.
	ended  metric.MeterProvider
	totals carriedTotals
}

var started registry

var errStartedTwice = errors.New("already started on this MeterProvider; Shutdown the first or share its monitor")

// claim notes that p is in use. It returns the totals from which its counters continue.
func (r *registry) claim(p metric.MeterProvider) (carriedTotals, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	global := same(p, otel.GetMeterProvider())
	if slices.ContainsFunc(r.all, func(other metric.MeterProvider) bool { return same(p, other) || global && delegates(other) }) {
		return nil, errStartedTwice
	}
	r.all = append(r.all, p)
	if r.ended == nil || !same(p, r.ended) && !(global && delegates(r.ended)) {
		return nil, nil
	}
	totals := r.totals
	r.ended, r.totals = nil, nil
	return totals, nil
}

func (r *registry) release(p metric.MeterProvider, totals carriedTotals) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(other metric.MeterProvider) bool { return same(p, other) })
	if _, producer := p.(observe.Taker); !producer && len(totals) > 0 { // a producer is used once
		r.ended, r.totals = p, totals
	}
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
