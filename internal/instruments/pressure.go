package instruments

import (
	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Attributes of pressure.
const (
	PressureStallKey  = attribute.Key("otelresource.pressure.stall")
	PressureWindowKey = attribute.Key("otelresource.pressure.window")
)

const pressurePriorArt = "system.{cpu,memory,io}.linux.pressure.total (proposed to the semantic conventions)"

// stalls are the two lines of a PSI file.
var stalls = []struct {
	name string
	read func(*sample.Pressure) sample.Opt[sample.Stall]
}{
	{"some", func(p *sample.Pressure) sample.Opt[sample.Stall] { return p.Some }},
	{"full", func(p *sample.Pressure) sample.Opt[sample.Stall] { return p.Full }},
}

var pressureWindows = []struct {
	name string
	read func(sample.Stall) float64
}{
	{"10s", func(s sample.Stall) float64 { return s.Avg10 }},
	{"60s", func(s sample.Stall) float64 { return s.Avg60 }},
	{"300s", func(s sample.Stall) float64 { return s.Avg300 }},
}

// spoken are the resources as sentences have them.
var spoken = map[string]string{
	"cpu":    "waited for a CPU",
	"memory": "stalled on memory",
	"io":     "stalled on I/O",
	"irq":    "waited for interrupts",
}

// pressureTime is how long tasks of a scope stalled on a resource.
func pressureTime[S any](scope Scope, resource string, of func(*S) *sample.Pressure) Row[S] {
	r := Row[S]{Metric: Metric{
		Name: scope.String() + "." + resource + ".linux.pressure.time", Unit: "s", Kind: Counter, Float: true, Scope: scope,
		Description: "Total time in which some or all tasks " + spoken[resource] + " (PSI).",
		PriorArt:    pressurePriorArt, Note: "only where the kernel has PSI",
	}}
	if scope == System {
		r.Reads = sample.PartSystemPressure
	}
	for _, stall := range stalls {
		r.Series = append(r.Series, Series[S]{
			Attributes: attr(PressureStallKey.String(stall.name)),
			Per:        micros,
			Uint: func(s *S, _ int) (total sample.OptUint) {
				if v, ok := stall.read(of(s)).Get(); ok {
					total = sample.SomeUint(v.Total)
				}
				return total
			},
		})
	}
	return r
}

// pressureRatio is the share of the newest windows, as the kernel averages them.
func pressureRatio[S any](scope Scope, resource string, of func(*S) *sample.Pressure) Row[S] {
	r := Row[S]{Metric: Metric{
		Name: scope.String() + "." + resource + ".linux.pressure.ratio", Unit: "1", Kind: Gauge, Float: true, Scope: scope, OptIn: WithUtilization,
		Description: "Share of time in which some or all tasks " + spoken[resource] + " (PSI).",
		PriorArt:    pressurePriorArt, Note: "only where the kernel has PSI",
	}}
	for _, stall := range stalls {
		for _, window := range pressureWindows {
			r.Series = append(r.Series, Series[S]{
				Attributes: attr(PressureStallKey.String(stall.name), PressureWindowKey.String(window.name)),
				Float: func(s *S, _ int) (float64, bool) {
					v, ok := stall.read(of(s)).Get()
					return window.read(v), ok
				},
			})
		}
	}
	return r
}
