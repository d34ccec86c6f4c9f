package engine

import (
	"maps"
	"math"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macNetwork reads the interfaces. macOS has no network namespaces: they are
// the machine's.
type macNetwork struct {
	gate
	engine *mac
	reader *darwin.NetworkReader
	raw    darwin.Network
	drops  map[*device]*wrapping
	links  links
}

func newMacNetwork(m *mac) *macNetwork {
	c := &macNetwork{
		engine: m, reader: darwin.NewNetworkReader(m.kernel),
		drops: map[*device]*wrapping{}, links: links{filter: &m.cfg.Interfaces},
	}
	c.free = nothing
	return c
}

func (c *macNetwork) read(now time.Time, w sample.Parts, s *sample.Network) error {
	if err := c.reader.Read(&c.raw); err != nil {
		c.engine.failed("network", err)
		return err
	}
	l := &c.links
	l.round++
	l.unknown = 0
	if !c.recognize() {
		list := l.relist()
		for i := range c.raw.Interfaces {
			list.add(interfaceOf(&c.raw.Interfaces[i]))
		}
		list.end(now)
	}
	for i, link := range l.present {
		c.count(link, &c.raw.Interfaces[i])
	}
	if len(c.drops) > 2*(len(l.present)+len(l.gone)) {
		// One that returns counts anew.
		maps.DeleteFunc(c.drops, func(d *device, _ *wrapping) bool { return d.round != l.round })
	}
	s.Reset(now)
	s.Own = sample.Some(false)
	l.fill(s, w.Have(sample.PartInterfaces))
	return nil
}

func interfaceOf(raw *darwin.Interface) (index int, name string) {
	return int(raw.Index.Or(0)), raw.Name
}

// recognize reports whether the interfaces are the links of the last round, in their order.
func (c *macNetwork) recognize() bool {
	last := c.links.present
	if len(c.raw.Interfaces) != len(last) {
		return false
	}
	for i := range c.raw.Interfaces {
		if !last[i].is(interfaceOf(&c.raw.Interfaces[i])) {
			return false
		}
	}
	return true
}

func (c *macNetwork) count(link *link, raw *darwin.Interface) {
	l := &c.links
	link.facts.speed = raw.Speed
	if !l.filter.Decides() {
		link.shown = darwin.DefaultInterface(raw.Name) && l.filter.Shows(raw.Name)
	}
	link.counted = link.shown && (l.filter.Decides() || !darwin.Repeats(raw.Name))
	l.count(link, &traffic{
		raw.RxBytes, raw.RxPackets, raw.RxErrors, raw.RxDrops,
		raw.TxBytes, raw.TxPackets, raw.TxErrors, c.widen(link, raw),
	})
}

// widen makes 64 bits of the drops of the send queue, of which the kernel has
// 32. The packets tell a wrap from an interface that was attached anew.
func (c *macNetwork) widen(link *link, raw *darwin.Interface) uint64 {
	w := c.drops[link.device]
	if w == nil {
		w = new(wrapping)
		c.drops[link.device] = w
	}
	anew := w.source != link.source || raw.TxPackets < w.packets
	w.source, w.packets = link.source, raw.TxPackets
	return w.add(raw.TxDrops, anew)
}

// wrapping widens a counter of 32 bits. To grow by half of that or more is a step back.
type wrapping struct {
	last    uint32
	total   uint64
	packets uint64 // sent; they do not wrap
	source  counter.Source
}

func (w *wrapping) add(n uint32, anew bool) uint64 {
	if anew || n-w.last > math.MaxInt32 {
		w.total = uint64(n)
	} else {
		w.total += uint64(n - w.last)
	}
	w.last = n
	return w.total
}
