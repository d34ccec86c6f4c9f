package main

import (
	"cmp"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/examples/internal/human"
)

// point is one data point of any kind, as a row or a JSON object.
type point struct {
	Name       string            `json:"name"`
	Value      float64           `json:"value"`
	Unit       string            `json:"unit"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// text is the value for people. What only carries labels has no share to show.
func (p point) text() string {
	if strings.HasSuffix(p.Name, ".info") {
		return ""
	}
	return human.Value(p.Value, p.Unit)
}

func (p point) labels() string {
	var all []string
	for k, v := range p.Attributes {
		all = append(all, k[strings.LastIndexByte(k, '.')+1:]+"="+v)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// flatten lists the points of a collection by name.
func flatten(data *metricdata.ResourceMetrics) []point {
	var all []point
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				all = appendPoints(all, m, d.DataPoints)
			case metricdata.Sum[float64]:
				all = appendPoints(all, m, d.DataPoints)
			case metricdata.Gauge[int64]:
				all = appendPoints(all, m, d.DataPoints)
			case metricdata.Gauge[float64]:
				all = appendPoints(all, m, d.DataPoints)
			}
		}
	}
	slices.SortFunc(all, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.labels(), b.labels()))
	})
	return all
}

func appendPoints[N int64 | float64](all []point, m metricdata.Metrics, points []metricdata.DataPoint[N]) []point {
	for _, d := range points {
		p := point{Name: m.Name, Value: float64(d.Value), Unit: m.Unit}
		for _, kv := range d.Attributes.ToSlice() {
			if p.Attributes == nil {
				p.Attributes = map[string]string{}
			}
			p.Attributes[string(kv.Key)] = kv.Value.String()
		}
		all = append(all, p)
	}
	return all
}
