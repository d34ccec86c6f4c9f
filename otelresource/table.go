package otelresource

import (
	"context"
	"fmt"
	"slices"
	"sync"
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

	mu     sync.Mutex // two readers may collect at once
	rows   []tableRow[S]
	began  time.Time     // when the first sample was read, from which counters count; zero: none was
	newest *S            // the sample that rows was last fed with; nil: none yet
	at     time.Duration // when it was read, from began

	collected bool // at some time
}

// countingTable is a table of any collector.
type countingTable interface {
	observe.Table
	totals(all carriedTotals) (collected bool)
}

// tablesOf divides the rows that sel lets through by what has to be read for
// them, so that a View that drops all of a part saves its reading. It reads
// once: counters and windows begin with that reading. A failure shows when
// somebody collects.
func tablesOf[T, S any](ctx context.Context, c *snapshot.Cache[T], of func(*T) *S, rows []instruments.Row[S], sel selection, as collector) []countingTable {
	var all sample.Parts
	var divided []sample.Parts
	var tables []*table[S]
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
		if v, err := c.Read(ctx, all); err == nil {
			for _, t := range tables {
				t.begin(of(v))
			}
		}
	}
	found := make([]countingTable, len(tables))
	for i, t := range tables {
		found[i] = t
	}
	return found
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
		bound := tableRow[S]{Row: row, totals: newItem(instruments.ItemKey{}, row.Series, nil)}
		if !detailed {
			bound.Items = nil
		} else if row.Items.Detail == instruments.PerCPU {
			parts |= sample.PartPerCPU
		}
		bound.resume(sel.carried)
		t.metrics = append(t.metrics, row.Metric)
		t.rows = append(t.rows, bound)
	}
	return t, parts
}

// Metrics implements observe.Table.
func (t *table[S]) Metrics() []instruments.Metric { return t.metrics }

// begin makes s the sample from which counters and windows start.
func (t *table[S]) begin(s *S) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last.Store(s)
	t.feed(s)
}

// Append implements observe.Table. It never fails: an error would cost the
// program its own metrics of that cycle.
func (t *table[S]) Append(ctx context.Context, dst []observe.Point) (points []observe.Point) {
	points = dst
	defer func() {
		if r := recover(); r != nil {
			t.failed(fmt.Errorf("panic in a metric callback: %v", r))
		}
	}()
	s, fresh := t.read(ctx) // s is nil if there was no sample yet
	t.mu.Lock()
	defer t.mu.Unlock()
	t.collected = true
	if fresh {
		t.feed(s)
	}
	for i := range t.rows {
		row := &t.rows[i]
		// Of an old reading the counters are still true, the rest is not. Without
		// a point, delta temporality would count everything again the next time.
		if fresh || row.Kind == instruments.Counter {
			points = row.append(i, points)
		}
	}
	return points
}

// feed takes a new sample. Another reader may have taken a newer one.
func (t *table[S]) feed(s *S) {
	at := any(s).(interface{ ReadAt() time.Time }).ReadAt()
	first := t.newest == nil
	switch {
	case first:
		t.began = at
	case s == t.newest, at.Sub(t.began) < t.at:
		return
	}
	t.newest, t.at = s, at.Sub(t.began)
	for i := range t.rows {
		t.rows[i].feed(s, reading{t.began, t.at})
	}
}

// totals adds what the counters of the table have counted to all, and reports
// whether a reader has collected them.
func (t *table[S]) totals(all carriedTotals) (collected bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.rows {
		t.rows[i].carry(all, t.at)
	}
	return t.collected
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
