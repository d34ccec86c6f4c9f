// Demo is a service to look at: an HTTP server that spends CPU time and memory
// for every request, and reports its resources over OTLP/gRPC. It is what
// docker-compose.yaml and "make demo" run under a memory and a CPU limit.
//
//	go run ./examples/demo                                 # serve
//	go run ./examples/demo -load http://127.0.0.1:8080     # send it requests, in waves
//	go run ./examples/demo -check http://127.0.0.1:8080/   # exit with 0 if it answers
//	go run ./examples/demo -programs 1000                  # report as so many programs, to size a Collector
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "serve on this address")
	target := flag.String("load", "", "send requests to this service instead")
	check := flag.String("check", "", "ask this address once instead")
	programs := flag.Int("programs", 0, "only report, as this many programs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case *check != "":
		err = ask(ctx, *check)
	case *target != "":
		err = load(ctx, *target)
	case *programs > 0:
		err = fleet(ctx, *programs)
	default:
		err = run(ctx, *listen)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen string) (err error) {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, monitor.Close()) }()
	stop, err := instrument(ctx, monitor, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()

	// Go's collector does not know the limit. A tenth is left for what is not its heap.
	if memory, err := monitor.GetMemoryStats(ctx); err == nil && memory.LimitBytes > 0 {
		debug.SetMemoryLimit(memory.LimitBytes * 9 / 10)
	}

	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		// The context of the run is over; requests under way get time of their own.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	fmt.Printf("serving on http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// instrument exports the resources as the OTEL_* variables say.
func instrument(ctx context.Context, monitor *otelresource.Monitor, extra []attribute.KeyValue) (stop func() error, err error) {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithDetectors(otelresource.NewDetector(otelresource.WithDetectorMonitor(monitor))),
		resource.WithFromEnv(), // the user's own word comes last
		resource.WithAttributes(extra...),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, err
	}
	exporter, err := otlpmetricgrpc.New(ctx)
	if err != nil {
		return nil, err
	}
	provider := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(metric.NewPeriodicReader(exporter)))
	instrumentation, err := otelresource.Start(
		otelresource.WithMeterProvider(provider),
		otelresource.WithMonitor(monitor),
		otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem),
	)
	if errors.Is(err, otelresource.ErrContainerNotFound) {
		// No cgroup to measure: the machine is what there is.
		instrumentation, err = otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(monitor))
	}
	if err != nil {
		return nil, errors.Join(err, provider.Shutdown(ctx))
	}
	return func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		// The provider exports once more before the instruments go.
		return errors.Join(provider.Shutdown(ctx), instrumentation.Shutdown(ctx))
	}, nil
}
