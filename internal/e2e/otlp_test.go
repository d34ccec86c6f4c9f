//go:build linux

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The parts of OTLP's JSON encoding that the test reads.
// https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
type (
	otlpExport struct {
		ResourceMetrics []struct {
			Resource struct {
				Attributes []otlpAttribute `json:"attributes"`
			} `json:"resource"`
			SchemaURL    string `json:"schemaUrl"`
			ScopeMetrics []struct {
				Scope struct {
					Name    string `json:"name"`
					Version string `json:"version"`
				} `json:"scope"`
				SchemaURL string       `json:"schemaUrl"`
				Metrics   []otlpMetric `json:"metrics"`
			} `json:"scopeMetrics"`
		} `json:"resourceMetrics"`
	}
	otlpMetric struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Unit        string `json:"unit"`
		Gauge       *struct {
			DataPoints []otlpPoint `json:"dataPoints"`
		} `json:"gauge"`
		Sum *struct {
			DataPoints             []otlpPoint `json:"dataPoints"`
			AggregationTemporality int         `json:"aggregationTemporality"`
			IsMonotonic            bool        `json:"isMonotonic"`
		} `json:"sum"`
	}
	// 64-bit integers are strings in this encoding.
	otlpPoint struct {
		Attributes []otlpAttribute `json:"attributes"`
		Start      int64           `json:"startTimeUnixNano,string"`
		Time       int64           `json:"timeUnixNano,string"`
		AsInt      *int64          `json:"asInt,string"`
		AsDouble   *float64        `json:"asDouble"`
	}
	otlpAttribute struct {
		Key   string `json:"key"`
		Value struct {
			String *string  `json:"stringValue"`
			Int    *int64   `json:"intValue,string"`
			Double *float64 `json:"doubleValue"`
			Bool   *bool    `json:"boolValue"`
			Array  any      `json:"arrayValue"`
		} `json:"value"`
	}
)

// kind is what the Collector says an instrument is.
type kind string

const (
	counter       kind = "counter"         // cumulative monotonic sum
	upDownCounter kind = "up-down counter" // cumulative sum that may fall
	gauge         kind = "gauge"
	unknownKind   kind = "neither a cumulative sum nor a gauge"
)

const cumulative = 2 // AGGREGATION_TEMPORALITY_CUMULATIVE

// point is one data point with everything that describes it.
type point struct {
	metric      string
	unit        string
	description string
	kind        kind
	integer     bool
	value       float64
	attributes  map[string]string
	start, at   time.Time

	scope, version string
	schemaURL      string
	resource       map[string]string
}

// series names the point's time series within its resource.
func (p point) series() string {
	var b strings.Builder
	b.WriteString(p.metric)
	b.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(p.attributes)) {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s=%q", key, p.attributes[key])
	}
	b.WriteByte('}')
	return b.String()
}

// readPoints reads what the Collector's file exporter has written so far: one
// JSON object per line, of which the last one may not be complete yet.
func readPoints(file string) ([]point, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	var points []point
	for line := range bytes.Lines(content) {
		decoded, err := decodePoints(line)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		points = append(points, decoded...)
	}
	return points, nil
}

func decodePoints(line []byte) ([]point, error) {
	var export otlpExport
	if err := json.Unmarshal(line, &export); err != nil {
		return nil, err
	}
	var points []point
	for _, rm := range export.ResourceMetrics {
		resource := attributeMap(rm.Resource.Attributes)
		for _, sm := range rm.ScopeMetrics {
			for _, m := range sm.Metrics {
				kind, dataPoints := m.points()
				for _, dp := range dataPoints {
					p := point{
						metric: m.Name, unit: m.Unit, description: m.Description, kind: kind,
						attributes: attributeMap(dp.Attributes),
						start:      time.Unix(0, dp.Start), at: time.Unix(0, dp.Time),
						scope: sm.Scope.Name, version: sm.Scope.Version, schemaURL: sm.SchemaURL,
						resource: resource,
					}
					switch {
					case dp.AsInt != nil:
						p.integer, p.value = true, float64(*dp.AsInt)
					case dp.AsDouble != nil:
						p.value = *dp.AsDouble
					default:
						return nil, fmt.Errorf("%s has no value", p.series())
					}
					points = append(points, p)
				}
				if len(dataPoints) == 0 {
					return nil, fmt.Errorf("%s has no data point that this test can read", m.Name)
				}
			}
		}
	}
	return points, nil
}

func (m otlpMetric) points() (kind, []otlpPoint) {
	switch {
	case m.Gauge != nil:
		return gauge, m.Gauge.DataPoints
	case m.Sum == nil:
		return unknownKind, nil
	case m.Sum.AggregationTemporality != cumulative:
		return unknownKind, m.Sum.DataPoints
	case m.Sum.IsMonotonic:
		return counter, m.Sum.DataPoints
	}
	return upDownCounter, m.Sum.DataPoints
}

func attributeMap(attributes []otlpAttribute) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		switch v := a.Value; {
		case v.String != nil:
			m[a.Key] = *v.String
		case v.Int != nil:
			m[a.Key] = fmt.Sprint(*v.Int)
		case v.Double != nil:
			m[a.Key] = fmt.Sprint(*v.Double)
		case v.Bool != nil:
			m[a.Key] = fmt.Sprint(*v.Bool)
		default:
			m[a.Key] = fmt.Sprint(v.Array)
		}
	}
	return m
}

func TestDecodePoints(t *testing.T) {
	const line = `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},` +
		`{"key":"process.pid","value":{"intValue":"7"}}]},"scopeMetrics":[{"scope":{"name":"s","version":"1"},"metrics":[` +
		`{"name":"a","unit":"s","sum":{"aggregationTemporality":2,"isMonotonic":true,"dataPoints":[{"attributes":[` +
		`{"key":"cpu.mode","value":{"stringValue":"user"}}],"startTimeUnixNano":"1000000000","timeUnixNano":"2000000000","asDouble":1.5}]}},` +
		`{"name":"b","unit":"By","sum":{"aggregationTemporality":2,"dataPoints":[{"timeUnixNano":"2","asInt":"9007199254740993"}]}},` +
		`{"name":"c","gauge":{"dataPoints":[{"timeUnixNano":"2","asInt":"0"}]}},` +
		`{"name":"d","sum":{"aggregationTemporality":1,"dataPoints":[{"timeUnixNano":"2","asInt":"0"}]}}]}]}]}`
	points, err := decodePoints([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	if len(points) != 4 {
		t.Fatalf("%d points, want 4", len(points))
	}
	first := points[0]
	if first.series() != `a{cpu.mode="user"}` || first.value != 1.5 || first.integer || first.kind != counter ||
		first.start.Unix() != 1 || first.at.Unix() != 2 || first.resource["service.name"] != "shop" || first.resource["process.pid"] != "7" {
		t.Errorf("first point is %+v", first)
	}
	for i, want := range []kind{counter, upDownCounter, gauge, unknownKind} {
		if points[i].kind != want {
			t.Errorf("%s is a %s, want a %s", points[i].metric, points[i].kind, want)
		}
	}
	for _, bad := range []string{
		`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","histogram":{"dataPoints":[{}]}}]}]}]}`,
		`{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"a","gauge":{"dataPoints":[{"timeUnixNano":"2"}]}}]}]}]}`,
	} {
		if _, err := decodePoints([]byte(bad)); err == nil {
			t.Errorf("no error for %s", bad)
		}
	}
}
