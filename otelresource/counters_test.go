package otelresource_test

import (
	"context"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// busy is a machine on which every counter grows with each step of time, and
// two readers of its metrics, one of deltas and one of totals.
type busy struct {
	t       *testing.T
	now     time.Time
	step    func()
	restore func() // undoes an absence; the next step shows it
	deltas  *metric.ManualReader
	totals  *metric.ManualReader
	running *otelresource.Instrumentation
	options []otelresource.Option
}

// watch starts the metrics of m.
func (b *busy) watch(m *otelresource.Monitor, options ...otelresource.Option) {
	b.deltas = metric.NewManualReader(metric.WithTemporalitySelector(metric.DeltaTemporalitySelector))
	b.totals = metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(b.deltas), metric.WithReader(b.totals))
	b.options = append(options, otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m), otelresource.WithPatience())
	b.start()
	b.t.Cleanup(func() {
		b.stop()
		_ = m.Close()
	})
}

func (b *busy) start() {
	b.t.Helper()
	var err error
	if b.running, err = otelresource.Start(b.options...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *busy) stop() {
	if err := b.running.Shutdown(context.Background()); err != nil {
		b.t.Error(err)
	}
}

func (b *busy) collect() (deltas, totals map[string]float64) {
	b.t.Helper()
	return counts(collect(b.t, b.deltas)), counts(collect(b.t, b.totals))
}

// counts are the values of the counters, by series.
func counts(data *metricdata.ResourceMetrics) map[string]float64 {
	points, shapes := emitted(data)
	maps.DeleteFunc(points, func(key string, _ float64) bool {
		name, _, _ := strings.Cut(key, "{")
		return shapes[name].Kind != instruments.Counter || strings.HasPrefix(name, "otelresource.")
	})
	return points
}

// survives tries one absence and returns the growth of every counter in a step.
func (b *busy) survives(absence func()) (growth map[string]float64) {
	t := b.t
	sum := map[string]float64{} // of the deltas, by series
	check := func(when string, most float64, exactly bool) (deltas map[string]float64) {
		t.Helper()
		deltas, totals := b.collect()
		for series, delta := range deltas {
			if limit := most * growth[series]; growth != nil && (delta < 0 || delta > limit+1e-6 || exactly && math.Abs(delta-limit) > 1e-6) {
				t.Errorf("%s: %s grew by %v, want %v (exactly: %v)", when, series, delta, limit, exactly)
			}
			sum[series] += delta
			if math.Abs(totals[series]-sum[series]) > 1e-6 {
				t.Errorf("%s: %s is %v, and its deltas sum to %v", when, series, totals[series], sum[series])
			}
		}
		for series := range growth {
			if _, ok := deltas[series]; !ok {
				t.Errorf("%s: %s is not exported", when, series)
			}
		}
		return deltas
	}
	for series, delta := range check("at first", 0, true) {
		if delta != 0 {
			t.Errorf("the first export of %s holds %v", series, delta)
		}
	}
	b.step()
	growth = check("growth", 0, true)
	for series, delta := range growth {
		if delta <= 0 {
			t.Errorf("%s did not grow", series)
		}
	}
	b.step()
	check("another step", 1, true)

	b.step()
	absence()
	check("absent", 1.5, false)
	b.restore()
	b.step()
	check("returned", 2, false)
	b.step()
	check("after the return", 1, true)

	b.step()
	absence()
	check("absent again", 1.5, false)
	b.now = b.now.Add(61 * time.Minute)
	absence()
	b.collect()
	b.restore()
	b.step()
	deltas, _ := b.collect()
	for series, delta := range deltas {
		if delta < 0 || delta > 2*growth[series]+1e-6 {
			t.Errorf("after an hour %s grew by %v", series, delta)
		}
	}
	b.step()
	deltas, before := b.collect()
	for series, want := range growth {
		if got, ok := deltas[series]; !ok || math.Abs(got-want) > 1e-6 {
			t.Errorf("a step after an hour %s grew by %v %v, want %v", series, got, ok, want)
		}
	}

	b.stop()
	b.step()
	b.start()
	deltas, after := b.collect()
	for series := range growth {
		if deltas[series] != 0 || after[series] != before[series] {
			t.Errorf("after another Start %s grew by %v to %v, want 0 and %v", series, deltas[series], after[series], before[series])
		}
	}
	b.step()
	deltas, _ = b.collect()
	for series, want := range growth {
		if got := deltas[series]; math.Abs(got-want) > 1e-6 {
			t.Errorf("a step after another Start %s grew by %v, want %v", series, got, want)
		}
	}
	return growth
}

func TestEveryCounterOfAMacSurvivesTheAbsenceOfItsSource(t *testing.T) {
	absences := map[string]func(*darwintest.Kernel){
		"host_processor_info": func(k *darwintest.Kernel) { k.CPUs = nil },
		"host_statistics64":   func(k *darwintest.Kernel) { k.VM = nil },
		"interfaces":          func(k *darwintest.Kernel) { k.Lists = nil },
		"disks":               func(k *darwintest.Kernel) { k.Disks = nil },
		"proc_pid_rusage":     func(k *darwintest.Kernel) { k.RusageInfo = nil },
		"a disk leaves":       func(k *darwintest.Kernel) { k.Disks = k.Disks[:1] },
		"an interface leaves": func(k *darwintest.Kernel) { k.Lists[darwintest.MIBAll] = darwintest.IfMIB("lo0", 1, 1) },
	}
	seen := map[string]bool{}
	for name, absence := range absences {
		for _, detailed := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				k := darwintest.New(t)
				b := &busy{t: t, now: time.Unix(1700003600, 0), restore: func() {}}
				steps := uint32(0)
				b.step = func() {
					b.now = b.now.Add(10 * time.Second)
					steps++
					grow(k, steps)
				}
				grow(k, 0)
				m, err := otelresource.NewMacMonitor(k, func() time.Time { return b.now }, detailed)
				if err != nil {
					t.Fatal(err)
				}
				b.watch(m, otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess))
				for series := range b.survives(func() { absence(k) }) {
					name, _, _ := strings.Cut(series, "{")
					seen[name] = true
				}
			})
		}
	}
	for name, m := range table() {
		if m.Kind == instruments.Counter && m.Scope == instruments.Process && !seen[name] {
			t.Errorf("%s was not tried", name)
		}
	}
}

// grow sets the counters of a Mac to what they are after so many steps.
func grow(k *darwintest.Kernel, steps uint32) {
	n := uint64(steps)
	k.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 100 + steps, System: 200 + 2*steps, Idle: 300 + 3*steps},
		darwintest.Ticks{User: 10 + 4*steps, System: 20 + 5*steps, Idle: 30 + 6*steps})
	k.VM = darwintest.VM{Free: 1000, Wired: 2000, External: 3000, Internal: 5000, Faults: 77 + 3*n, PageIns: 7 + n}.Bytes()
	k.Disks = []darwintest.Disk{darwintest.NewDisk("disk0", 1+int64(n)), darwintest.NewDisk("disk4", 2+int64(n))}
	k.Lists = map[[6]int32][]byte{darwintest.MIBAll: append(darwintest.IfMIB("lo0", 1+n, 1+n), darwintest.Counted("en0", darwintest.Traffic{
		RxBytes: 1000 + n, TxBytes: 2000 + 2*n, RxPackets: 10 + 3*n, TxPackets: 20 + 4*n, RxErrors: 5 * n, TxErrors: 6 * n, RxDrops: 7 * n, TxDrops: 8 * steps,
	})...)}
	k.RusageInfo = darwintest.RusageInfo(4096+10*n, 8192+20*n)
	k.Usage = darwin.Rusage{
		User: 1e9 + 1e6*n, System: 2e9 + 2e6*n, MinorFaults: 3 + n, MajorFaults: 4 + 2*n, VoluntarySwitches: 5 + 3*n, ForcedSwitches: 6 + 4*n,
	}
}
