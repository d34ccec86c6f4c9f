package otelresource_test

import (
	"context"
	"errors"
	"io/fs"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// recorder is an exporter that keeps what it was given.
type recorder struct {
	mu      sync.Mutex
	exports []map[string]float64
}

func (r *recorder) Temporality(metric.InstrumentKind) metricdata.Temporality {
	return metricdata.CumulativeTemporality
}

func (r *recorder) Aggregation(k metric.InstrumentKind) metric.Aggregation {
	return metric.DefaultAggregationSelector(k)
}

func (r *recorder) Export(_ context.Context, data *metricdata.ResourceMetrics) error {
	points, _ := emitted(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.exports = append(r.exports, points)
	return nil
}
func (r *recorder) ForceFlush(context.Context) error { return nil }
func (r *recorder) Shutdown(context.Context) error   { return nil }

func (r *recorder) last() map[string]float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.exports) == 0 {
		return nil
	}
	return r.exports[len(r.exports)-1]
}

// program is a program with a metric of its own and our instrumentation over
// a fake kernel, exporting through a real PeriodicReader.
func program(t *testing.T, f *otelresource.FakeSource) (*metric.MeterProvider, *recorder) {
	t.Helper()
	out := new(recorder)
	provider := metric.NewMeterProvider(metric.WithReader(
		metric.NewPeriodicReader(out, metric.WithInterval(time.Hour), metric.WithTimeout(2*time.Second))))
	requests, err := provider.Meter("application").Int64Counter("application.requests")
	if err != nil {
		t.Fatal(err)
	}
	requests.Add(t.Context(), 42)
	m := otelresource.NewFakeMonitor(f)
	i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m),
		otelresource.WithScopes(otelresource.ScopeSystem))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := errors.Join(provider.Shutdown(ctx), i.Shutdown(ctx), m.Close()); err != nil {
			t.Error(err)
		}
	})
	return provider, out
}

func goodMemory(_ context.Context, s *sample.Memory) error {
	s.System.Total, s.System.Used = sample.SomeUint(1000), sample.SomeUint(400)
	return nil
}

func goodCPU(_ context.Context, s *sample.CPU) error {
	s.System.Times.User = sample.SomeUint(5e6)
	return nil
}

// busier is goodCPU of a machine that is busy for two seconds after the first reading.
func busier() func(context.Context, *sample.CPU) error {
	readings := 0
	return func(_ context.Context, s *sample.CPU) error {
		readings++
		s.System.Times.User = sample.SomeUint(5e6)
		if readings > 3 { // NewFakeMonitor, the scopes and Start have read
			s.System.Times.User = sample.SomeUint(7e6)
		}
		return nil
	}
}

// handled collects what reaches the global error handler.
func handled(t *testing.T) func() []error {
	t.Helper()
	var mu sync.Mutex
	var all []error
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, err)
	}))
	return func() []error {
		mu.Lock()
		defer mu.Unlock()
		return append([]error(nil), all...)
	}
}

func TestAFailingSourceCostsNobodyElseAnExport(t *testing.T) {
	errs := handled(t)
	var broken atomic.Bool
	read := busier()
	provider, out := program(t, &otelresource.FakeSource{
		Memory: goodMemory,
		CPU: func(ctx context.Context, s *sample.CPU) error {
			if broken.Load() {
				return &fs.PathError{Op: "read", Path: "/proc/stat", Err: syscall.EIO}
			}
			return read(ctx, s)
		},
	})
	flush := func() map[string]float64 {
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
		return out.last()
	}
	flush()
	broken.Store(true)
	for range 3 {
		got := flush()
		if got["application.requests{}"] != 42 || got["system.memory.limit{}"] != 1000 {
			t.Errorf("a broken CPU source cost others their points: %v", got)
		}
		if got["system.cpu.time{cpu.mode=user}"] != 2 {
			t.Errorf("the last counters were not observed again: %v", got)
		}
	}
	if got := flush()["otelresource.source.errors{error.type=io,otelresource.source=stat}"]; got < 3 {
		t.Errorf("%v failures counted", got)
	}
	if all := errs(); len(all) != 1 || !errors.Is(all[0], syscall.EIO) {
		t.Errorf("one cause was reported %d times: %v", len(all), all)
	}
}

func TestGaugesOfAnOldReadingAreNotObserved(t *testing.T) {
	handled(t)
	var broken atomic.Bool
	provider, out := program(t, &otelresource.FakeSource{
		CPU: goodCPU,
		Memory: func(ctx context.Context, s *sample.Memory) error {
			if broken.Load() {
				return syscall.EIO
			}
			return goodMemory(ctx, s)
		},
	})
	broken.Store(true)
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if v, ok := out.last()["system.memory.usage{system.memory.state=used}"]; ok {
		t.Errorf("usage %v of a reading that failed", v)
	}
}

func TestAHangingSourceHoldsACollectionUpFor50ms(t *testing.T) {
	handled(t)
	var hang atomic.Bool
	// What each collector may wait, and what it has waited, both as it sees
	// them: a busy machine makes the whole collection longer.
	var left, waited []time.Duration
	wait := func(ctx context.Context) error {
		start := time.Now()
		deadline, _ := ctx.Deadline()
		left = append(left, deadline.Sub(start))
		<-ctx.Done()
		waited = append(waited, time.Since(start))
		return ctx.Err()
	}
	read := busier()
	provider, out := program(t, &otelresource.FakeSource{
		Memory: func(ctx context.Context, s *sample.Memory) error {
			if hang.Load() {
				return wait(ctx)
			}
			return goodMemory(ctx, s)
		},
		CPU: func(ctx context.Context, s *sample.CPU) error {
			if hang.Load() {
				return wait(ctx)
			}
			return read(ctx, s)
		},
	})
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	hang.Store(true)
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	const promised = 50 * time.Millisecond
	if len(left) == 0 || left[0] > promised {
		t.Fatalf("the first collector may wait %v, all together %v", left, promised)
	}
	if len(left) > 1 && left[1] > max(0, promised-waited[0]) {
		t.Errorf("after %v of waiting the second collector may wait another %v", waited[0], left[1])
	}
	got := out.last()
	if got["application.requests{}"] != 42 || got["system.cpu.time{cpu.mode=user}"] != 2 {
		t.Errorf("a hanging source cost others their points: %v", got)
	}
}

func TestAPanicInASourceIsContained(t *testing.T) {
	errs := handled(t)
	var bad atomic.Bool
	provider, out := program(t, &otelresource.FakeSource{
		CPU: goodCPU,
		Memory: func(ctx context.Context, s *sample.Memory) error {
			if bad.Load() {
				panic("boom")
			}
			return goodMemory(ctx, s)
		},
	})
	bad.Store(true)
	if err := provider.ForceFlush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if out.last()["application.requests{}"] != 42 || len(errs()) != 1 {
		t.Errorf("%v, %v", out.last(), errs())
	}
}

func TestDeltaTemporalitySurvivesASkippedCycle(t *testing.T) {
	handled(t)
	var broken atomic.Bool
	var user atomic.Uint64
	user.Store(5e6)
	reader := metric.NewManualReader(metric.WithTemporalitySelector(func(metric.InstrumentKind) metricdata.Temporality {
		return metricdata.DeltaTemporality
	}))
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	m := otelresource.NewFakeMonitor(&otelresource.FakeSource{
		Memory: goodMemory,
		CPU: func(_ context.Context, s *sample.CPU) error {
			if broken.Load() {
				return syscall.EIO
			}
			s.System.Times.User = sample.SomeUint(user.Load())
			return nil
		},
	})
	i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m), otelresource.WithScopes(otelresource.ScopeSystem))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = errors.Join(i.Shutdown(context.Background()), m.Close()) }()
	delta := func() float64 {
		points, _ := emitted(collect(t, reader))
		return points["system.cpu.time{cpu.mode=user}"]
	}
	first := delta()
	broken.Store(true)
	skipped := delta()
	broken.Store(false)
	user.Store(7e6)
	next := delta()
	if first != 0 || skipped != 0 || next != 2 {
		t.Errorf("deltas %v, %v, %v; want 0, 0, 2", first, skipped, next)
	}
}
