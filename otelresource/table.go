package otelresource

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// table is the rows of one collector that the user asked for, and where their samples come from.
type table[S any] struct {
	source[S]
	metrics []instruments.Metric
	rows    []tableRow[S]
}

type tableRow[S any] struct {
	counter bool
	float   bool
	series  []tableSeries[S]
	items   *tableItems[S]
}

type tableSeries[S any] struct {
	instruments.Series[S]
	attributes observe.Attributes
}

// newTable returns the rows that sel lets through.
func newTable[S any](from source[S], rows []instruments.Row[S], sel selection) *table[S] {
	t := &table[S]{source: from}
	for _, row := range rows {
		detailed := row.Items != nil && sel.details(row.Items.Detail)
		if !sel.includes(&row.Metric) || len(row.Series) == 0 && !detailed {
			continue
		}
		bound := tableRow[S]{counter: row.Kind == instruments.Counter, float: row.Float}
		if detailed {
			bound.items = &tableItems[S]{Items: row.Items}
		}
		for _, s := range row.Series {
			bound.series = append(bound.series, tableSeries[S]{s, observe.NewAttributes(s.Attributes...)})
		}
		t.metrics = append(t.metrics, row.Metric)
		t.rows = append(t.rows, bound)
	}
	return t
}

// Metrics implements observe.Table.
func (t *table[S]) Metrics() []instruments.Metric { return t.metrics }

// Append implements observe.Table. It never fails: an error would cost the
// program its own metrics of that cycle.
func (t *table[S]) Append(ctx context.Context, dst []observe.Point) (points []observe.Point) {
	points = dst
	defer func() {
		if r := recover(); r != nil {
			t.failed(fmt.Errorf("panic in a metric callback: %v", r))
		}
	}()
	s, fresh := t.read(ctx)
	if s == nil {
		return points
	}
	for i := range t.rows {
		row := &t.rows[i]
		// Of an old reading the counters are still true, the rest is not. Without
		// a point, delta temporality would count everything again the next time.
		if !fresh && !row.counter {
			continue
		}
		points = row.append(s, i, points)
	}
	return points
}

func (r *tableRow[S]) append(s *S, metric int, points []observe.Point) []observe.Point {
	// A total beside its items would count everything twice. It stands where
	// there are none: gVisor measures no single CPU.
	series := r.series
	if r.items != nil && !r.items.none(s) {
		series = nil
	}
	for i := range series {
		p := &series[i]
		at := observe.Point{Metric: metric, Attributes: &p.attributes}
		var ok bool
		if r.float {
			at.Float, ok = p.Float(s)
		} else {
			at.Int, ok = p.Int(s)
		}
		if ok {
			points = append(points, at)
		}
	}
	if r.items == nil {
		return points
	}
	for n, item := range r.items.of(s) {
		for i := range r.items.Series {
			p := &r.items.Series[i]
			at := observe.Point{Metric: metric, Attributes: &item.attributes[i]}
			var ok bool
			if r.float {
				at.Float, ok = p.Float(s, n)
			} else {
				at.Int, ok = p.Int(s, n)
			}
			if ok {
				points = append(points, at)
			}
		}
	}
	return points
}

// tableItems remembers the attributes of the items of the newest sample: the
// next one has the same, in the same order, unless a device came or went.
type tableItems[S any] struct {
	*instruments.Items[S]
	known atomic.Pointer[[]tableItem]
}

// none reports whether there are no items, and never were: one that left for a
// moment must not turn into a total.
func (t *tableItems[S]) none(s *S) bool { return t.known.Load() == nil && t.Len(s) == 0 }

type tableItem struct {
	key        instruments.ItemKey
	attributes []observe.Attributes // by series
}

// of returns the items of s. Two readers may collect at once: what they know
// is replaced, never changed.
func (t *tableItems[S]) of(s *S) []tableItem {
	var known []tableItem
	if p := t.known.Load(); p != nil {
		known = *p
	}
	n := t.Len(s)
	for i := range n {
		if i >= len(known) || known[i].key != t.Key(s, i) {
			return t.learn(s, n, known)
		}
	}
	return known[:n]
}

// learn makes the attributes of the items that are new.
func (t *tableItems[S]) learn(s *S, n int, known []tableItem) []tableItem {
	old := make(map[instruments.ItemKey]tableItem, len(known))
	for _, item := range known {
		old[item.key] = item
	}
	items := make([]tableItem, n)
	for i := range items {
		key := t.Key(s, i)
		item, ok := old[key]
		if !ok {
			item = tableItem{key: key, attributes: make([]observe.Attributes, len(t.Series))}
			for j, series := range t.Series {
				kv := append([]attribute.KeyValue(nil), series.Attributes...)
				for _, k := range key {
					if k.Valid() {
						kv = append(kv, k)
					}
				}
				item.attributes[j] = observe.NewAttributes(kv...)
			}
		}
		items[i] = item
	}
	t.known.Store(&items)
	return items
}

// source is where the samples of a table come from.
type source[S any] struct {
	peek   func() *S                         // the current sample, nil where it has expired
	load   func(context.Context) (*S, error) // a fresh one
	failed func(error)
	budget *waitBudget
	last   *atomic.Pointer[S] // what was observed last
}

// cached is a source of the samples of a cache.
func cached[T, S any](c *snapshot.Cache[T], sample func(*T) *S, failed func(error), budget *waitBudget) source[S] {
	return source[S]{
		peek: func() *S {
			if s := c.Peek(); s != nil {
				return sample(s)
			}
			return nil
		},
		load: func(ctx context.Context) (*S, error) {
			s, err := c.Get(ctx)
			if err != nil {
				return nil, getterError("Collect", err)
			}
			return sample(s), nil
		},
		failed: failed, budget: budget, last: new(atomic.Pointer[S]),
	}
}

// read returns the newest sample, and whether it is fresh.
func (r *source[S]) read(ctx context.Context) (s *S, fresh bool) {
	if s = r.peek(); s == nil {
		wait, done := r.budget.begin(ctx, r)
		var err error
		s, err = r.load(wait)
		done()
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				r.failed(err)
			}
			return r.last.Load(), false
		}
	}
	r.last.Store(s)
	return s, true
}
