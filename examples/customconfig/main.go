// Customconfig shows what can be configured: how old a reading may be, another root
// to read, a logger, and which numbers become metrics.
//
//	go run ./examples/customconfig
//	go run ./examples/customconfig -root /hostfs   # an agent that mounts the host there
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	root := flag.String("root", "", "read /proc and /sys under this folder")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *root); err != nil {
		fmt.Fprintln(os.Stderr, "customconfig:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, root string) (err error) {
	config := otelresource.DefaultConfig()
	config.UpdateInterval = 5 * time.Second // a reading may be this old
	config.EnableDetailedIO = true          // one series for each disk
	config.RootFS = root
	config.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil)) // told once of each source that fails

	reader := metric.NewManualReader()
	// A view drops or renames metrics, as with any other instrumentation.
	noFaults := metric.NewView(metric.Instrument{Name: "*.paging.faults"}, metric.Stream{Aggregation: metric.AggregationDrop{}})
	provider := metric.NewMeterProvider(metric.WithReader(reader), metric.WithView(noFaults))
	instrumentation, err := otelresource.Start(
		otelresource.WithMeterProvider(provider),
		otelresource.WithConfig(config),
		otelresource.WithScopes(otelresource.ScopeSystem), // the machine alone
		otelresource.WithUtilization(),                    // and ratios
	)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, instrumentation.Shutdown(ctx), provider.Shutdown(ctx)) }()

	var data metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &data); err != nil {
		return err
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			fmt.Fprintln(out, m.Name, m.Unit)
		}
	}
	return nil
}
