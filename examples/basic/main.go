// Basic exports the resources of this program over OTLP/gRPC, where the OTEL_*
// variables say, until Ctrl-C. Two lines of it are about resources.
//
//	OTEL_SERVICE_NAME=basic go run ./examples/basic
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	exporter, err := otlpmetricgrpc.New(ctx)
	if err == nil {
		err = run(ctx, metric.NewPeriodicReader(exporter))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "basic:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, reader metric.Reader) error {
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	otel.SetMeterProvider(provider)

	instrumentation, err := otelresource.Start() // with the global provider
	if err != nil {
		return err
	}
	<-ctx.Done()
	// The provider exports once more before the instruments go.
	end := context.WithoutCancel(ctx)
	return errors.Join(provider.Shutdown(end), instrumentation.Shutdown(end))
}
