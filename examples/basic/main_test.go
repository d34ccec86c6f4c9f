package main

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func TestMeasuresThroughTheGlobalProvider(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	reader := metric.NewManualReader()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, reader) }()
	found := false
	for end := time.Now().Add(20 * time.Second); !found && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var data metricdata.ResourceMetrics
		_ = reader.Collect(t.Context(), &data) // fails until the provider has the reader
		for _, scope := range data.ScopeMetrics {
			for _, m := range scope.Metrics {
				found = found || strings.HasSuffix(m.Name, ".memory.limit")
			}
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if !found {
		t.Error("no memory limit was measured")
	}
}
