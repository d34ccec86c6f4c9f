// Quickstart shows what this machine or container really grants the program
// and what it uses of that: first where it runs and why it is thought so,
// then live metrics.
//
//	go run ./examples/quickstart          # live in the terminal, Ctrl-C ends it
//	go run ./examples/quickstart -once    # one round
//	go run ./examples/quickstart -json    # one JSON object a round, for machines
//
// With OTEL_EXPORTER_OTLP_ENDPOINT set it exports over OTLP/gRPC instead.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	var o options
	flag.BoolVar(&o.once, "once", false, "print one round and exit")
	flag.BoolVar(&o.json, "json", false, "print JSON, one object a round")
	flag.DurationVar(&o.interval, "interval", time.Second, "time between rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

type options struct {
	once, json bool
	interval   time.Duration
}

// endpoints are the standard variables that ask for OTLP.
var endpoints = []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}

func run(ctx context.Context, o options, out *os.File) (err error) {
	if o.interval <= 0 {
		return errors.New("-interval must be positive")
	}
	config := otelresource.DefaultConfig()
	config.UpdateInterval = min(config.UpdateInterval, o.interval)
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, monitor.Close()) }()

	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithDetectors(otelresource.NewDetector(otelresource.WithDetectorMonitor(monitor))),
		resource.WithFromEnv(), // the user's own word comes last
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return err
	}
	reader, collect, target, err := newReader(ctx)
	if err != nil {
		return err
	}
	provider := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(reader))
	defer func() {
		// The context of the run is over; flushing gets time of its own.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, provider.Shutdown(ctx))
	}()
	instrumentation, err := otelresource.Start(
		otelresource.WithMeterProvider(provider),
		otelresource.WithMonitor(monitor),
		otelresource.WithUtilization(),
	)
	if err != nil {
		return err
	}
	// The provider flushes first: unregistered metrics would be missing from the last export.
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err = errors.Join(err, provider.ForceFlush(ctx), instrumentation.Shutdown(ctx))
	}()
	v := &view{out: out, options: o, monitor: monitor, resource: res, scopes: instrumentation.Scopes()}
	if collect == nil {
		return v.export(ctx, target)
	}
	return v.live(ctx, collect)
}

// newReader exports over OTLP/gRPC where the environment names an endpoint;
// else it leaves collecting to the view.
func newReader(ctx context.Context) (reader metric.Reader, collect collectFunc, target string, err error) {
	for _, name := range endpoints {
		if target = os.Getenv(name); target == "" {
			continue
		}
		// The exporter reads the endpoint, headers, TLS and the rest from the environment.
		exporter, err := otlpmetricgrpc.New(ctx)
		if err != nil {
			return nil, nil, "", err
		}
		return metric.NewPeriodicReader(exporter), nil, target, nil
	}
	manual := metric.NewManualReader()
	return manual, manual.Collect, "", nil
}
