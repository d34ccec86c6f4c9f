package otelresource_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	apimetric "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// started is a running instrumentation and the reader to collect from.
func started(t *testing.T, root *fixture.Root, opts ...otelresource.Option) (*otelresource.Instrumentation, *metric.ManualReader) {
	t.Helper()
	m := monitorOn(t, root, uncached, every(10*time.Millisecond))
	return startedOn(t, m, opts...)
}

// startedOn is started with a monitor of the test's own.
func startedOn(t *testing.T, m *otelresource.Monitor, opts ...otelresource.Option) (*otelresource.Instrumentation, *metric.ManualReader) {
	t.Helper()
	reader := metric.NewManualReader()
	return startedWith(t, reader, m, opts...), reader
}

// startedWith is startedOn with a reader of the test's own as well.
func startedWith(t *testing.T, reader metric.Reader, m *otelresource.Monitor, opts ...otelresource.Option) *otelresource.Instrumentation {
	t.Helper()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	opts = append([]otelresource.Option{otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m)}, opts...)
	i, err := otelresource.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return i
}

func collect(t *testing.T, r *metric.ManualReader) *metricdata.ResourceMetrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	return &data
}

// emitted is every point as "name{attributes}" and its value, and every metric's shape.
func emitted(data *metricdata.ResourceMetrics) (points map[string]float64, shapes map[string]shape) {
	points, shapes = map[string]float64{}, map[string]shape{}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			s := shape{Unit: m.Unit, Description: m.Description}
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				s.Kind = sumKind(d.IsMonotonic)
				add(points, m.Name, d.DataPoints)
			case metricdata.Sum[float64]:
				s.Kind, s.Float = sumKind(d.IsMonotonic), true
				add(points, m.Name, d.DataPoints)
			case metricdata.Gauge[int64]:
				s.Kind = instruments.Gauge
				add(points, m.Name, d.DataPoints)
			case metricdata.Gauge[float64]:
				s.Kind, s.Float = instruments.Gauge, true
				add(points, m.Name, d.DataPoints)
			}
			shapes[m.Name] = s
		}
	}
	return points, shapes
}

type shape struct {
	Unit, Description string
	Kind              instruments.Kind
	Float             bool
}

func sumKind(monotonic bool) instruments.Kind {
	if monotonic {
		return instruments.Counter
	}
	return instruments.UpDownCounter
}

func add[N int64 | float64](points map[string]float64, name string, from []metricdata.DataPoint[N]) {
	for _, p := range from {
		points[name+"{"+p.Attributes.Encoded(attribute.DefaultEncoder())+"}"] = float64(p.Value)
	}
}

const gib = 1 << 30

// earlier is what the counters of a root were when the metrics were started.
// It returns what makes the root as it was.
func earlier(t *testing.T, root *fixture.Root, files map[string]string) (restore func()) {
	t.Helper()
	now := map[string]string{}
	for name, text := range files {
		b, err := root.Hostfs().ReadFile("/"+name, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		now[name] = string(b)
		root.Write(name, text)
	}
	return func() {
		for name, text := range now {
			root.Write(name, text)
		}
	}
}

const (
	noStalls  = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
	noTraffic = "Inter-| Receive | Transmit\n face |bytes\nlo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\neth0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	noDocker  = "docker0: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
)

func TestContainerScopeEmitsItsTable(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	restore := earlier(t, root, map[string]string{
		ownDir + "/cpu.stat":                "usage_usec 3200000\nuser_usec 2300000\nsystem_usec 900000\n",
		"sys/fs/cgroup/work.slice/cpu.stat": "usage_usec 8000000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n",
		ownDir + "/memory.events":           "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n",
		ownDir + "/memory.stat":             "anon 1\nfile 1\ninactive_file 1\npgfault 0\npgmajfault 0\n",
		ownDir + "/memory.pressure":         noStalls, ownDir + "/cpu.pressure": noStalls, ownDir + "/io.pressure": noStalls,
		ownDir + "/io.stat": "8:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n253:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n",
		"proc/self/net/dev": noTraffic,
	})
	i, reader := started(t, root, otelresource.WithScopes(otelresource.ScopeContainer))
	restore()
	if got := i.Scopes(); !slices.Equal(got, []otelresource.Scope{otelresource.ScopeContainer}) {
		t.Errorf("scopes %v", got)
	}
	data := collect(t, reader)
	if s := data.ScopeMetrics[0].Scope; s.Name != otelresource.ScopeName || s.Version != otelresource.Version() || s.SchemaURL != "" {
		t.Errorf("scope %+v", s)
	}
	points, shapes := emitted(data)
	want := map[string]float64{
		"container.cpu.time{cpu.mode=user}":                                                               0.7,
		"container.cpu.time{cpu.mode=system}":                                                             0.3,
		"container.network.io{network.io.direction=receive}":                                              1500000,
		"container.network.io{network.io.direction=transmit}":                                             700000,
		"container.network.packet.count{network.io.direction=receive}":                                    1200,
		"container.network.packet.count{network.io.direction=transmit}":                                   900,
		"container.network.errors{network.io.direction=receive}":                                          3,
		"container.network.errors{network.io.direction=transmit}":                                         1,
		"container.network.packet.dropped{network.io.direction=receive}":                                  4,
		"container.network.packet.dropped{network.io.direction=transmit}":                                 2,
		"container.cpu.limit{}":                                                                           0.5,
		"container.cpu.throttling.periods{}":                                                              200,
		"container.cpu.throttling.throttled_periods{}":                                                    20,
		"container.cpu.throttling.time{}":                                                                 1.5,
		"container.cpu.burst.periods{}":                                                                   3,
		"container.cpu.burst.time{}":                                                                      0.25,
		"container.memory.usage{}":                                                                        268435456,
		"container.memory.working_set{}":                                                                  234881024,
		"container.memory.rss{}":                                                                          134217728,
		"container.memory.available{}":                                                                    536870912 - (268435456 - 33554432),
		"container.memory.cache{}":                                                                        100663296,
		"container.memory.limit{}":                                                                        536870912,
		"container.memory.linux.high{}":                                                                   402653184,
		"container.memory.linux.peak{}":                                                                   300000000,
		"container.memory.swap.usage{}":                                                                   1048576,
		"container.memory.swap.limit{}":                                                                   134217728,
		"container.memory.linux.events{otelresource.memory.event=low}":                                    1,
		"container.memory.linux.events{otelresource.memory.event=high}":                                   2,
		"container.memory.linux.events{otelresource.memory.event=max}":                                    3,
		"container.memory.linux.events{otelresource.memory.event=oom}":                                    4,
		"container.memory.linux.events{otelresource.memory.event=oom_kill}":                               5,
		"container.memory.linux.events{otelresource.memory.event=oom_group_kill}":                         6,
		"container.memory.paging.faults{system.paging.fault.type=minor}":                                  4988,
		"container.memory.paging.faults{system.paging.fault.type=major}":                                  12,
		"container.memory.linux.pressure.time{otelresource.pressure.stall=some}":                          2.5,
		"container.memory.linux.pressure.time{otelresource.pressure.stall=full}":                          1.5,
		"container.cpu.linux.pressure.time{otelresource.pressure.stall=some}":                             0.6,
		"container.cpu.linux.pressure.time{otelresource.pressure.stall=full}":                             0.4,
		"container.pids.count{}":                                                                          37,
		"container.pids.limit{}":                                                                          512,
		"container.uptime{}":                                                                              620.25,
		"container.disk.io{disk.io.direction=read}":                                                       1048576,
		"container.disk.io{disk.io.direction=write}":                                                      2097152,
		"container.disk.operations{disk.io.direction=read}":                                               100,
		"container.disk.operations{disk.io.direction=write}":                                              200,
		"container.io.linux.pressure.time{otelresource.pressure.stall=some}":                              0.3,
		"container.io.linux.pressure.time{otelresource.pressure.stall=full}":                              0.2,
		"otelresource.limit.info{otelresource.limit.resource=memory,otelresource.limit.source=cgroup_v2}": 1,
		"otelresource.limit.info{otelresource.limit.resource=cpu,otelresource.limit.source=cgroup_v2}":    1,
	}
	if d := cmp.Diff(want, points); d != "" {
		t.Error(d)
	}
	checkShapes(t, shapes)
}

func TestSystemScopeEmitsItsTable(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	restore := earlier(t, root, map[string]string{
		"proc/stat":   "cpu  950 40 280 7900 10 1 2 5 0 0\n",
		"proc/vmstat": "pgfault 0\npgmajfault 0\n",
		"proc/diskstats": "8 0 sda 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n8 1 sda1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n" +
			"253 0 dm-0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		"proc/pressure/memory": noStalls, "proc/pressure/cpu": noStalls, "proc/pressure/io": noStalls,
		"proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
		"proc/self/net/dev": noTraffic + noDocker,
	})
	_, reader := started(t, root)
	restore()
	points, shapes := emitted(collect(t, reader))
	want := map[string]float64{
		"system.cpu.time{cpu.mode=user}":                                      0.5,
		"system.cpu.time{cpu.mode=nice}":                                      0.1,
		"system.cpu.time{cpu.mode=system}":                                    0.2,
		"system.cpu.time{cpu.mode=idle}":                                      1,
		"system.cpu.time{cpu.mode=iowait}":                                    0.1,
		"system.cpu.time{cpu.mode=interrupt}":                                 0.07,
		"system.cpu.time{cpu.mode=steal}":                                     0.05,
		"system.network.io{network.io.direction=receive}":                     9000000,
		"system.network.io{network.io.direction=transmit}":                    2000000,
		"system.network.packet.count{network.io.direction=receive}":           8000,
		"system.network.packet.count{network.io.direction=transmit}":          3000,
		"system.network.errors{network.io.direction=receive}":                 5,
		"system.network.errors{network.io.direction=transmit}":                7,
		"system.network.packet.dropped{network.io.direction=receive}":         6,
		"system.network.packet.dropped{network.io.direction=transmit}":        8,
		"system.cpu.logical.count{}":                                          2,
		"system.memory.usage{system.memory.state=used}":                       3072000 * 1024,
		"system.memory.usage{system.memory.state=free}":                       1024000 * 1024,
		"system.memory.usage{system.memory.state=buffers}":                    102400 * 1024,
		"system.memory.usage{system.memory.state=cached}":                     3993600 * 1024,
		"system.paging.faults{system.paging.fault.type=minor}":                69700,
		"system.paging.faults{system.paging.fault.type=major}":                300,
		"system.memory.linux.pressure.time{otelresource.pressure.stall=some}": 8,
		"system.memory.linux.pressure.time{otelresource.pressure.stall=full}": 3,
		"system.cpu.linux.pressure.time{otelresource.pressure.stall=some}":    9,
		"system.irq.linux.pressure.time{otelresource.pressure.stall=full}":    0.25,
		"system.uptime{}":                                                 5000.25,
		"system.disk.io{disk.io.direction=read}":                          4000 * 512,
		"system.disk.io{disk.io.direction=write}":                         8000 * 512,
		"system.disk.operations{disk.io.direction=read}":                  1000,
		"system.disk.operations{disk.io.direction=write}":                 2000,
		"system.disk.operation_time{disk.io.direction=read}":              0.5,
		"system.disk.operation_time{disk.io.direction=write}":             0.7,
		"system.disk.io_time{}":                                           0.9,
		"system.disk.merged{disk.io.direction=read}":                      10,
		"system.disk.merged{disk.io.direction=write}":                     20,
		"system.io.linux.pressure.time{otelresource.pressure.stall=some}": 7,
		"system.io.linux.pressure.time{otelresource.pressure.stall=full}": 6,
		"system.memory.limit{}":                                           8192000 * 1024,
		"system.memory.linux.available{}":                                 5120000 * 1024,
		"system.paging.usage{system.paging.state=used}":                   100000 * 1024,
		"system.paging.usage{system.paging.state=free}":                   1948000 * 1024,
	}
	if d := cmp.Diff(want, points); d != "" {
		t.Error(d)
	}
	checkShapes(t, shapes)
}

// table is what the instrument table says of every metric.
func table() map[string]instruments.Metric {
	all := map[string]instruments.Metric{}
	for _, r := range instruments.Memory() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.Paging() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.CPU() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.IO() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.Network() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.OwnProcess() {
		all[r.Name] = r.Metric
	}
	for _, r := range instruments.Errors() {
		all[r.Name] = r.Metric
	}
	return all
}

func checkShapes(t *testing.T, shapes map[string]shape) {
	t.Helper()
	want := table()
	for name, got := range shapes {
		m, ok := want[name]
		if !ok {
			t.Errorf("%s is emitted and not in the table", name)
			continue
		}
		if d := cmp.Diff(shape{m.Unit, m.Description, m.Kind, m.Float}, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestEveryRowOfTheTableIsEmittedSomewhere(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Write("proc/meminfo", "MemTotal: 8192000 kB\nMemFree: 1 kB\nMemAvailable: 5120000 kB\nBuffers: rubbish\nSwapTotal: 1 kB\nSwapFree: 1 kB\n")
	_, reader := started(t, root, otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem), otelresource.WithUtilization())
	time.Sleep(120 * time.Millisecond) // the window of CPU usage
	root.Write(ownDir+"/cpu.stat", "usage_usec 4300000\nuser_usec 3100000\nsystem_usec 1200000\n")
	root.Write("proc/stat", "cpu  1010 50 300 8000 20 4 6 10 400 5\n")
	root.Write("sys/fs/cgroup/work.slice/memory.current", "rubbish\n") // something fails
	collect(t, reader)
	_, shapes := emitted(collect(t, reader))
	// The network namespace is the container's or the machine's, never both.
	host := fixture.Load(t, "testdata/host.txtar")
	_, reader = startedOn(t, monitorOn(t, host, uncached, detailed, every(10*time.Millisecond)), otelresource.WithUtilization())
	time.Sleep(120 * time.Millisecond)
	collect(t, reader)
	_, network := emitted(collect(t, reader))
	maps.Copy(shapes, network)
	for name, m := range table() {
		if m.Scope == instruments.Process { // this process is not part of a fake root
			continue
		}
		if _, ok := shapes[name]; !ok {
			t.Errorf("no point of %s", name)
		}
	}
	checkShapes(t, shapes)
}

func TestUtilizationIsTheHighestOverTheLevels(t *testing.T) {
	_, reader := started(t, fixture.Load(t, "testdata/docker-v2.txtar"),
		otelresource.WithScopes(otelresource.ScopeContainer), otelresource.WithUtilization())
	points, _ := emitted(collect(t, reader))
	// The parent: (734003200 - 100000000) / 1 GiB, more than the own 234881024 / 512 MiB.
	if got, want := points["container.memory.limit.utilization{}"], float64(634003200)/gib; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestCPUUtilizationCountsTheNeighborsUnderAQuota(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	_, reader := started(t, root, otelresource.WithScopes(otelresource.ScopeContainer), otelresource.WithUtilization())
	collect(t, reader)
	begun := time.Now()
	time.Sleep(150 * time.Millisecond)
	// The own cgroup stands still; the parent, with a quota of half a CPU, used another second.
	root.Replace("sys/fs/cgroup/work.slice/cpu.stat", "usage_usec 9000000", "usage_usec 10000000")
	points, _ := emitted(collect(t, reader))
	if got, least := points["container.cpu.limit.utilization{}"], 1/0.5/(time.Since(begun).Seconds()+1); got < least {
		t.Errorf("utilization %v, want at least %v", got, least)
	}
	if got := points["container.cpu.usage{}"]; got != 0 {
		t.Errorf("own usage %v", got)
	}
}

func TestStartTwiceOnOneProviderIsRefused(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	m := monitorOn(t, root)
	opts := []otelresource.Option{otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m)}
	first, err := otelresource.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := otelresource.Start(opts...); err == nil || !strings.Contains(err.Error(), "already started") {
		t.Errorf("second Start: %v", err)
	}
	if err := first.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := otelresource.Start(opts...)
	if err != nil {
		t.Fatalf("Start after Shutdown: %v", err)
	}
	if err := errors.Join(again.Shutdown(t.Context()), again.Shutdown(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestStartRefusesWhatDoesNotGoTogether(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"))
	for name, opts := range map[string][]otelresource.Option{
		"monitor and config": {otelresource.WithMonitor(m), otelresource.WithConfig(otelresource.DefaultConfig())},
		"unknown scope":      {otelresource.WithMonitor(m), otelresource.WithScopes("galaxy")},
	} {
		opts = append(opts, otelresource.WithMeterProvider(noop.NewMeterProvider()))
		if i, err := otelresource.Start(opts...); err == nil || i != nil {
			t.Errorf("%s: %v, %v", name, i, err)
		}
	}
	_, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(noop.NewMeterProvider()),
		otelresource.WithScopes(otelresource.ScopeProcess))
	if err == nil || !strings.Contains(err.Error(), "another root") {
		t.Errorf("process scope under another root: %v", err)
	}
	_, err = otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(noop.NewMeterProvider()),
		otelresource.WithScopes(otelresource.ScopeContainer))
	if !errors.Is(err, otelresource.ErrContainerNotFound) {
		t.Errorf("container scope outside a container: %v", err)
	}
}

func TestShutdownEndsTheMetricsAndIsSafe(t *testing.T) {
	var none *otelresource.Instrumentation
	if err := none.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	i, reader := started(t, fixture.Load(t, "testdata/host.txtar"))
	if err := i.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if points, _ := emitted(collect(t, reader)); len(points) > 0 {
		t.Errorf("%d points after Shutdown", len(points))
	}
}

func TestShutdownInsideACallbackDoesNotDeadlock(t *testing.T) {
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	i, err := otelresource.Start(otelresource.WithMeterProvider(provider),
		otelresource.WithMonitor(monitorOn(t, fixture.Load(t, "testdata/host.txtar"))))
	if err != nil {
		t.Fatal(err)
	}
	meter := provider.Meter("application")
	gauge, err := meter.Int64ObservableGauge("application.gauge")
	if err != nil {
		t.Fatal(err)
	}
	_, err = meter.RegisterCallback(func(ctx context.Context, o apimetric.Observer) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
		defer cancel()
		if err := i.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			return fmt.Errorf("Shutdown in a callback: %v", err)
		}
		o.ObserveInt64(gauge, 1)
		return nil
	}, gauge)
	if err != nil {
		t.Fatal(err)
	}
	collect(t, reader)
	if err := i.Shutdown(t.Context()); err != nil {
		t.Errorf("the Shutdown that the callback began did not finish: %v", err)
	}
}

func TestAClosedMonitorCannotBeStarted(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"))
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	provider := otelresource.WithMeterProvider(metric.NewMeterProvider())
	if _, err := otelresource.Start(otelresource.WithMonitor(m), provider); !errors.Is(err, otelresource.ErrClosed) {
		t.Error(err)
	}
}
