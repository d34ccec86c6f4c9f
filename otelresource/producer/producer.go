// Package producer emits the metrics of package otelresource without the cost
// that the OpenTelemetry SDK has for every series.
//
// The SDK spends about half a microsecond and three allocations on each series
// and reader of an asynchronous instrument, whatever the instrumentation does. Per
// CPU and mode, device or interface that is the whole cost of large machines. A
// Producer hands the reader finished data instead:
//
//	p, err := producer.New(otelresource.WithPerCPU())
//	if err != nil {
//		return err
//	}
//	defer p.Shutdown(context.Background())
//	reader := metric.NewPeriodicReader(exporter, metric.WithProducer(p))
//	provider := metric.NewMeterProvider(metric.WithReader(reader))
//
// It takes the place of otelresource.Start: names, units, attributes and values
// are the same, and so is the instrumentation scope. What differs:
//
//   - Views do not apply, as to no Producer, and there is no cardinality limit.
//   - Temporality is always cumulative.
//   - The start time of a sum is the time of New, from which it counts. The SDK
//     takes the time at which its instrument was created.
package producer

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// Producer is a metric.Producer of the metrics of package otelresource. All
// its methods are safe for concurrent use.
type Producer struct {
	instrumentation *otelresource.Instrumentation

	mu      sync.Mutex
	running sync.WaitGroup // collections; none begins once tables is nil
	scope   instrumentation.Scope
	tables  []boundTable // nil before Take and after Shutdown
	metrics []emitted
	buffers sync.Pool // of *buffer
}

var _ sdk.Producer = (*Producer)(nil)

// New returns a Producer of what otelresource.Start would register with the
// same options. WithMeterProvider is ignored. Its errors are those of Start; with ErrUnsupportedPlatform the Producer is usable and has no metrics.
func New(opts ...otelresource.Option) (*Producer, error) {
	p := new(Producer)
	i, err := otelresource.Start(append(opts[:len(opts):len(opts)], otelresource.WithMeterProvider(&taker{producer: p}))...)
	if i == nil {
		return nil, err
	}
	p.instrumentation = i
	return p, err
}

// Instrumentation returns what tells the scopes and the monitor. Shutting it down is the
// same as shutting the Producer down.
func (p *Producer) Instrumentation() *otelresource.Instrumentation { return p.instrumentation }

// Shutdown ends the metrics, as Instrumentation.Shutdown does. A Produce that comes later returns none.
func (p *Producer) Shutdown(ctx context.Context) error { return p.instrumentation.Shutdown(ctx) }

// taker is what Start takes for a MeterProvider.
type taker struct {
	noop.MeterProvider
	producer *Producer
}

var _ observe.Taker = (*taker)(nil)

// Take implements observe.Taker.
func (t *taker) Take(scope, version string, tables []observe.Table) metric.Registration {
	p := t.producer
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scope = instrumentation.Scope{Name: scope, Version: version}
	now := time.Now()
	byName := map[string]int{}
	for _, table := range tables {
		if len(table.Metrics()) == 0 {
			continue // its collector is not read
		}
		bound := boundTable{Table: table}
		for _, m := range table.Metrics() {
			n, ok := byName[m.Name] // two tables may have the same metric
			if !ok {
				n = len(p.metrics)
				byName[m.Name] = n
				e := emitted{Metric: m}
				if m.Kind != instruments.Gauge {
					e.start = now
				}
				p.metrics = append(p.metrics, e)
			}
			bound.metrics = append(bound.metrics, n)
		}
		p.tables = append(p.tables, bound)
	}
	return registration{producer: p}
}

// registration is what Shutdown of the Instrumentation ends.
type registration struct {
	noop.Registration
	producer *Producer
}

// Unregister implements metric.Registration. It waits for collections under way.
func (r registration) Unregister() error {
	r.producer.mu.Lock()
	r.producer.tables = nil
	r.producer.mu.Unlock()
	r.producer.running.Wait()
	return nil
}
