package instruments

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Errors is the table of what the module says of itself.
func Errors() []Row[sample.Failures] {
	return []Row[sample.Failures]{{
		Metric: Metric{
			Name: "otelresource.source.errors", Unit: "{error}", Kind: Counter, Scope: Module,
			Description: "Readings of a kernel file that failed, by file and cause.",
			PriorArt:    "none", Note: "no point until something failed",
		},
		Items: &Items[sample.Failures]{
			Len: func(f *sample.Failures) int { return len(f.List) },
			Key: func(f *sample.Failures, i int) ItemKey {
				return ItemKey{Name: f.List[i].Source, Type: f.List[i].Type}
			},
			Attributes: func(k ItemKey) []attribute.KeyValue {
				return attr(ErrorSourceKey.String(k.Name), semconv.ErrorTypeKey.String(k.Type))
			},
			Series: []Series[sample.Failures]{{
				Per:  1,
				Uint: func(f *sample.Failures, i int) sample.OptUint { return sample.SomeUint(f.List[i].Count) },
			}},
		},
		Since: func(f *sample.Failures, i int) time.Time { return f.List[i].Since },
	}}
}
