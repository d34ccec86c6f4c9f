package otelresource_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

// Each consumer reports the usage since it was asked last, whoever else reads
// and however often.
func TestUsageIsThatOfEachConsumersOwnWindow(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	now := time.Unix(1_700_000_000, 0)
	m, err := otelresource.NewMonitorAt(root.Dir(), func() time.Time { return now }, func(c *otelresource.Config) { c.UpdateInterval = time.Second })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	options := []otelresource.Option{
		otelresource.WithMonitor(m), otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem),
		otelresource.WithUtilization(), otelresource.WithPatience(),
	}
	_, slow := startedOn(t, m, options[1:]...)
	_, fast := startedOn(t, m, options[1:]...)
	p, err := producer.New(options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Shutdown(t.Context()) })
	produced := metric.NewManualReader(metric.WithProducer(p))
	metric.NewMeterProvider(metric.WithReader(produced))

	used := 4_200_000 // microseconds
	second := func(work int) {
		now = now.Add(time.Second)
		used += work
		root.Write(ownDir+"/cpu.stat", fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec %d\n", used, used-1_200_000, 1_200_000))
		ticks := (used - 4_200_000) / 10_000
		root.Write("proc/stat", fmt.Sprintf("cpu  %d 50 300 %d 20 4 6 10 400 5\n", 1000+ticks, 8000+200*int(now.Unix()-1_700_000_000)-ticks))
	}
	check := func(who string, r *metric.ManualReader, container, user float64) {
		t.Helper()
		points, _ := emitted(collect(t, r))
		for key, want := range map[string]float64{
			"container.cpu.usage{}":                  container,
			"container.cpu.limit.utilization{}":      container / 0.5,
			"system.cpu.utilization{cpu.mode=user}":  user,
			"system.cpu.utilization{cpu.mode=steal}": 0,
		} {
			if got, ok := points[key]; !ok || math.Abs(got-want) > 0.05*want+1e-9 {
				t.Errorf("%s: %s is %v %v, want %v", who, key, got, ok, want)
			}
		}
	}
	for range 3 {
		for s := range 9 { // half a second of work in the first of nine
			work := 0
			if s == 0 {
				work = 500_000
			}
			second(work)
			cpuOf(t, m)
			check("every second", fast, float64(work)/1e6, float64(work)/2e6)
		}
		const truth = 0.5 / 9
		check("every nine seconds", slow, truth, truth/2)
		check("through a Producer", produced, truth, truth/2)
		if s := cpuOf(t, m); s.UsageCores != 0 {
			t.Errorf("a getter reports %v cores of the newest second, want 0", s.UsageCores)
		}
	}
}

func TestWindowsShorterThan100MillisecondsRepeatTheirValue(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	now := time.Unix(1_700_000_000, 0)
	m, err := otelresource.NewMonitorAt(root.Dir(), func() time.Time { return now }, func(*otelresource.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	_, reader := startedOn(t, m, otelresource.WithScopes(otelresource.ScopeContainer), otelresource.WithUtilization(), otelresource.WithPatience())
	usage := func(after time.Duration, used int) (float64, bool) {
		now = now.Add(after)
		root.Write(ownDir+"/cpu.stat", fmt.Sprintf("usage_usec %d\nuser_usec 1\nsystem_usec 1\n", used))
		points, _ := emitted(collect(t, reader))
		v, ok := points["container.cpu.usage{}"]
		return v, ok
	}
	if v, ok := usage(99*time.Millisecond, 4_250_000); ok {
		t.Errorf("%v cores before the first window is full", v)
	}
	if v, _ := usage(101*time.Millisecond, 4_300_000); v != 0.5 {
		t.Errorf("got %v cores, want 0.5", v)
	}
	if v, _ := usage(50*time.Millisecond, 4_350_000); v != 0.5 {
		t.Errorf("within the next window: got %v cores, want 0.5", v)
	}
	if v, _ := usage(50*time.Millisecond, 4_375_000); math.Abs(v-0.75) > 1e-9 {
		t.Errorf("got %v cores, want 0.75", v)
	}
}
