package otelresource

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

// creator makes each instrument once, by its name: two tables may have the same one.
type creator struct {
	meter  metric.Meter
	ints   map[string]metric.Int64Observable
	floats map[string]metric.Float64Observable
}

func (c *creator) create(m *instruments.Metric) (i metric.Int64Observable, f metric.Float64Observable, err error) {
	if i, f = c.ints[m.Name], c.floats[m.Name]; i != nil || f != nil {
		return i, f, nil
	}
	unit, description := metric.WithUnit(m.Unit), metric.WithDescription(m.Description)
	switch {
	case m.Float && m.Kind == instruments.Counter:
		f, err = c.meter.Float64ObservableCounter(m.Name, unit, description)
	case m.Float && m.Kind == instruments.UpDownCounter:
		f, err = c.meter.Float64ObservableUpDownCounter(m.Name, unit, description)
	case m.Float:
		f, err = c.meter.Float64ObservableGauge(m.Name, unit, description)
	case m.Kind == instruments.Counter:
		i, err = c.meter.Int64ObservableCounter(m.Name, unit, description)
	case m.Kind == instruments.UpDownCounter:
		i, err = c.meter.Int64ObservableUpDownCounter(m.Name, unit, description)
	default:
		i, err = c.meter.Int64ObservableGauge(m.Name, unit, description)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("creating %s: %w", m.Name, err)
	}
	if m.Float {
		c.floats[m.Name] = f
	} else {
		c.ints[m.Name] = i
	}
	return i, f, nil
}

// binding ties the rows of one collector to instruments. Its callback reads
// one snapshot, observes it, and never fails: an error would cost
// the program its own metrics of that cycle.
type binding[S any] struct {
	rows   []boundRow[S]
	peek   func() *S                         // the current sample, nil where it has expired
	load   func(context.Context) (*S, error) // a fresh one
	failed func(error)
	budget *waitBudget
	last   atomic.Pointer[S] // what was observed last
}

type boundRow[S any] struct {
	counter bool
	int     metric.Int64Observable
	float   metric.Float64Observable
	series  []boundSeries[S]
	items   *boundItems[S]
}

type boundSeries[S any] struct {
	instruments.Series[S]
	options []metric.ObserveOption
}

// boundItems builds the attribute set of an item when it first appears.
type boundItems[S any] struct {
	*instruments.Items[S]
	mu      sync.Mutex
	options map[instruments.ItemKey][][]metric.ObserveOption // by item, then by series
}

// bind creates the instruments of the rows that sel lets through and
// registers their callback. It returns nil where there are none.
func bind[S any](c *creator, b *binding[S], rows []instruments.Row[S], sel selection) (metric.Registration, error) {
	var observables []metric.Observable
	for _, row := range rows {
		if !sel.includes(&row.Metric) {
			continue
		}
		i, f, err := c.create(&row.Metric)
		if err != nil {
			return nil, err
		}
		bound := boundRow[S]{counter: row.Kind == instruments.Counter, int: i, float: f}
		if i != nil {
			observables = append(observables, i)
		} else {
			observables = append(observables, f)
		}
		if row.Items != nil && sel.details(row.Items.Detail) {
			bound.items = &boundItems[S]{Items: row.Items, options: map[instruments.ItemKey][][]metric.ObserveOption{}}
		} else {
			for _, s := range row.Series {
				bound.series = append(bound.series, boundSeries[S]{s, options(s.Attributes...)})
			}
		}
		b.rows = append(b.rows, bound)
	}
	if len(observables) == 0 {
		return nil, nil
	}
	return c.meter.RegisterCallback(b.callback, observables...)
}

func options(attrs ...attribute.KeyValue) []metric.ObserveOption {
	if len(attrs) == 0 {
		return nil
	}
	return []metric.ObserveOption{metric.WithAttributeSet(attribute.NewSet(attrs...))}
}

func (b *binding[S]) callback(ctx context.Context, o metric.Observer) error {
	defer func() {
		if r := recover(); r != nil {
			b.failed(fmt.Errorf("panic in a metric callback: %v", r))
		}
	}()
	s, fresh := b.read(ctx)
	if s == nil {
		return nil
	}
	for i := range b.rows {
		row := &b.rows[i]
		// Of an old reading the counters are still true, the rest is not. Without
		// a point, delta temporality would count everything again the next time.
		if !fresh && !row.counter {
			continue
		}
		row.observe(s, o)
	}
	return nil
}

// read returns the newest sample, and whether it is fresh.
func (b *binding[S]) read(ctx context.Context) (s *S, fresh bool) {
	if s = b.peek(); s == nil {
		wait, done := b.budget.begin(ctx, b)
		var err error
		s, err = b.load(wait)
		done()
		if err != nil {
			if !errors.Is(err, ErrClosed) {
				b.failed(err)
			}
			return b.last.Load(), false
		}
	}
	b.last.Store(s)
	return s, true
}

func (r *boundRow[S]) observe(s *S, o metric.Observer) {
	for i := range r.series {
		p := &r.series[i]
		if r.int != nil {
			if v, ok := p.Int(s); ok {
				o.ObserveInt64(r.int, v, p.options...)
			}
		} else if v, ok := p.Float(s); ok {
			o.ObserveFloat64(r.float, v, p.options...)
		}
	}
	if r.items == nil {
		return
	}
	for n := range r.items.Len(s) {
		all := r.items.of(r.items.Key(s, n))
		for i := range r.items.Series {
			p := &r.items.Series[i]
			if r.int != nil {
				if v, ok := p.Int(s, n); ok {
					o.ObserveInt64(r.int, v, all[i]...)
				}
			} else if v, ok := p.Float(s, n); ok {
				o.ObserveFloat64(r.float, v, all[i]...)
			}
		}
	}
}

// of returns the attribute sets of an item. Two readers may collect at once.
func (b *boundItems[S]) of(key instruments.ItemKey) [][]metric.ObserveOption {
	b.mu.Lock()
	defer b.mu.Unlock()
	if all, ok := b.options[key]; ok {
		return all
	}
	all := make([][]metric.ObserveOption, len(b.Series))
	for i, s := range b.Series {
		attrs := append([]attribute.KeyValue(nil), s.Attributes...)
		for _, kv := range key {
			if kv.Valid() {
				attrs = append(attrs, kv)
			}
		}
		all[i] = options(attrs...)
	}
	b.options[key] = all
	return all
}
