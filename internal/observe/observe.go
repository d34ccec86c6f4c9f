// Package observe is what the two faces of the instrument tables share: the
// callbacks of the instruments and the Producer emit the same Points.
package observe

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

// Point is one value of one metric.
type Point struct {
	Metric     int // index into Table.Metrics
	Attributes *Attributes
	Int        int64
	Float      float64 // of a metric that has floats
}

// Attributes are the attributes of one series, in the form of either face.
// They are built once: whoever reads them changes nothing.
type Attributes struct {
	Set     attribute.Set
	Options []metric.ObserveOption
}

// NewAttributes returns the attributes kv.
func NewAttributes(kv ...attribute.KeyValue) Attributes {
	a := Attributes{Set: attribute.NewSet(kv...)}
	if len(kv) > 0 {
		a.Options = []metric.ObserveOption{metric.WithAttributeSet(a.Set)}
	}
	return a
}

// Table is the metrics of one collector. It is safe for concurrent use.
type Table interface {
	// Metrics are those that the user asked for; they never change.
	Metrics() []instruments.Metric
	// Append reads one snapshot and appends its points to dst, those of one metric next
	// to each other. It reports what is wrong by itself, and does not panic.
	Append(ctx context.Context, dst []Point) []Point
}

// Taker is a metric.MeterProvider that takes whole tables in place of
// instruments and callbacks.
type Taker interface {
	metric.MeterProvider
	// Take emits the tables, in the name of the scope, until the Registration ends.
	Take(scope, version string, tables []Table) metric.Registration
}
