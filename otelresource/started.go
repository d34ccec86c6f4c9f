package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// started returns since when the counters of a scope count, the zero time
// where that is not known: the boot, the start of the container's init, the
// start of the process. A cgroup without a PID namespace of its own does not
// say when it was made; its folder's times are those of the newest look at it.
func (m *Monitor) started(s instruments.Scope) time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var at time.Time
	var uptime sample.OptUint // nanoseconds
	switch s {
	case instruments.Process:
		if p, err := m.process.Read(ctx, sample.PartFiles); err == nil {
			at = p.Time
			if seconds, ok := p.Uptime.Get(); ok {
				uptime = sample.SomeUint(uint64(seconds * 1e9))
			}
		}
	case instruments.System, instruments.Container:
		if c, err := m.cpu.Read(ctx, sample.PartSystemInfo|sample.PartTasks|sample.PartSample); err == nil {
			at, uptime = c.sample.Time, c.sample.System.Uptime
			if s == instruments.Container {
				uptime = c.sample.Cgroup.Uptime
			}
		}
	}
	ns, ok := uptime.Get()
	if !ok {
		return time.Time{}
	}
	return at.Add(-time.Duration(ns))
}
