package otelresource

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// tableRow is a row and what its series have counted.
type tableRow[S any] struct {
	instruments.Row[S]
	totals *item   // of Series
	items  []*item // of the newest sample, in its order
	gone   []*item // those of earlier samples
	listed bool    // there was an item at some time
	ratios []counter.Ratio
}

// item is the series of one item of a row, or those of a row without items.
type item struct {
	key    instruments.ItemKey
	gone   time.Duration // since when samples do not list it
	series []series
}

// series is the state of one series. What it exports is what happened since
// the Instrumentation was started.
type series struct {
	attributes observe.Attributes
	value      float64
	whole      int64 // of a metric that has integers
	ok         bool  // there is a value

	total   counter.Counter // of a counter
	seen    bool            // there was a value at some time
	carried bool            // total is that of an earlier Instrumentation
	absent  bool            // the newest sample does not have it
	since   time.Duration   // when it became absent
	windows []counter.Window
}

// A series whose source is gone keeps its last total for an hour: without a
// point, delta temporality would count everything again if it returned. A row
// remembers at most 256 such items.
const (
	keepTotals = time.Hour
	keepItems  = 256
)

// reading is the time of a sample: when its table began, and the time since then.
type reading struct {
	began time.Time
	at    time.Duration
}

func newItem[S any](key instruments.ItemKey, list []instruments.Series[S], of *instruments.Items[S]) *item {
	i := &item{key: key, series: make([]series, len(list))}
	for n := range list {
		kv := list[n].Attributes
		if of != nil {
			kv = slices.Concat(kv, of.Attributes(key))
		}
		i.series[n].attributes = observe.NewAttributes(kv...)
	}
	return i
}

// feed takes a sample.
func (r *tableRow[S]) feed(s *S, from reading) {
	for n := range r.totals.series {
		r.take(s, -1, &r.Series[n], &r.totals.series[n], from)
	}
	if r.Items == nil {
		return
	}
	if !r.listsSame(s) {
		r.relist(s, from.at)
	}
	for n, i := range r.items {
		for m := range i.series {
			r.take(s, n, &r.Items.Series[m], &i.series[m], from)
		}
	}
	if len(r.gone) > 0 {
		r.gone = slices.DeleteFunc(r.gone, func(i *item) bool { return from.at-i.gone >= keepTotals })
	}
}

// listsSame reports whether s lists the items of the sample before, in their order.
func (r *tableRow[S]) listsSame(s *S) bool {
	if len(r.items) != r.Items.Len(s) {
		return false
	}
	for n, i := range r.items {
		if i.key != r.Items.Key(s, n) {
			return false
		}
	}
	return true
}

// relist makes the list of the items of s. Those that s does not have are gone.
func (r *tableRow[S]) relist(s *S, now time.Duration) {
	count := r.Items.Len(s)
	r.listed = r.listed || count > 0
	known := make(map[instruments.ItemKey]*item, len(r.items)+len(r.gone))
	for _, i := range r.gone {
		known[i.key] = i
	}
	for _, i := range r.items {
		i.gone = now
		known[i.key] = i
	}
	r.items = make([]*item, count)
	for n := range r.items {
		key := r.Items.Key(s, n)
		i := known[key]
		if i == nil {
			i = newItem(key, r.Items.Series, r.Items)
		}
		delete(known, key)
		r.items[n] = i
	}
	r.gone = nil
	if r.Kind != instruments.Counter {
		return // a gauge has nothing to remember
	}
	for _, i := range known {
		r.gone = append(r.gone, i)
	}
	slices.SortFunc(r.gone, func(a, b *item) int {
		return cmp.Or(cmp.Compare(b.gone, a.gone), cmp.Compare(a.key.Name, b.key.Name), cmp.Compare(a.key.Number, b.key.Number))
	})
	r.gone = r.gone[:min(len(r.gone), keepItems)]
}

// take sets the value of a series from the item of s at an index, -1 for a row's own series.
func (r *tableRow[S]) take(s *S, index int, read *instruments.Series[S], to *series, from reading) {
	at := max(index, 0)
	switch {
	case read.Ratios != nil:
		r.ratios = read.Ratios(r.ratios[:0], s, at)
		to.observe(r.ratios, from.at)
	case read.Float != nil:
		to.value, to.ok = read.Float(s, at)
	case r.Kind == instruments.Counter:
		raw := read.Uint(s, at)
		fromZero := r.Since != nil && raw.Present() && r.Since(s, index).After(from.began)
		source := counter.Source(0)
		if index >= 0 && r.Items.Source != nil {
			source = r.Items.Source(s, index)
		}
		to.count(source, raw, fromZero, from.at)
		to.set(to.total.Total(), read.Per, r.Float)
	default:
		to.set(read.Uint(s, at), read.Per, r.Float)
	}
}

// set converts a number, counted in 1/per of the metric's unit, to the value.
func (s *series) set(from sample.OptUint, per float64, float bool) {
	n, ok := from.Get()
	s.ok = ok && (float || n <= math.MaxInt64)
	if float {
		s.value = float64(n) / per
	} else {
		s.whole = int64(n)
	}
}

// count adds to the total what was counted since the sample before. A source
// that appears starts at 0; fromZero says that it has counted nothing before.
func (s *series) count(source counter.Source, raw sample.OptUint, fromZero bool, now time.Duration) {
	n, ok := raw.Get()
	switch total, known := s.total.Total().Get(); {
	case !ok && !s.absent:
		s.absent, s.since = true, now
		return
	case !ok:
		if now-s.since >= keepTotals {
			s.total = counter.Counter{}
		}
		return
	case !known && fromZero && !s.seen:
		s.total.Begin(source, 0, 0)
	case !known, s.carried:
		s.total.Begin(source, total, n)
	}
	s.absent, s.carried, s.seen = false, false, true
	s.total.Grow(source, n)
}

// observe sets the value to the largest ratio over the newest window. A ratio
// that could not be read leaves its window open.
func (s *series) observe(ratios []counter.Ratio, at time.Duration) {
	s.ok = false
	for _, r := range ratios {
		for r.Which >= len(s.windows) {
			s.windows = append(s.windows, counter.Window{})
		}
		if v, ok := s.windows[r.Which].Observe(at, r, 0); ok && (!s.ok || v > s.value) {
			s.value, s.ok = v, true
		}
	}
}

// append adds the points of the row, which is the metric-th of its table.
func (r *tableRow[S]) append(metric int, points []observe.Point) []observe.Point {
	if r.exportsTotals() {
		points = r.totals.append(metric, points)
	}
	for _, i := range r.items {
		points = i.append(metric, points)
	}
	for _, i := range r.gone {
		points = i.append(metric, points)
	}
	return points
}

// exportsTotals reports whether the row's own series are exported. Beside its items
// they would count everything twice. They stay if there never was an item: gVisor
// measures no single CPU. An item that left for a moment does not turn into a total.
func (r *tableRow[S]) exportsTotals() bool { return r.Items == nil || !r.listed }

func (i *item) append(metric int, points []observe.Point) []observe.Point {
	for n := range i.series {
		if s := &i.series[n]; s.ok {
			points = append(points, observe.Point{Metric: metric, Attributes: &s.attributes, Int: s.whole, Float: s.value})
		}
	}
	return points
}

// carriedTotals are the totals of an Instrumentation that was shut down. One
// that is started on the same provider continues from them, because the SDK
// gives the counters of a provider one start time.
type carriedTotals map[carriedKey][]carriedTotal

// carriedKey names an item of a metric.
type carriedKey struct {
	metric string
	item   bool
	key    instruments.ItemKey
}

// carriedTotal is what one series exported last.
type carriedTotal struct {
	total     sample.OptUint // absent: nothing
	absentFor time.Duration  // how long its source had been gone
}

// carry adds the totals that the row exports to all.
func (r *tableRow[S]) carry(all carriedTotals, now time.Duration) {
	if r.Kind != instruments.Counter {
		return
	}
	if r.exportsTotals() {
		all[carriedKey{r.Name, false, r.totals.key}] = r.totals.carry(now, now)
	}
	for _, i := range r.items {
		all[carriedKey{r.Name, true, i.key}] = i.carry(now, now)
	}
	for _, i := range r.gone {
		all[carriedKey{r.Name, true, i.key}] = i.carry(now, i.gone)
	}
}

func (i *item) carry(now, gone time.Duration) []carriedTotal {
	totals := make([]carriedTotal, len(i.series))
	for n := range i.series {
		s := &i.series[n]
		since := gone
		if s.absent {
			since = min(since, s.since)
		}
		totals[n] = carriedTotal{s.total.Total(), now - since}
	}
	return totals
}

// resume continues from the totals of an earlier Instrumentation. They are
// exported as those of sources that are gone, until a sample has them.
func (r *tableRow[S]) resume(from carriedTotals) {
	if r.Kind != instruments.Counter || len(from) == 0 {
		return
	}
	r.resumeItem(r.totals, r.Series, from[carriedKey{r.Name, false, r.totals.key}])
	if r.Items == nil {
		return
	}
	for k, totals := range from {
		if k.metric == r.Name && k.item {
			i := newItem(k.key, r.Items.Series, r.Items)
			r.resumeItem(i, r.Items.Series, totals)
			r.gone, r.listed = append(r.gone, i), true
		}
	}
}

func (r *tableRow[S]) resumeItem(i *item, list []instruments.Series[S], totals []carriedTotal) {
	for n, was := range totals {
		total, ok := was.total.Get()
		if !ok || n >= len(i.series) {
			continue
		}
		s := &i.series[n]
		s.total.Begin(0, total, 0)
		s.carried, s.absent, s.since, s.seen = true, true, -was.absentFor, true
		i.gone = s.since
		s.set(s.total.Total(), list[n].Per, r.Float)
	}
}
