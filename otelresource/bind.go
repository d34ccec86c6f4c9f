package otelresource

import (
	"context"
	"fmt"
	"sync"

	"go.opentelemetry.io/otel/metric"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
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

// bind creates the instruments of a table and registers their callback. It
// returns nil where the table has none.
func bind(c *creator, t observe.Table) (metric.Registration, error) {
	b := &binding{table: t}
	var observables []metric.Observable
	for _, m := range t.Metrics() {
		i, f, err := c.create(&m)
		if err != nil {
			return nil, err
		}
		if b.instruments = append(b.instruments, instrument{i, f}); i != nil {
			observables = append(observables, i)
		} else {
			observables = append(observables, f)
		}
	}
	if len(observables) == 0 {
		return nil, nil
	}
	return c.meter.RegisterCallback(b.callback, observables...)
}

// binding ties a table to instruments, in the same order.
type binding struct {
	table       observe.Table
	instruments []instrument
	buffers     sync.Pool // of *[]observe.Point: readers may collect at once
}

// instrument has one of the two.
type instrument struct {
	int   metric.Int64Observable
	float metric.Float64Observable
}

// callback never fails: see table.Append.
func (b *binding) callback(ctx context.Context, o metric.Observer) error {
	buf, _ := b.buffers.Get().(*[]observe.Point)
	if buf == nil {
		buf = new([]observe.Point)
	}
	*buf = b.table.Append(ctx, (*buf)[:0])
	for i := range *buf {
		p := &(*buf)[i]
		if to := &b.instruments[p.Metric]; to.int != nil {
			o.ObserveInt64(to.int, p.Int, p.Attributes.Options...)
		} else {
			o.ObserveFloat64(to.float, p.Float, p.Attributes.Options...)
		}
	}
	b.buffers.Put(buf)
	return nil
}
