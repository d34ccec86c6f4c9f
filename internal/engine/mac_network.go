package engine

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macNetwork reads the interfaces of the machine: macOS has no network namespaces.
type macNetwork struct {
	gate
	engine *mac
	reader *darwin.NetworkReader
	raw    darwin.Network
	links  *links
}

func newMacNetwork(m *mac) *macNetwork {
	c := &macNetwork{engine: m, reader: darwin.NewNetworkReader(m.kernel), links: newLinks(m.cfg.Interfaces)}
	c.free = nothing
	return c
}

func (c *macNetwork) read(now time.Time, w Want, s *sample.Network) error {
	if err := c.reader.Read(&c.raw); err != nil {
		c.engine.failed("network", err)
		return err
	}
	l := c.links
	l.round++
	l.present = l.present[:0]
	for i := range c.raw.Interfaces {
		raw := &c.raw.Interfaces[i]
		link := l.find(0, raw.Name)
		link.facts.speed = raw.Speed
		link.counted = link.shown && (l.filter.Decides() || darwin.DefaultInterface(raw.Name) && !darwin.Repeats(raw.Name))
		l.count(link, traffic{
			raw.RxBytes, raw.RxPackets, raw.RxErrors, raw.RxDrops, raw.TxBytes, raw.TxPackets, raw.TxErrors, raw.TxDrops,
		})
		l.present = append(l.present, link)
	}
	l.roll(now, max(c.engine.cfg.Interval, MinWindow))
	l.forget()
	*s = sample.Network{Time: now, Own: sample.Some(false)}
	l.fill(s, w.Interfaces)
	return nil
}

func (m *mac) ReadNetwork(ctx context.Context, w Want, s *sample.Network) error {
	return m.pass(ctx, &m.network.gate, func(now time.Time) error { return m.network.read(now, w, s) })
}
