// Package instruments is the table of every metric: its name, unit, kind,
// description, attributes and scope, and how it is read from a sample. The
// instrumentation, the documentation, the dashboards and the tests take them from
// here and from nowhere else.
package instruments

import (
	"go.opentelemetry.io/otel/attribute"

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
	// CPUs, where the user asked for that detail. nil: there is no such detail.
	Items *Items[S]
}

// Series is one point of a row: a fixed set of attributes, and the value,
// which a sample may not have. One of Int and Float is set, as Metric.Float says.
type Series[S any] struct {
	Attributes []attribute.KeyValue
	Int        func(*S) (int64, bool)
	Float      func(*S) (float64, bool)
}

// Items are the points of each item of a list.
type Items[S any] struct {
	Detail Detail
	Len    func(*S) int
	// Key is what tells the items apart, and Attributes are those of the item that has it.
	Key        func(*S, int) ItemKey
	Attributes func(ItemKey) []attribute.KeyValue
	Series     []ItemSeries[S]
}

// ItemSeries is one point of each item.
type ItemSeries[S any] struct {
	Attributes []attribute.KeyValue
	Int        func(*S, int) (int64, bool)
	Float      func(*S, int) (float64, bool)
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

// integer reads a number; values beyond int64 are absent, not negative.
func integer[S any](attrs []attribute.KeyValue, read func(*S) sample.OptUint) Series[S] {
	return Series[S]{Attributes: attrs, Int: func(s *S) (int64, bool) {
		n, ok := read(s).Get()
		return int64(n), ok && n <= 1<<63-1
	}}
}

// seconds reads nanoseconds.
func seconds[S any](attrs []attribute.KeyValue, read func(*S) sample.OptUint) Series[S] {
	return Series[S]{Attributes: attrs, Float: func(s *S) (float64, bool) {
		n, ok := read(s).Get()
		return float64(n) / 1e9, ok
	}}
}

// float reads a number as it is.
func float[S any](attrs []attribute.KeyValue, read func(*S) sample.Opt[float64]) Series[S] {
	return Series[S]{Attributes: attrs, Float: func(s *S) (float64, bool) { return read(s).Get() }}
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
			Int:        func(s *S) (int64, bool) { return 1, source(s) == src },
		})
	}
	return r
}
