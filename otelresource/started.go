package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

// started returns since when the counters of a scope count, the zero time
// where that is not known.
func (m *Monitor) started(s instruments.Scope) time.Time {
	if s != instruments.Process {
		return time.Time{}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p, err := m.process.Get(ctx)
	if err != nil {
		return time.Time{}
	}
	uptime, ok := p.Uptime.Get()
	if !ok {
		return time.Time{}
	}
	return p.Time.Add(-time.Duration(uptime * float64(time.Second)))
}
