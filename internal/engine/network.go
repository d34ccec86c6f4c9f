package engine

import (
	"path"
	"slices"
	"time"

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

// traffic are the counters of an interface: received, then sent.
type traffic [8]uint64

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
	index  int   // the kernel's; 0: not known
	holder *link // whose name it has
	facts  linkFacts
	last   traffic // as the kernel counts
	known  bool    // last is of this very interface
	round  uint64  // that counted it last
}

// link is the series of a name: it goes on with whatever interface has the
// name, never goes back and never spikes.
type link struct {
	*device // one that never counted where no interface has the name
	series
	name    string
	shown   bool // by the filter
	counted bool // in the total
}

// series is what a link counts, or all of the total together.
type series struct {
	total traffic // as we count
	base  traffic // of the window
	based bool
	rates [2]linkRates // receive, transmit
}

// linkRates describe one direction over the newest window.
type linkRates struct{ utilization, errors sample.Opt[float64] }

// links counts the interfaces of the process's network namespace.
type links struct {
	filter   *InterfaceFilter
	round    uint64  // of readings, from 1
	present  []*link // in this round, as the kernel lists them
	gone     []*link // the names that no interface has now
	total    series
	windowAt time.Time
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
		l = &link{name: name, shown: r.filter.Shows(name)}
		l.hold(new(device))
		r.byName[name] = l
	}
	if index != 0 && index != l.index {
		d := r.byIndex[index]
		switch {
		case d == nil && l.index == 0:
			d = l.device // only now its number is known
		case d == nil:
			d = new(device)
		}
		d.index, r.byIndex[index] = index, d
		l.hold(d)
	}
	if !r.seen(l.device) {
		l.known = false // it was away: another one may have come under its name
	}
	r.present = append(r.present, l)
	return l
}

// departed is how many names are remembered that no interface has.
const departed = 64

// end notes which names are gone. When they have become many they are dropped: on a
// machine that starts and stops containers every one has a name of its own.
func (r *relisting) end() {
	for _, l := range r.present {
		delete(r.byName, l.name)
	}
	clear(r.present[len(r.present):cap(r.present)])
	r.gone = nil
	if len(r.byName) > departed {
		return
	}
	for _, l := range r.byName {
		l.unbase()
		r.gone = append(r.gone, l)
	}
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
		was.unbase()
	}
	l.device, d.holder = d, l
	l.unbase()
}

// count takes a reading of the kernel's counters. An interface of the first
// round brings what it counted before, one that appears later counts from now on.
func (s *links) count(l *link, raw traffic) {
	switch {
	case !l.known && s.round <= 1:
		l.total, l.based = raw, false
		if l.counted {
			s.total.add(&raw)
		}
	case !l.known:
		l.unbase()
	default:
		var delta traffic
		for i, n := range raw {
			if n < l.last[i] {
				// The driver was reset, or its counter has 32 bits and wrapped: the
				// others may have passed their old value, so none tells what happened.
				delta = traffic{}
				l.unbase()
				break
			}
			delta[i] = n - l.last[i]
		}
		l.add(&delta)
		if l.counted {
			s.total.add(&delta)
		}
	}
	l.last, l.known, l.round = raw, true, s.round
}

func (s *series) add(delta *traffic) {
	for i, n := range delta {
		s.total[i] += n
	}
}

// unbase says that the window before now tells nothing.
func (s *series) unbase() { s.based, s.rates = false, [2]linkRates{} }

// roll ends the window where it is full. There is one for all interfaces; one
// that arrived within it begins with the next.
func (s *links) roll(now time.Time, least time.Duration) {
	elapsed := now.Sub(s.windowAt)
	if !s.windowAt.IsZero() && (elapsed < least || elapsed <= 0) {
		return
	}
	for _, l := range s.present {
		l.series.roll(elapsed, l.facts.speed)
	}
	s.total.roll(elapsed, sample.OptUint{})
	s.windowAt = now
}

func (s *series) roll(elapsed time.Duration, speed sample.OptUint) {
	s.rates = [2]linkRates{}
	if s.based {
		for i, at := range [2]int{receiveAt, transmitAt} {
			s.rates[i] = s.rate(at, elapsed, speed)
		}
	}
	s.base, s.based = s.total, true
}

func (s *series) rate(at int, elapsed time.Duration, speed sample.OptUint) (r linkRates) {
	since := func(i int) float64 { return float64(s.total[at+i] - s.base[at+i]) }
	if all := since(packetsAt) + since(errorsAt); all > 0 {
		r.errors = sample.Some(since(errorsAt) / all)
	}
	if n, ok := speed.Get(); ok && n > 0 {
		r.utilization = sample.Some(8 * since(bytesAt) / elapsed.Seconds() / float64(n))
	}
	return r
}

func (l *link) sample() sample.Interface {
	i := l.series.sample()
	i.Name, i.Speed = l.name, l.facts.speed
	return i
}

func (s *series) sample() sample.Interface {
	return sample.Interface{Receive: s.direction(receiveAt, &s.rates[0]), Transmit: s.direction(transmitAt, &s.rates[1])}
}

func (s *series) direction(at int, r *linkRates) sample.Traffic {
	t := &s.total
	return sample.Traffic{
		Bytes: sample.SomeUint(t[at+bytesAt]), Packets: sample.SomeUint(t[at+packetsAt]),
		Errors: sample.SomeUint(t[at+errorsAt]), Dropped: sample.SomeUint(t[at+droppedAt]),
		Utilization: r.utilization, ErrorRate: r.errors,
	}
}

// fill makes the reading: the total, and each interface where it is wanted.
// The counts of those that left come last. A reader of deltas takes a series
// that it met again after a pause for a new one, and all of it for new.
func (s *links) fill(to *sample.Network, each bool) {
	to.Total = s.total.sample()
	if !each {
		to.Interfaces = nil
		return
	}
	to.Interfaces = room(to.Interfaces, len(s.present)+len(s.gone))
	for _, l := range s.present {
		if l.shown {
			to.Interfaces = append(to.Interfaces, l.sample())
		}
	}
	here := len(to.Interfaces)
	for _, l := range s.gone {
		if l.shown {
			to.Interfaces = append(to.Interfaces, l.sample())
		}
	}
	to.Gone = len(to.Interfaces) - here
}
