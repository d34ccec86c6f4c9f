//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/host"
	"go.opentelemetry.io/otel/attribute"
	api "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

func groups() []group {
	return []group{floors(), statistics(), cgroupLibraries(), caches(), collections()}
}

func floors() group {
	g := group{
		title: "Whole collectors against a raw pread of the same files",
		note: "The floor opens the same files once and reads them with pread into one buffer. Ours includes the parsers, the policy, " +
			"and the look at /proc/self/cgroup that is due once in a second. What is no file, such as sched_getaffinity(2), is called by both.",
	}
	round := func(what string, read func() func(engine.Source) error, calls ...func()) {
		c := comparison{what: what, floor: true}
		c.ours = side{"ours", func() (func(), error) { return collectors(read()) }}
		c.other = side{"pread", func() (func(), error) {
			var err error
			floor, err := measure.FloorOf(func() {
				var f func()
				if f, err = collectors(read()); err == nil {
					f()
				}
			})
			if err != nil {
				return nil, err
			}
			return func() {
				floor.Read()
				for _, call := range calls {
					call()
				}
			}, nil
		}}
		g.comparisons = append(g.comparisons, c)
	}
	plain := sample.PartCgroup
	round("memory", func() func(engine.Source) error { return readMemory(plain) })
	round("CPU", func() func(engine.Source) error { return readCPU(plain) }, affinity)
	round("I/O", func() func(engine.Source) error { return readIO(plain) })
	round("paging", func() func(engine.Source) error { return readPaging() })
	round("process", func() func(engine.Source) error { return readProcess(sample.PartFiles) }, usage, folderSize, sinceBoot)
	round("memory, CPU, I/O", func() func(engine.Source) error { return readAll(plain) }, affinity)
	round("the same with everything on", func() func(engine.Source) error { return readAll(everything) }, affinity)
	return g
}

// The calls of the collectors that read no file.
var (
	cpus   unix.CPUSet
	rusage unix.Rusage
	folder = sync.OnceValue(func() int {
		fd, err := unix.Open("/proc/self/fd", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			panic(err)
		}
		return fd
	})
)

func affinity() { _ = unix.SchedGetaffinity(os.Getpid(), &cpus) }
func usage()    { _ = unix.Getrusage(unix.RUSAGE_SELF, &rusage) }

func folderSize() {
	var st unix.Stat_t
	_ = unix.Fstat(folder(), &st)
}

func sinceBoot() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
}

func cgroupLibraries() group {
	g := group{
		title: "The memory controller by cgroup libraries",
		note: "Ours reads every visible ancestor, events, pressure and /proc/meminfo besides. The libraries read the own cgroup's " +
			"memory files alone, containerd of every controller on v2.",
	}
	ours := side{"ours", func() (func(), error) { return collectors(readMemory(sample.PartCgroup)) }}
	for _, other := range []side{containerd(), opencontainers()} {
		g.comparisons = append(g.comparisons, comparison{what: "cgroup memory", ours: ours, other: other})
	}
	return g
}

// monitor is one whose snapshots stay, or are read anew by every call.
func monitor(cached bool) (*otelresource.Monitor, error) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.EnableCaching = time.Hour, cached
	return otelresource.NewResourceMonitorWithConfig(c)
}

func caches() group {
	g := group{
		title: "A read of the newest snapshot",
		note:  "The other cache holds the same struct behind a mutex, asks the clock for its age and returns a copy.",
	}
	add := func(what string, read func(*otelresource.Monitor) func()) {
		g.comparisons = append(g.comparisons, comparison{what: what, other: mutexCache(), ours: side{"ours", func() (func(), error) {
			m, err := monitor(true)
			if err != nil {
				return nil, err
			}
			f := read(m)
			f()
			return f, nil
		}}})
	}
	add("GetMemoryStats", func(m *otelresource.Monitor) func() { return func() { _, _ = m.GetMemoryStats(background) } })
	add("GetCPUStats", func(m *otelresource.Monitor) func() { return func() { _, _ = m.GetCPUStats(background) } })
	add("GetNetworkStats", func(m *otelresource.Monitor) func() { return func() { _, _ = m.GetNetworkStats(background) } })
	add("GetIOStats", func(m *otelresource.Monitor) func() { return func() { _, _ = m.GetIOStats(background) } })
	return g
}

var copied atomic.Pointer[otelresource.MemoryStats]

func mutexCache() side {
	return side{"mutex and copy", func() (func(), error) {
		m, err := monitor(true)
		if err != nil {
			return nil, err
		}
		s, err := m.GetMemoryStats(background)
		if err != nil {
			return nil, err
		}
		var mu sync.Mutex
		held, at := *s, time.Now()
		return func() {
			mu.Lock()
			if time.Since(at) < time.Hour {
				c := held
				copied.Store(&c)
			}
			mu.Unlock()
		}, nil
	}}
}

func collections() group {
	g := group{
		title: "A collection by the OpenTelemetry SDK",
		note: "One ManualReader. Warm: the snapshots are current, so that the SDK's own cost is compared. With a refresh: a view keeps " +
			"the five metrics of contrib/host, on both sides, and every collection reads the kernel.",
	}
	system := []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem)}
	g.comparisons = append(g.comparisons,
		comparison{what: "Collect, warm", floor: true, ours: side{"ours", func() (func(), error) { return collect(true, nil, system...) }}, other: emptyCallback(system)},
		comparison{what: "Collect with a refresh", ours: side{"ours", func() (func(), error) {
			return collect(false, keep(hostMetrics...),
				otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess), otelresource.WithUtilization())
		}}, other: side{"contrib/host", contribHost}},
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
	reader := metric.NewManualReader()
	with := []metric.Option{metric.WithReader(reader)}
	if view != nil {
		with = append(with, metric.WithView(view))
	}
	_, err = otelresource.Start(append(opts, otelresource.WithMonitor(m), otelresource.WithMeterProvider(metric.NewMeterProvider(with...)))...)
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

// bigMachine is a monitor of a machine of 72 CPUs, with seven series each.
var bigMachine = sync.OnceValues(func() (*otelresource.Monitor, error) {
	root, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	var stat strings.Builder
	stat.WriteString("cpu  84127 213 40911 9931260 2210 7 1811 302 0 0\n")
	const cpus = 72
	for i := range cpus {
		fmt.Fprintf(&stat, "cpu%d %d 21 4091 993126 221 7 181 30 0 0\n", i, 8412+i)
	}
	for name, text := range map[string]string{
		"proc/stat": stat.String(), "sys/devices/system/cpu/online": fmt.Sprintf("0-%d\n", cpus-1),
		"proc/meminfo": "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB\n",
	} {
		name = filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.RootFS = time.Hour, root
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err == nil {
		_, err = m.GetCPUStats(background)
	}
	if err == nil {
		_, err = m.GetMemoryStats(background)
	}
	// What is open stays readable.
	return m, errors.Join(err, os.RemoveAll(root))
})

var perCPU = []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem), otelresource.WithPerCPU()}

func producing() (func(), error) {
	m, err := bigMachine()
	if err != nil {
		return nil, err
	}
	p, err := producer.New(append(perCPU, otelresource.WithMonitor(m))...)
	if err != nil {
		return nil, err
	}
	reader := metric.NewManualReader(metric.WithProducer(p))
	metric.NewMeterProvider(metric.WithReader(reader))
	return collecting(reader)
}

func manySeries() (func(), error) {
	m, err := bigMachine()
	if err != nil {
		return nil, err
	}
	reader := metric.NewManualReader()
	_, err = otelresource.Start(append(perCPU, otelresource.WithMonitor(m),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))...)
	if err != nil {
		return nil, err
	}
	return collecting(reader)
}

// emptyCallback observes the points that ours has, from constants.
func emptyCallback(opts []otelresource.Option) side {
	return side{"empty callback", func() (func(), error) {
		m, err := monitor(true)
		if err != nil {
			return nil, err
		}
		p, err := producer.New(append(opts, otelresource.WithMonitor(m))...)
		if err != nil {
			return nil, err
		}
		data, err := p.Produce(background)
		if err != nil {
			return nil, err
		}
		reader := metric.NewManualReader()
		meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("empty")
		// One callback for each collector, as ours has them.
		callbacks := map[string]*constants{}
		for _, scope := range data {
			for _, one := range scope.Metrics {
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
	}}
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

func (c *constants) add(meter api.Meter, m metricdata.Metrics) error {
	switch d := m.Data.(type) {
	case metricdata.Sum[int64]:
		i, err := meter.Int64ObservableUpDownCounter(m.Name)
		c.instruments = append(c.instruments, i)
		for _, p := range d.DataPoints {
			c.ints = append(c.ints, constant[api.Int64Observable]{i, options(p.Attributes)})
		}
		return err
	case metricdata.Gauge[int64]:
		i, err := meter.Int64ObservableGauge(m.Name)
		c.instruments = append(c.instruments, i)
		for _, p := range d.DataPoints {
			c.ints = append(c.ints, constant[api.Int64Observable]{i, options(p.Attributes)})
		}
		return err
	case metricdata.Sum[float64]:
		i, err := meter.Float64ObservableUpDownCounter(m.Name)
		c.instruments = append(c.instruments, i)
		for _, p := range d.DataPoints {
			c.floats = append(c.floats, constant[api.Float64Observable]{i, options(p.Attributes)})
		}
		return err
	case metricdata.Gauge[float64]:
		i, err := meter.Float64ObservableGauge(m.Name)
		c.instruments = append(c.instruments, i)
		for _, p := range d.DataPoints {
			c.floats = append(c.floats, constant[api.Float64Observable]{i, options(p.Attributes)})
		}
		return err
	}
	return nil
}

func options(set attribute.Set) []api.ObserveOption {
	if set.Len() == 0 {
		return nil
	}
	return []api.ObserveOption{api.WithAttributeSet(set)}
}
