// Detector prints the resource attributes of this program's container, pod and
// virtual machine, as every signal of it would carry them: the detector serves traces and
// logs as well, without any metric.
//
//	go run ./examples/detector
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "detector:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	res, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithDetectors(otelresource.NewDetector(
			// What a backend has no use for is filtered out.
			otelresource.WithAttributeFilter(attribute.NewDenyKeysFilter("host.virtualization.role")),
		)),
		resource.WithFromEnv(), // the user's own word comes last
	)
	// A partial resource lacks what could not be read; the rest of it is good.
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return err
	}
	for _, kv := range res.Attributes() {
		fmt.Fprintf(out, "%s=%s\n", kv.Key, kv.Value.String())
	}
	return nil
}
