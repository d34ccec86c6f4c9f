package engine

import (
	"errors"
	"io/fs"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const (
	// namesAge is how long a renamed interface may go under its old name, and one
	// that gets a master may count beside it. factsAge is how long anything else
	// that is new of an interface stays unseen.
	namesAge, factsAge = 10 * time.Second, time.Minute
	// settling is when interfaces are looked at again after some came: who
	// makes a veth gives it a master a moment later.
	settling = 2 * time.Second
	// netlinkRest is how long /proc/net/dev is read after RTM_GETSTATS failed
	// or took as long as tooSlow: a dump waits for the lock that changes of the
	// network configuration hold, the file does not.
	netlinkRest, tooSlow = time.Minute, 50 * time.Millisecond
)

// networkCollector reads the interfaces of the process's network namespace.
type networkCollector struct {
	gate
	engine *linux
	opener kernfs.Opener
	links  links

	namespace    networkNamespace
	namespaceDue time.Time        // when it is looked at again
	own          sample.Opt[bool] // the namespace is not the machine's
	asked        bool             // own was looked for

	dial func() (counters, error) // nil: no netlink under a root of files
	conn counters                 // nil: not open
	rest time.Time                // until when it is not tried
	dev  [2]kernfs.File           // the first that is there

	namesDue, factsDue time.Time
}

// counters is a netlink.Conn.
type counters interface {
	Stats(dst []netlink.LinkStats, scratch *[]byte) ([]netlink.LinkStats, error)
	Name(index int) (string, error)
	Close()
}

// rawLink is one interface as its source has it: netlink knows the index, the file the name.
type rawLink struct {
	index  int
	name   string
	counts traffic
}

func (c *networkCollector) init(l *linux) {
	c.engine, c.opener = l, l.opener("network")
	c.links.filter, c.namespace = &l.cfg.Interfaces, newNetworkNamespace(&l.cfg)
	// /proc/net leads to the same place; a root of files may have only one of them.
	c.dev[0], c.dev[1] = c.opener.File("/proc/self/net/dev"), c.opener.File("/proc/net/dev")
	if l.cfg.Root.IsHost() {
		c.dial = c.namespace.dial
	}
	c.free = func() {
		c.disconnect()
		c.namespace.close()
	}
}

// disconnect gives back what stays in the namespace that it was opened in.
func (c *networkCollector) disconnect() {
	c.hangUp()
	for i := range c.dev {
		c.dev[i].Close()
	}
}

func (c *networkCollector) hangUp() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

func (c *networkCollector) read(p *round, w sample.Parts, s *sample.Network) error {
	if !p.Now().Before(c.namespaceDue) {
		c.namespaceDue = p.Now().Add(c.engine.cfg.Interval)
		if c.namespace.changed() {
			c.disconnect()
			c.links.leave()
			c.asked, c.rest = false, time.Time{}
		}
	}
	if err := c.readCounts(p); err != nil {
		return err
	}
	l := &c.links
	l.round++
	l.unknown = 0
	if changed := !c.recognize(p); changed || !p.Now().Before(c.namesDue) {
		c.look(p, changed)
	}
	for i, link := range l.present {
		l.count(link, &p.links[i].counts)
	}
	s.Reset(p.Now())
	s.Own = c.own
	l.fill(s, w.Have(sample.PartInterfaces))
	return nil
}

// readCounts fills raws, by RTM_GETSTATS or from /proc/net/dev.
func (c *networkCollector) readCounts(p *round) error {
	p.links = p.links[:0]
	if c.dial != nil && !p.Now().Before(c.rest) && c.readNetlink(p) {
		return nil
	}
	return c.readFile(p)
}

func (c *networkCollector) readNetlink(p *round) bool {
	if err := c.dump(p); err != nil {
		c.hangUp()
		if errors.Is(err, errOtherThread) {
			return false // the next reading may have a better thread
		}
		c.rest = p.Now().Add(netlinkRest)
		if !errors.Is(err, netlink.ErrUnsupported) && !errors.Is(err, netlink.ErrInterrupted) {
			c.engine.fault("network", err)
		}
		return false
	}
	if c.engine.cfg.Now().Sub(p.Now()) > tooSlow {
		c.rest = p.Now().Add(netlinkRest)
	}
	for i := range p.linkStats {
		s := &p.linkStats[i]
		p.links = append(p.links, rawLink{index: s.Index, counts: traffic{
			s.RxBytes, s.RxPackets, s.RxErrors, s.RxDrop(), s.TxBytes, s.TxPackets, s.TxErrors, s.TxDropped,
		}})
	}
	return true
}

func (c *networkCollector) dump(p *round) (err error) {
	if c.conn == nil {
		if c.conn, err = c.dial(); err != nil {
			return err
		}
	}
	p.linkStats, err = c.conn.Stats(p.linkStats[:0], p.Scratch())
	return err
}

func (c *networkCollector) readFile(p *round) (err error) {
	for i := range c.dev {
		f := &c.dev[i]
		var b []byte
		if b, err = f.ReadRecords(&p.Pass); err == nil {
			err = p.netDev.Parse(b)
		}
		if err == nil {
			break
		}
		err = f.ParseError(err)
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	if err != nil {
		c.engine.fault("network", err)
		return err
	}
	for i := range p.netDev.Interfaces {
		t := &p.netDev.Interfaces[i]
		p.links = append(p.links, rawLink{name: t.Name, counts: traffic{
			t.RxBytes, t.RxPackets, t.RxErrors, t.RxDropped, t.TxBytes, t.TxPackets, t.TxErrors, t.TxDropped,
		}})
	}
	return nil
}

// recognize reports whether p has the links of the last round, in their order:
// the kernel keeps it.
func (c *networkCollector) recognize(p *round) bool {
	last := c.links.present
	if len(p.links) != len(last) {
		return false
	}
	for i := range p.links {
		if r := &p.links[i]; !last[i].is(r.index, r.name) {
			return false
		}
	}
	return true
}

// look asks for names and, where interfaces came or went or it is time, for
// what sysfs says of them; then it decides what the total counts.
func (c *networkCollector) look(p *round, changed bool) {
	l, now := &c.links, p.Now()
	c.resolve(p)
	all := !now.Before(c.factsDue)
	sys := newTopologyReader(p.Context(), &c.opener, p.links)
	list := l.relist()
	for i := range p.links {
		r := &p.links[i]
		if r.index == 0 {
			r.index = sys.index(r.name)
		}
		link := list.add(r.index, r.name)
		if all || !link.facts.known || link.counted {
			// What was known stays where sysfs is of another moment.
			if f := sys.facts(r.name, r.index); f.known {
				link.facts = f
			}
		}
	}
	list.end(now)
	pair(l.present)
	if !c.asked {
		var err error
		containerized := c.engine.cfg.Containerized
		c.own, err = guarded(p.Context(), &c.opener, "/proc/sys/net", func(root hostfs.Root) (sample.Opt[bool], error) {
			return ownNamespace(root, containerized), nil
		})
		c.asked = err == nil
	}
	l.choose(c.own.Or(c.engine.cfg.Containerized))
	c.namesDue = now.Add(namesAge)
	switch {
	case changed && !all:
		c.namesDue, c.factsDue = now.Add(settling), now.Add(settling)
	case all:
		c.factsDue = now.Add(factsAge)
	}
}

// resolve gives every interface of netlink its present name. One that is gone meanwhile is left out.
func (c *networkCollector) resolve(p *round) {
	kept := p.links[:0]
	for _, r := range p.links {
		if r.index != 0 {
			var err error
			if r.name, err = c.conn.Name(r.index); err != nil {
				continue
			}
		}
		kept = append(kept, r)
	}
	p.links = kept
}
