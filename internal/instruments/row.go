// Package instruments is the table of every metric: its name, unit, kind,
// description, attributes and scope, and how it is read from a sample. The
// instrumentation, the documentation, the dashboards and the tests take them from
// here and from nowhere else.
package instruments

import (
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Kind is the kind of an asynchronous instrument.
type Kind uint8

// The kinds.
const (
	Counter Kind = iota
	UpDownCounter
	Gauge
)

func (k Kind) String() string { return [...]string{"counter", "up-down counter", "gauge"}[k] }

// Scope is whose numbers a metric holds.
type Scope uint8

// The scopes.
const (
	Container Scope = iota
	System
	Process
	Module // the module about itself: on in every scope
)

func (s Scope) String() string { return [...]string{"container", "system", "process", "module"}[s] }

// OptIn is what a user has to ask for.
type OptIn uint8

// The options.
const (
	Always OptIn = iota
	WithUtilization
)

// Metric is what one instrument is.
type Metric struct {
	Name, Unit  string
	Kind        Kind
	Float       bool // float64; else int64
	Description string
	Scope       Scope
	OptIn       OptIn
	// Standard says that the semantic conventions have it. PriorArt names the
	// nearest relative of one that they do not.
	Standard bool
	PriorArt string
	// Reads is what of the collector's has to be read for it.
	Reads sample.Parts
	// Note is what a reader of the documentation has to know: when a point is absent.
	Note string
}

// Row is a metric and how its points are read from a sample S.
type Row[S any] struct {
	Metric
	Series []Series[S]
	// Items replaces Series by series of each item of a list, such as the
	// CPUs, if the user asked for that detail. nil: there is no such detail.
	Items *Items[S]
	// Since returns when the source of a counter began to count from zero; the
	// zero time: not known. The index is that of the item, or -1 for Series. nil: never known.
	Since func(*S, int) time.Time
}

// Series is one point of a row: a fixed set of attributes, and the value, which
// a sample may not have. One of Uint, Float and Ratios is set. They are given the
// index of the item, or 0 if the row has no items.
type Series[S any] struct {
	Attributes []attribute.KeyValue
	// Uint reads a whole number. A metric with Float is that number divided by Per.
	Uint func(*S, int) sample.OptUint
	Per  float64
	// Float reads a number as it is.
	Float func(*S, int) (float64, bool)
	// Ratios appends what is compared over the consumer's window. The value is
	// that of the largest ratio.
	Ratios func([]counter.Ratio, *S, int) []counter.Ratio
}

// point returns a series of a row without items.
func point[S any](attrs []attribute.KeyValue, per float64, read func(*S) sample.OptUint) Series[S] {
	return Series[S]{Attributes: attrs, Per: per, Uint: func(s *S, _ int) sample.OptUint { return read(s) }}
}

// Items are the points of each item of a list.
type Items[S any] struct {
	Detail Detail
	Len    func(*S) int
	// Key is what tells the items apart, and Attributes are those of the item that has it.
	Key        func(*S, int) ItemKey
	Attributes func(ItemKey) []attribute.KeyValue
	// Source identifies what an item's counters are read from: an item with the key
	// of an earlier one may have other counts. nil: the key says it all.
	Source func(*S, int) counter.Source
	Series []Series[S] // of each item
}

// ItemKey is a number, a name, or a name and a type. Every collection compares
// it, to find the attribute sets that were built once: attributes are twice the size.
type ItemKey struct {
	Number     int
	Name, Type string
}

// named are the attributes of an item that has a name alone.
func named(as func(string) attribute.KeyValue) func(ItemKey) []attribute.KeyValue {
	return func(k ItemKey) []attribute.KeyValue { return attr(as(k.Name)) }
}

// Detail is a list that a user can ask for.
type Detail uint8

// The details.
const (
	Listed Detail = iota // always
	PerCPU
	PerDevice
	PerInterface
)

// asked says how a user asks for a detail, and its mark in the list of metrics.
var asked = map[Detail]struct{ mark, option string }{
	PerCPU:       {"c", "WithPerCPU"},
	PerDevice:    {"d", "Config.EnableDetailedIO"},
	PerInterface: {"n", "Config.EnableDetailedNetwork"},
}

// reading notes what the rows need that do not say so themselves.
func reading[S any](parts sample.Parts, rows []Row[S]) []Row[S] {
	for i := range rows {
		if rows[i].Reads == 0 {
			rows[i].Reads = parts
		}
	}
	return rows
}

// The units in which samples count a second.
const (
	nanos  = 1e9
	micros = 1e6
)

// integer reads a number.
func integer[S any](attrs []attribute.KeyValue, read func(*S) sample.OptUint) Series[S] {
	return point(attrs, 1, read)
}

// seconds reads nanoseconds.
func seconds[S any](attrs []attribute.KeyValue, read func(*S) sample.OptUint) Series[S] {
	return point(attrs, nanos, read)
}

// float reads a number as it is.
func float[S any](attrs []attribute.KeyValue, read func(*S) sample.Opt[float64]) Series[S] {
	return Series[S]{Attributes: attrs, Float: func(s *S, _ int) (float64, bool) { return read(s).Get() }}
}

// usage compares the growth of a total of nanoseconds, if it was read, with time.
func usage(dst []counter.Ratio, total sample.OptUint, scale float64, breaks uint32) []counter.Ratio {
	if n, ok := total.Get(); ok {
		dst = append(dst, counter.Ratio{Num: n, PerTime: true, Scale: scale, Breaks: breaks})
	}
	return dst
}

func attr(kv ...attribute.KeyValue) []attribute.KeyValue { return kv }

// Attributes that are not in the semantic conventions.
const (
	LimitResourceKey = attribute.Key("otelresource.limit.resource")
	LimitSourceKey   = attribute.Key("otelresource.limit.source")
	MemoryEventKey   = attribute.Key("otelresource.memory.event")
	ErrorSourceKey   = attribute.Key("otelresource.source")
)

// limitInfo has one series for every source, of which a sample has one.
func limitInfo[S any](resource string, source func(*S) sample.Source) Row[S] {
	r := Row[S]{Metric: Metric{
		Name: "otelresource.limit.info", Unit: "1", Kind: Gauge, Scope: Container,
		Description: "What sets the effective limit of a resource; the value is always 1.",
		PriorArt:    "none",
	}}
	for _, src := range []sample.Source{
		sample.SourceCgroupV1, sample.SourceCgroupV2, sample.SourceCpuset, sample.SourcePlatform,
		sample.SourceVirtualization, sample.SourceHost,
	} {
		r.Series = append(r.Series, Series[S]{
			Attributes: attr(LimitResourceKey.String(resource), LimitSourceKey.String(src.String())),
			Per:        1,
			Uint: func(s *S, _ int) (one sample.OptUint) {
				if source(s) == src {
					one = sample.SomeUint(1)
				}
				return one
			},
		})
	}
	return r
}
