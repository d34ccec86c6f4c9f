package otelresource

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// table is rows of one collector that the user asked for, and where their samples come from.
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

// tablesOf divides the rows that sel lets through by what has to be read for
// them, so that a View that drops all of a part saves its reading. It reads
// once, for what is measured over a window that begins now; a failure shows
// when somebody collects.
func tablesOf[T, S any](ctx context.Context, c *snapshot.Cache[T], of func(*T) *S, rows []instruments.Row[S], sel selection, as collector) (tables []observe.Table) {
	var all sample.Parts
	var divided []sample.Parts
	for _, row := range rows {
		if slices.Contains(divided, row.Reads) {
			continue
		}
		divided = append(divided, row.Reads)
		t, parts := newTable(as, rows, row.Reads, sel)
		if len(t.metrics) == 0 {
			continue
		}
		fromCache(&t.source, c, parts, of)
		tables, all = append(tables, t), all|parts
	}
	if len(tables) > 0 {
		_, _ = c.Read(ctx, all)
	}
	return tables
}

// newTable returns the rows with these reads that sel lets through, and all that has to be read for them.
func newTable[S any](as collector, rows []instruments.Row[S], reads sample.Parts, sel selection) (t *table[S], parts sample.Parts) {
	t, parts = &table[S]{source: source[S]{collector: as}}, sample.PartSample
	for _, row := range rows {
		detailed := row.Items != nil && sel.details(row.Items.Detail)
		if row.Reads != reads || !sel.includes(&row.Metric) || len(row.Series) == 0 && !detailed {
			continue
		}
		parts |= row.Reads
		if row.OptIn == instruments.WithUtilization {
			parts |= sample.PartUtilization
		}
		bound := tableRow[S]{counter: row.Kind == instruments.Counter, float: row.Float}
		if detailed {
			bound.items = &tableItems[S]{Items: row.Items}
			if row.Items.Detail == instruments.PerCPU {
				parts |= sample.PartPerCPU
			}
		}
		for _, s := range row.Series {
			bound.series = append(bound.series, tableSeries[S]{s, observe.NewAttributes(s.Attributes...)})
		}
		t.metrics = append(t.metrics, row.Metric)
		t.rows = append(t.rows, bound)
	}
	return t, parts
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
				item.attributes[j] = observe.NewAttributes(slices.Concat(series.Attributes, t.Attributes(key))...)
			}
		}
		items[i] = item
	}
	t.known.Store(&items)
	return items
}

// collector is what the tables of one collector share.
type collector struct {
	failed func(error) // reports an error; the caller holds no lock
	budget *waitBudget
}

// source is where the samples of a table come from.
type source[S any] struct {
	collector
	// peek returns the current sample, nil where it has expired by now; load a fresh
	// one, and when it was there.
	peek func(now time.Duration) *S
	load func(ctx context.Context, now time.Duration) (s *S, done time.Duration, err error)
	last atomic.Pointer[S] // what was observed last
}

// fromCache makes r read these parts from a cache.
func fromCache[T, S any](r *source[S], c *snapshot.Cache[T], parts sample.Parts, of func(*T) *S) {
	r.peek = func(now time.Duration) *S {
		if s := c.Fresh(now, parts); s != nil {
			return of(s)
		}
		return nil
	}
	r.load = func(ctx context.Context, now time.Duration) (*S, time.Duration, error) {
		s, done, err := c.Refresh(ctx, now, parts)
		if err != nil {
			return nil, done, getterError("Collect", err)
		}
		return of(s), done, nil
	}
}

// read returns the newest sample, and whether it is fresh.
func (r *source[S]) read(ctx context.Context) (s *S, fresh bool) {
	now := r.budget.clock.Now()
	if s = r.peek(now); s == nil {
		wait := r.budget.begin(ctx, now, r)
		err := wait.spent()
		if err == nil {
			s, now, err = r.load(wait, now)
		}
		wait.done(now)
		if err != nil {
			r.failed(err)
			return r.last.Load(), false
		}
	}
	r.last.Store(s)
	return s, true
}
