package producer_test

import (
	"testing"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/measure"
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

// TestTheProducerIsCheaper gates with a wide margin; internal/bench measures.
func TestTheProducerIsCheaper(t *testing.T) {
	instruments, produced, _ := bothFaces(t, monitorOn(t, bigMachine(t, 72)), perCPU)
	collecting := func(r *metric.ManualReader) func() {
		var data metricdata.ResourceMetrics
		return func() {
			if err := r.Collect(t.Context(), &data); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := measure.Pair(51, collecting(produced), collecting(instruments))
	t.Logf("%.1f times cheaper than the instruments, %v allocations", r.Ratio, r.A.Allocs)
	if r.A.Allocs > 100 { // the race detector makes pools forget
		t.Errorf("%v allocations for 512 series", r.A.Allocs)
	}
	if r.Ratio < 10 {
		t.Errorf("only %.1f times cheaper than the instruments", r.Ratio)
	}
}
