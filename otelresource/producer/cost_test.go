package producer_test

import (
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// BenchmarkCollect is one collection of 512 series through the SDK's
// instruments and through the Producer.
func BenchmarkCollect(b *testing.B) {
	instruments, produced, _ := bothFaces(b, monitorOn(b, bigMachine(b, 72)), perCPU)
	for name, r := range map[string]*metric.ManualReader{"instruments": instruments, "producer": produced} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var data metricdata.ResourceMetrics
			for b.Loop() {
				if err := r.Collect(b.Context(), &data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var perCPU = []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem), otelresource.WithPerCPU()}

func TestTheProducerIsCheaper(t *testing.T) {
	instruments, produced, _ := bothFaces(t, monitorOn(t, bigMachine(t, 72)), perCPU)
	var data metricdata.ResourceMetrics
	run := func(r *metric.ManualReader) func() {
		return func() {
			if err := r.Collect(t.Context(), &data); err != nil {
				t.Fatal(err)
			}
		}
	}
	slow, fast := run(instruments), run(produced)
	slow()
	fast()
	if n := testing.AllocsPerRun(20, fast); n > 100 { // the race detector makes pools forget
		t.Errorf("%v allocations for 512 series", n)
	}
	ratios := make([]float64, 0, 51)
	for range cap(ratios) {
		ratios = append(ratios, float64(timed(slow))/float64(timed(fast)))
	}
	slices.Sort(ratios)
	ratio := ratios[len(ratios)/2]
	t.Logf("%.1f times cheaper than the instruments", ratio)
	if ratio < 10 {
		t.Errorf("only %.1f times cheaper than the instruments", ratio)
	}
}

func timed(f func()) time.Duration {
	begin := time.Now()
	f()
	return time.Since(begin)
}
