//go:build linux

package main

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// monitor is one whose snapshots stay, or are read anew by every call.
func monitor(cached bool) (*otelresource.Monitor, error) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.EnableCaching = time.Hour, cached
	return otelresource.NewResourceMonitorWithConfig(c)
}

func caches() group {
	g := group{
		title: "A read of the newest snapshot",
		note:  "The other cache holds the same struct behind a mutex, asks the clock for its age and returns a copy.",
	}
	for _, c := range snapshots() {
		g.comparisons = append(g.comparisons, comparison{what: c.what, ours: side{"ours", c.cached}, other: mutexCache()})
	}
	return g
}

// getter is one of a Monitor's.
type getter struct {
	what string
	read func(*otelresource.Monitor)
}

func snapshots() []getter {
	return []getter{
		{"GetMemoryStats", func(m *otelresource.Monitor) { _, _ = m.GetMemoryStats(background) }},
		{"GetCPUStats", func(m *otelresource.Monitor) { _, _ = m.GetCPUStats(background) }},
		{"GetNetworkStats", func(m *otelresource.Monitor) { _, _ = m.GetNetworkStats(background) }},
		{"GetIOStats", func(m *otelresource.Monitor) { _, _ = m.GetIOStats(background) }},
	}
}

// cached finds a snapshot that does not expire.
func (g *getter) cached() (func(), error) {
	m, err := monitor(true)
	if err != nil {
		return nil, err
	}
	f := func() { g.read(m) }
	f()
	return f, nil
}

// together is what each of two readers pays while both read.
func together() table {
	t := table{
		title: "Two readers of one snapshot at the same time",
		note:  "Each on a CPU of its own; nanoseconds of one call, median of the batches that overlapped.",
		head:  []string{"what", "one reader", "two readers"},
	}
	for _, c := range snapshots() {
		f, err := c.cached()
		if err == nil {
			var one, two float64
			if one, two, err = measure.Together(200, f); err == nil {
				t.row(c.what, nanoseconds(one), nanoseconds(two))
				continue
			}
		}
		t.row(c.what, "not here: "+err.Error(), "")
	}
	return t
}

var copied atomic.Pointer[otelresource.MemoryStats]

func mutexCache() side {
	return side{"mutex and copy", func() (func(), error) {
		m, err := monitor(true)
		if err != nil {
			return nil, err
		}
		s, err := m.GetMemoryStats(background)
		if err != nil {
			return nil, err
		}
		var mu sync.Mutex
		held, at := *s, time.Now()
		return func() {
			mu.Lock()
			if time.Since(at) < time.Hour {
				c := held
				copied.Store(&c)
			}
			mu.Unlock()
		}, nil
	}}
}
