package producer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

// everything is all that a user can ask for.
func everything(scopes ...otelresource.Scope) []otelresource.Option {
	return []otelresource.Option{otelresource.WithScopes(scopes...), otelresource.WithUtilization(), otelresource.WithPerCPU()}
}

// monitorOn returns a monitor whose snapshots stay as they are; without a root, of the machine itself.
func monitorOn(t testing.TB, root *fixture.Root) *otelresource.Monitor {
	t.Helper()
	c := otelresource.DefaultConfig()
	c.UpdateInterval = time.Hour
	if root != nil {
		c.RootFS = root.Dir()
	}
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Skip("there are no collectors for this operating system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// bothFaces returns a reader of the instruments and one of a Producer, over one monitor.
func bothFaces(t testing.TB, m *otelresource.Monitor, opts []otelresource.Option) (instruments, produced *metric.ManualReader, p *producer.Producer) {
	t.Helper()
	opts = append(opts, otelresource.WithMonitor(m))
	instruments = metric.NewManualReader()
	i, err := otelresource.Start(append(opts, otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(instruments))))...)
	if err != nil {
		t.Fatal(err)
	}
	p, err = producer.New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = i.Shutdown(t.Context()), p.Shutdown(t.Context()) })
	produced = metric.NewManualReader(metric.WithProducer(p))
	metric.NewMeterProvider(metric.WithReader(produced))
	return instruments, produced, p
}

func collect(t testing.TB, r *metric.ManualReader) metricdata.ResourceMetrics {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := r.Collect(t.Context(), &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestBothFacesEmitTheSame(t *testing.T) {
	const machine = "this machine"
	for _, tt := range []struct {
		root   string
		scopes []otelresource.Scope
	}{
		{"../testdata/docker-v2.txtar", []otelresource.Scope{otelresource.ScopeContainer, otelresource.ScopeSystem}},
		{"../testdata/host.txtar", []otelresource.Scope{otelresource.ScopeSystem}},
		{machine, []otelresource.Scope{otelresource.ScopeSystem, otelresource.ScopeProcess}},
	} {
		t.Run(tt.root, func(t *testing.T) {
			var root *fixture.Root
			if tt.root != machine {
				root = fixture.Load(t, tt.root)
			}
			instruments, produced, _ := bothFaces(t, monitorOn(t, root), everything(tt.scopes...))
			// On a machine that works, the two have begun at different values.
			compared := []metricdatatest.Option{metricdatatest.IgnoreTimestamp()}
			if root == nil {
				compared = append(compared, metricdatatest.IgnoreValue())
			} else {
				root.Write("proc/stat", "cpu  1010 60 320 8030 24 9 12 17 400 5\ncpu0 600 30 200 3900 10 2 3 5 200 3\ncpu1 410 30 120 4130 14 7 9 12 200 2\n")
				root.Write("proc/vmstat", "pgfault 70100\npgmajfault 302\n")
			}
			collect(t, instruments) // fills the cache: from here on both read one snapshot
			want, got := collect(t, instruments), collect(t, produced)
			if len(want.ScopeMetrics) != 1 || len(want.ScopeMetrics[0].Metrics) < 10 {
				t.Fatalf("the instruments emit %d scopes", len(want.ScopeMetrics))
			}
			if len(got.ScopeMetrics) != 1 {
				t.Fatalf("the Producer emits %d scopes", len(got.ScopeMetrics))
			}
			metricdatatest.AssertEqual(t, want.ScopeMetrics[0], got.ScopeMetrics[0], compared...)
		})
	}
}

func TestSumsCountFromTheirStartTime(t *testing.T) {
	root := bigMachine(t, 4)
	begun := time.Now()
	_, produced, _ := bothFaces(t, monitorOn(t, root), everything(otelresource.ScopeSystem))
	made := time.Now()
	data := collect(t, produced)
	seen := false
	for _, m := range data.ScopeMetrics[0].Metrics {
		d, ok := m.Data.(metricdata.Sum[float64])
		if !ok || m.Name != "system.cpu.time" {
			continue
		}
		seen = true
		p := d.DataPoints[0]
		if p.StartTime.Before(begun) || p.StartTime.After(made) || p.Value != 0 {
			t.Errorf("%s is %v since %v; want 0 since New, between %v and %v", m.Name, p.Value, p.StartTime, begun, made)
		}
	}
	if !seen {
		t.Error("there is no system.cpu.time")
	}
}

func TestWhatWasHandedOutIsTheReaders(t *testing.T) {
	_, _, p := bothFaces(t, monitorOn(t, bigMachine(t, 4)), everything(otelresource.ScopeSystem))
	first, err := p.Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range first[0].Metrics {
		first[0].Metrics[i].Name = "changed"
		if d, ok := first[0].Metrics[i].Data.(metricdata.Sum[float64]); ok {
			for j := range d.DataPoints {
				d.DataPoints[j] = metricdata.DataPoint[float64]{}
			}
		}
	}
	second, err := p.Produce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range second[0].Metrics {
		if d, ok := m.Data.(metricdata.Sum[float64]); m.Name == "changed" || ok && d.DataPoints[0].Time.IsZero() {
			t.Errorf("%s is what the reader made of it", m.Name)
		}
	}
}

func TestAfterShutdownThereIsNothing(t *testing.T) {
	p, err := producer.New(otelresource.WithMonitor(monitorOn(t, bigMachine(t, 4))), otelresource.WithScopes(otelresource.ScopeSystem))
	if err != nil {
		t.Fatal(err)
	}
	if data, err := p.Produce(t.Context()); err != nil || len(data) != 1 {
		t.Fatal(data, err)
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if data, err := p.Produce(t.Context()); err != nil || len(data) != 0 {
		t.Error(data, err)
	}
}

func TestAnErrorOfStartIsOneOfNew(t *testing.T) {
	_, err := producer.New(otelresource.WithScopes("elsewhere"))
	if err == nil {
		t.Fatal("an unknown scope is taken")
	}
}

// TestConcurrentSafe collects from two readers while another goroutine ends it all.
func TestConcurrentSafe(t *testing.T) {
	p, err := producer.New(otelresource.WithMonitor(monitorOn(t, bigMachine(t, 4))), otelresource.WithScopes(otelresource.ScopeSystem), otelresource.WithPerCPU())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for range 2 {
		go func() {
			var err error
			for range 200 {
				if _, e := p.Produce(t.Context()); e != nil {
					err = e
				}
			}
			done <- err
		}()
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// bigMachine is a machine of so many CPUs.
func bigMachine(t testing.TB, cpus int) *fixture.Root {
	t.Helper()
	var stat strings.Builder
	fmt.Fprintln(&stat, "cpu  84127 213 40911 9931260 2210 0 1811 302 0 0")
	for i := range cpus {
		fmt.Fprintf(&stat, "cpu%d %d 21 4091 993126 221 0 181 30 0 0\n", i, 8412+i)
	}
	fmt.Fprintln(&stat, "btime 1790000000")
	return fixture.Unpack(t, "-- proc/stat --\n"+stat.String()+
		fmt.Sprintf("-- sys/devices/system/cpu/online --\n0-%d\n", cpus-1)+
		"-- proc/meminfo --\nMemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB\n"+
		"-- proc/net/dev --\nInter-| Receive | Transmit\n face |bytes packets\n  eth0: 9184 493 0 0 0 0 0 0 8301 813 0 0 0 0 0 0\n")
}

// A Produce waits for no other one: an error handler that runs in it may call it,
// also while Shutdown waits.
func TestProduceMayBeCalledWithinAProduce(t *testing.T) {
	root := bigMachine(t, 4)
	c := otelresource.DefaultConfig()
	c.RootFS, c.EnableCaching = root.Dir(), false
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Skip("there are no collectors for this operating system")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	p, err := producer.New(otelresource.WithMonitor(m), otelresource.WithScopes(otelresource.ScopeSystem))
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	handled := 0
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {
		if handled++; handled > 1 {
			return
		}
		go func() { stopped <- p.Shutdown(context.Background()) }()
		for data := []metricdata.ScopeMetrics(nil); ; time.Sleep(time.Millisecond) { // until Shutdown waits
			if data, _ = p.Produce(context.Background()); len(data) == 0 {
				return
			}
		}
	}))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	root.Write("proc/stat", "rubbish\n")
	if _, err := p.Produce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-stopped; err != nil || handled == 0 {
		t.Errorf("%d errors were handled, and Shutdown returned %v", handled, err)
	}
}
