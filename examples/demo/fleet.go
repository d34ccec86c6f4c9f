package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// fleet reports as n programs until ctx ends, each with an exporter, a connection
// and a name of its own. They share one monitor: a fleet is to load the Collector,
// not this machine's kernel.
func fleet(ctx context.Context, n int) (err error) {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, monitor.Close()) }()
	for i := range n {
		stop, err := instrument(ctx, monitor, []attribute.KeyValue{attribute.String("service.instance.id", fmt.Sprintf("program-%d", i))})
		if err != nil {
			return err
		}
		defer func() { _ = stop() }()
		// A real fleet does not start in one instant, nor export in one.
		time.Sleep(2 * time.Millisecond)
	}
	fmt.Printf("%d programs report\n", n)
	<-ctx.Done()
	return nil
}
