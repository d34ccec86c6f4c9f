package producer

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
)

// boundTable is a table, and for each of its metrics the one that is emitted.
type boundTable struct {
	observe.Table
	metrics []int
}

// emitted is a metric and since when it counts.
type emitted struct {
	instruments.Metric
	start time.Time
}

// buffer is what a collection needs and does not hand out.
type buffer struct {
	points []observe.Point
	ends   []int // of each table's points
	runs   []run
	place  []int // of each metric among the results; -1: not there
}

// Produce returns the metrics of this moment. It reads cached snapshots, and
// waits for fresh ones no longer than a callback of otelresource.Start does.
// Its error is always nil: what cannot be read has no points.
func (p *Producer) Produce(ctx context.Context) ([]metricdata.ScopeMetrics, error) {
	p.mu.Lock()
	tables := p.tables
	if tables != nil {
		p.running.Add(1)
		defer p.running.Done()
	}
	p.mu.Unlock() // a logger or an error handler may call Produce
	b, _ := p.buffers.Get().(*buffer)
	if b == nil {
		b = new(buffer)
	}
	defer p.buffers.Put(b)
	b.points, b.ends, b.place = b.points[:0], b.ends[:0], b.place[:0]
	for _, t := range tables {
		b.points = t.Append(ctx, b.points)
		b.ends = append(b.ends, len(b.points))
	}
	if len(b.points) == 0 {
		return nil, nil
	}
	return []metricdata.ScopeMetrics{{Scope: p.scope, Metrics: p.emit(tables, b, time.Now())}}, nil
}

// emit turns points into data that the reader owns. All points of a kind lie
// in one array: the number of series adds no allocations.
func (p *Producer) emit(tables []boundTable, b *buffer, now time.Time) []metricdata.Metrics {
	for range p.metrics {
		b.place = append(b.place, -1)
	}
	b.runs = b.runs[:0]
	var ints, floats, present, begin int
	for i, t := range tables {
		for begin < b.ends[i] {
			r := run{begin: begin, end: begin + 1, metric: t.metrics[b.points[begin].Metric]}
			for r.end < b.ends[i] && b.points[r.end].Metric == b.points[begin].Metric {
				r.end++
			}
			if b.place[r.metric] < 0 {
				b.place[r.metric] = present
				present++
			}
			if p.metrics[r.metric].Float {
				floats += r.end - r.begin
			} else {
				ints += r.end - r.begin
			}
			b.runs = append(b.runs, r)
			begin = r.end
		}
	}
	intPoints := make([]metricdata.DataPoint[int64], ints)
	floatPoints := make([]metricdata.DataPoint[float64], floats)
	out := make([]metricdata.Metrics, present)
	for _, r := range b.runs {
		m, to, from := &p.metrics[r.metric], &out[b.place[r.metric]], b.points[r.begin:r.end]
		to.Name, to.Description, to.Unit = m.Name, m.Description, m.Unit
		if m.Float {
			points := floatPoints[:len(from):len(from)]
			floatPoints = floatPoints[len(from):]
			for i := range points {
				p, at := &points[i], &from[i]
				p.Attributes, p.StartTime, p.Time, p.Value = at.Attributes.Set, m.start, now, at.Float
			}
			to.Data = aggregate(m, to.Data, points)
		} else {
			points := intPoints[:len(from):len(from)]
			intPoints = intPoints[len(from):]
			for i := range points {
				p, at := &points[i], &from[i]
				p.Attributes, p.StartTime, p.Time, p.Value = at.Attributes.Set, m.start, now, at.Int
			}
			to.Data = aggregate(m, to.Data, points)
		}
	}
	return out
}

// run is points of one metric that lie next to each other.
type run struct{ begin, end, metric int }

// aggregate wraps the points, behind what another table has of the same metric.
func aggregate[N int64 | float64](m *emitted, before metricdata.Aggregation, points []metricdata.DataPoint[N]) metricdata.Aggregation {
	if m.Kind == instruments.Gauge {
		if b, ok := before.(metricdata.Gauge[N]); ok {
			points = append(b.DataPoints, points...)
		}
		return metricdata.Gauge[N]{DataPoints: points}
	}
	if b, ok := before.(metricdata.Sum[N]); ok {
		points = append(b.DataPoints, points...)
	}
	return metricdata.Sum[N]{
		DataPoints: points, Temporality: metricdata.CumulativeTemporality, IsMonotonic: m.Kind == instruments.Counter,
	}
}
