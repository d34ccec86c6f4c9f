package engine

import (
	"path"
	"slices"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// InterfaceFilter chooses network interfaces by patterns of path.Match.
type InterfaceFilter struct {
	// Include, where it is not empty, takes the place of the choice that would
	// be made without it: what it matches is listed and counted in the total.
	Include []string
	// Exclude is neither listed nor counted.
	Exclude []string
}

// Shows reports whether an interface is listed and may be counted.
func (f *InterfaceFilter) Shows(name string) bool {
	return (len(f.Include) == 0 || matches(f.Include, name)) && !matches(f.Exclude, name)
}

// Decides reports whether the user named what the total counts.
func (f *InterfaceFilter) Decides() bool { return len(f.Include) > 0 }

func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// traffic are the counts of an interface: received, then sent.
type traffic [8]uint64

// columns is a set of indexes into traffic.
type columns uint8

const (
	bytesAt = iota
	packetsAt
	errorsAt
	droppedAt
	receiveAt  = 0
	transmitAt = 4
)

// device is an interface as the kernel knows it, under whatever name.
type device struct {
	index    int   // the kernel's; 0: not known
	holder   *link // whose name it has
	facts    linkFacts
	counters [8]counter.Counter
	source   counter.Source // changes if it may be another device
	round    uint64         // that counted it last
}

// link is the series of a name. It continues with whatever interface has the
// name, never goes back and never spikes.
type link struct {
	*device  // one that never counted if no interface has the name
	name     string
	shown    bool    // by the filter
	counted  bool    // in the total
	series   uint32  // as sample.Interface.Series
	begun    bool    // total has a value
	known    columns // of total: those that were read
	total    traffic // that was counted under the name
	replaced uint32  // how often another device took the name
	leftAt   time.Time
}

// links counts the interfaces of the process's network namespace.
type links struct {
	filter  *InterfaceFilter
	round   uint64  // of readings, from 1
	present []*link // in this round, as the kernel lists them
	gone    []*link // the names that no interface has now
	total   traffic
	unknown columns // of total: those that a counted interface does not have
	serial  uint32  // of the newest series
}

// seen reports whether d was there in the round before this one.
func (s *links) seen(d *device) bool { return d.round+1 >= s.round }

// is reports whether l may be the interface of an index and a name. What is not
// known of them is 0 or "".
func (l *link) is(index int, name string) bool {
	return (index == 0 || index == l.index) && (name == "" || name == l.name)
}

// relisting makes a new list of the interfaces that are present, as it is needed
// where some came, left or have another name.
type relisting struct {
	*links
	byName  map[string]*link
	byIndex map[int]*device
}

func (s *links) relist() relisting {
	r := relisting{s, map[string]*link{}, map[int]*device{}}
	for _, all := range [][]*link{s.present, s.gone} {
		for _, l := range all {
			r.byName[l.name] = l
			if l.index != 0 {
				r.byIndex[l.index] = l.device
			}
		}
	}
	s.present = s.present[:0]
	return r
}

// add appends the link of a name and gives it the interface that has the name
// now. An index of 0 is not known.
func (r *relisting) add(index int, name string) *link {
	l := r.byName[name]
	if l == nil {
		r.serial++
		l = &link{name: name, series: r.serial, shown: r.filter.Shows(name)}
		l.hold(new(device))
		r.byName[name] = l
	}
	if index != 0 && index != l.index {
		d := r.byIndex[index]
		switch {
		case d == nil && l.index == 0 && (l.round == 0 || r.seen(l.device)):
			d = l.device // only now its index is known
		case d == nil:
			d = new(device)
		}
		d.index, r.byIndex[index] = index, d
		l.hold(d)
	}
	if index == 0 && !r.seen(l.device) {
		l.source++ // it was away, and another one may have come under its name
		l.replaced++
	}
	r.present = append(r.present, l)
	return l
}

// end notes which names no interface has any more. A machine that starts and stops
// containers has ever new ones, so only maxDeparted are remembered.
func (r *relisting) end(now time.Time) {
	for _, l := range r.present {
		delete(r.byName, l.name)
		l.leftAt = time.Time{}
	}
	clear(r.present[len(r.present):cap(r.present)])
	gone := make([]*link, 0, len(r.byName))
	for _, l := range r.byName {
		if l.leftAt.IsZero() {
			l.leftAt = now
		}
		gone = append(gone, l)
	}
	if len(gone) > maxDeparted {
		slices.SortFunc(gone, func(a, b *link) int { return b.leftAt.Compare(a.leftAt) })
		gone = slices.Clone(gone[:maxDeparted])
	}
	r.gone = gone
}

// hold makes d the interface of l's name. What a renamed one counted before
// stays with the old name: a sum over the names counts it once.
func (l *link) hold(d *device) {
	if d == l.device {
		return
	}
	if l.device != nil {
		l.holder = nil
	}
	if was := d.holder; was != nil {
		was.device = &device{holder: was}
		was.replaced++
	}
	l.device, d.holder = d, l
	l.replaced++
}

// count takes a reading of the kernel's counters. In the total, an interface of
// the first round brings what it counted before, and one that appears later
// counts from its first reading.
func (s *links) count(l *link, raw *traffic) {
	renamed := !l.begun && l.round > 0 // what it counted is that of its old name
	for i, n := range raw {
		grown := l.counters[i].Grow(l.source, n)
		switch {
		case l.begun || renamed:
			l.total[i] = addCounts(l.total[i], grown)
		default:
			l.total[i] = l.counters[i].Total().Or(0)
		}
		if s.round <= 1 {
			grown = l.counters[i].Total().Or(0)
		}
		if l.counters[i].Total().Present() {
			l.known |= 1 << i
		}
		if l.counted {
			s.total[i] = addCounts(s.total[i], grown)
			s.unknown |= ^l.known & (1 << i)
		}
	}
	l.begun, l.round = true, s.round
}

func (l *link) sample() sample.Interface {
	i := l.total.sample(l.known)
	i.Name, i.Series, i.Speed, i.Breaks = l.name, l.series, l.facts.speed, l.replaced
	for n := range l.counters {
		i.Breaks += uint32(l.counters[n].Breaks())
	}
	return i
}

// sample returns the known columns of t.
func (t *traffic) sample(known columns) sample.Interface {
	return sample.Interface{Receive: t.direction(receiveAt, known), Transmit: t.direction(transmitAt, known)}
}

func (t *traffic) direction(at int, known columns) sample.Traffic {
	get := func(i int) (n sample.OptUint) {
		if known>>(at+i)&1 == 1 {
			n = sample.SomeUint(t[at+i])
		}
		return n
	}
	return sample.Traffic{Bytes: get(bytesAt), Packets: get(packetsAt), Errors: get(errorsAt), Dropped: get(droppedAt)}
}

// fill makes the reading: the total, and each interface on demand.
func (s *links) fill(to *sample.Network, each bool) {
	to.Total = s.total.sample(^s.unknown)
	if !each {
		to.Interfaces = nil
		return
	}
	to.Interfaces = room(to.Interfaces, len(s.present))
	for _, l := range s.present {
		if l.shown {
			to.Interfaces = append(to.Interfaces, l.sample())
		}
	}
}
