//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/host"
	"go.opentelemetry.io/otel/attribute"
	api "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

func collections() group {
	g := group{
		title: "A collection by the OpenTelemetry SDK",
		note: "One ManualReader. Warm: the snapshots are current, and the empty callback observes constants by the same instruments, so that the SDK's own cost is compared. With a refresh: a view keeps " +
			"the five metrics of contrib/host, on both sides, and every collection reads the kernel; the row below it has the kernel files " +
			"and the SDK's own cost of the points that ours has, with nothing in between: nobody can be further ahead.",
	}
	system := []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem)}
	five := []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess), otelresource.WithUtilization()}
	refreshed := func() (func(), error) { return collect(false, keep(hostMetrics...), five...) }
	g.comparisons = append(g.comparisons,
		comparison{what: "Collect, warm", floor: true, ours: side{"ours", func() (func(), error) { return collect(true, nil, system...) }}, other: emptyCallback(nil, system)},
		comparison{what: "Collect with a refresh", ours: side{"ours", refreshed}, other: side{"contrib/host", contribHost}},
		comparison{what: "the kernel and the SDK alone", aside: true, ours: kernelAndSDK(five), other: side{"contrib/host", contribHost}},
		comparison{what: "512 series by the Producer", ours: side{"ours", producing}, other: side{"our instruments", manySeries}},
	)
	return g
}

// hostMetrics are those of contrib/host.
var hostMetrics = []string{"process.cpu.time", "system.cpu.time", "system.memory.usage", "system.memory.utilization", "system.network.io"}

// keep drops every metric but some.
func keep(names ...string) metric.View {
	return func(i metric.Instrument) (metric.Stream, bool) {
		if slices.Contains(names, i.Name) {
			return metric.Stream{}, false
		}
		return metric.Stream{Aggregation: metric.AggregationDrop{}}, true
	}
}

func collect(cached bool, view metric.View, opts ...otelresource.Option) (func(), error) {
	m, err := monitor(cached)
	if err != nil {
		return nil, err
	}
	return collectFrom(m, view, opts...)
}

func collectFrom(m *otelresource.Monitor, view metric.View, opts ...otelresource.Option) (func(), error) {
	reader := metric.NewManualReader()
	with := []metric.Option{metric.WithReader(reader)}
	if view != nil {
		with = append(with, metric.WithView(view))
	}
	_, err := otelresource.Start(append(opts, otelresource.WithMonitor(m), otelresource.WithMeterProvider(metric.NewMeterProvider(with...)))...)
	if err != nil {
		return nil, err
	}
	return collecting(reader)
}

func collecting(reader *metric.ManualReader) (func(), error) {
	data := new(metricdata.ResourceMetrics)
	return must(func() (struct{}, error) { return struct{}{}, reader.Collect(background, data) })
}

func contribHost() (func(), error) {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(keep(hostMetrics...)))
	if err := host.Start(host.WithMeterProvider(provider)); err != nil {
		return nil, err
	}
	return collecting(reader)
}

// kernelAndSDK observes the five metrics from constants, beside the calls that they need.
func kernelAndSDK(opts []otelresource.Option) side {
	return side{"", func() (func(), error) {
		files, err := measure.NewFloor("/proc/meminfo", "/proc/stat")
		if err != nil {
			return nil, err
		}
		collect, err := emptyCallback(hostMetrics, opts).build()
		return func() {
			files.Read()
			dump()
			usage()
			collect()
		}, err
	}}
}

// emptyCallback observes the points that ours has of some metrics, or all, from constants.
func emptyCallback(some []string, opts []otelresource.Option) side {
	return side{"empty callback", func() (func(), error) {
		m, err := monitor(true)
		if err != nil {
			return nil, err
		}
		return constantly(m, some, opts)
	}}
}

// constantly observes the points that m has now.
func constantly(m *otelresource.Monitor, some []string, opts []otelresource.Option) (func(), error) {
	p, err := producer.New(append(opts, otelresource.WithMonitor(m))...)
	if err != nil {
		return nil, err
	}
	time.Sleep(counter.MinWindow) // shares of time need a window
	data, err := p.Produce(background)
	if err != nil {
		return nil, err
	}
	reader := metric.NewManualReader()
	meter := metric.NewMeterProvider(metric.WithReader(reader)).
		Meter(otelresource.ScopeName, api.WithInstrumentationVersion(otelresource.Version()))
	// One callback for each collector, as ours has them.
	callbacks := map[string]*constants{}
	for _, scope := range data {
		for _, one := range scope.Metrics {
			if some != nil && !slices.Contains(some, one.Name) {
				continue
			}
			c := callbacks[collectorOf(one.Name)]
			if c == nil {
				c = new(constants)
				callbacks[collectorOf(one.Name)] = c
			}
			if err := c.add(meter, one); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range callbacks {
		if _, err := meter.RegisterCallback(c.callback, c.instruments...); err != nil {
			return nil, err
		}
	}
	return collecting(reader)
}

// collectorOf tells by the name which collector has a metric.
func collectorOf(name string) string {
	for _, what := range []string{"cpu", "disk", "io", "network", "uptime"} {
		if strings.HasPrefix(name, "system."+what+".") || strings.HasPrefix(name, "container."+what+".") {
			return what
		}
	}
	return "memory"
}

type constants struct {
	instruments []api.Observable
	ints        []constant[api.Int64Observable]
	floats      []constant[api.Float64Observable]
}

type constant[O any] struct {
	instrument O
	options    []api.ObserveOption
}

func (c *constants) callback(_ context.Context, o api.Observer) error {
	for i := range c.ints {
		o.ObserveInt64(c.ints[i].instrument, 1, c.ints[i].options...)
	}
	for i := range c.floats {
		o.ObserveFloat64(c.floats[i].instrument, 1, c.floats[i].options...)
	}
	return nil
}

// add makes the very instrument: the SDK looks each up by its name, unit, description and scope.
func (c *constants) add(meter api.Meter, m metricdata.Metrics) error {
	unit, description := api.WithUnit(m.Unit), api.WithDescription(m.Description)
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		var i api.Int64Observable
		var err error
		if d.IsMonotonic {
			i, err = meter.Int64ObservableCounter(m.Name, unit, description)
		} else {
			i, err = meter.Int64ObservableUpDownCounter(m.Name, unit, description)
		}
		c.ints = observed(c, c.ints, i, d.DataPoints)
		return err
	case metricdata.Gauge[int64]:
		i, err := meter.Int64ObservableGauge(m.Name, unit, description)
		c.ints = observed[api.Int64Observable](c, c.ints, i, d.DataPoints)
		return err
	case metricdata.Sum[float64]:
		var i api.Float64Observable
		var err error
		if d.IsMonotonic {
			i, err = meter.Float64ObservableCounter(m.Name, unit, description)
		} else {
			i, err = meter.Float64ObservableUpDownCounter(m.Name, unit, description)
		}
		c.floats = observed(c, c.floats, i, d.DataPoints)
		return err
	case metricdata.Gauge[float64]:
		i, err := meter.Float64ObservableGauge(m.Name, unit, description)
		c.floats = observed[api.Float64Observable](c, c.floats, i, d.DataPoints)
		return err
	}
	return nil
}

func observed[O api.Observable, N int64 | float64](c *constants, to []constant[O], i O, points []metricdata.DataPoint[N]) []constant[O] {
	c.instruments = append(c.instruments, i)
	for _, p := range points {
		to = append(to, constant[O]{i, options(p.Attributes)})
	}
	return to
}

func options(set attribute.Set) []api.ObserveOption {
	if set.Len() == 0 {
		return nil
	}
	return []api.ObserveOption{api.WithAttributeSet(set)}
}

// detection is what Start and a new resource pay once.
func detection() table {
	t := table{
		title: "Detection",
		note:  "What NewDetector's Detect takes, with the files already in the caches of the kernel.",
		head:  []string{"", "us", "allocs"},
	}
	detector := otelresource.NewDetector()
	detect, err := must(func() (*resource.Resource, error) { return detector.Detect(background) })
	if err != nil {
		return t.failed(err)
	}
	cost := measure.Alone(50, detect)
	t.row("a resource", fmt.Sprintf("%.0f", cost.Nanoseconds/1000), fmt.Sprintf("%.0f", cost.Allocs))
	return t
}
