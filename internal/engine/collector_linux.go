package engine

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// collector is what the collectors share: their gate, how they open and report,
// and the place of the process that their files belong to.
type collector struct {
	gate
	engine         *linux
	opener         kernfs.Opener
	report         cgroup.Report
	pressure       pressureReader
	cgroupFiles    interface{ Close() } // the reader of the own cgroup; nil: nothing shows it
	generation     int                  // of the place; 0: not known yet
	own            string               // the own cgroup
	levels         int                  // how many are read, the own one and its ancestors
	first          counter.Source       // of the own one; those of its ancestors follow
	present        bool                 // its usage was there
	missing        error                // why nothing shows the own cgroup
	silent         error                // what did not answer when it was looked for
	cause, wrapped error                // what why said last, and of what: a file that is absent is met on every reading
}

// share readies what the collector of a resource (memory, cpu) shares with the others.
func (c *collector) share(l *linux, resource string) {
	c.engine, c.opener, c.missing = l, l.opener(resource), ErrNoCgroup
	c.report = func(err error) { l.failed(resource, err) }
	c.pressure = newPressureReader(&c.opener, resource)
}

// closeFiles gives back what is open, and those files.
func (c *collector) closeFiles(files ...*kernfs.File) {
	for _, f := range files {
		f.Close()
	}
	c.pressure.close()
	if c.cgroupFiles != nil {
		c.cgroupFiles.Close()
	}
}

// moved returns the tree where the process is in another place than it was at
// the last reading: then the files of its cgroup are others, and those of the
// old one are closed.
func (c *collector) moved(p *round) (*cgroup.Tree, bool) {
	tree, generation := c.engine.place.current(&p.Pass)
	if generation == c.generation {
		return nil, false
	}
	if c.generation != 0 {
		c.silent = nil
	}
	c.generation, c.missing = generation, nil
	if c.cgroupFiles != nil {
		c.cgroupFiles.Close()
		c.cgroupFiles = nil
	}
	if err := c.pressure.follow(p, &c.opener, tree); err != nil {
		c.generation = 0 // it may answer at the next reading
	}
	return tree, true
}

// entered records the cgroup that is read from now on, "" for none, and its
// number of levels, and reports whether it changed. Returning to an earlier cgroup
// is a change: it kept counting. An unknown cgroup is no change: it may be the last one.
func (c *collector) entered(own string, levels int) (another bool) {
	if c.unanswered() || own == "" && c.missing != nil || own == c.own && levels == c.levels {
		return false
	}
	c.first += counter.Source(c.levels)
	c.own, c.levels = own, levels
	return true
}

// replaced reports whether the cgroup is another one of the same path, since the
// reading before. Its counters are those of another source.
func (c *collector) replaced(p *round) bool {
	if !p.Replaced() {
		return false
	}
	c.first += counter.Source(c.levels)
	c.pressure.group++
	return true
}

// group identifies a level of what was entered last, 0 the own cgroup.
func (c *collector) group(level int) counter.Source { return c.first + counter.Source(level) }

// resolve finds the levels of a controller and notes why it is not visible.
func (c *collector) resolve(p *round, t *cgroup.Tree, controller string) cgroup.Group {
	g, err := findGroup(p, &c.opener, t, controller)
	if err != nil {
		c.lost(err)
	}
	return g
}

// lost notes why the own cgroup is not visible. What did not answer in time may
// do so at the next reading.
func (c *collector) lost(err error) {
	if !errors.Is(err, cgroup.ErrUnresolved) {
		c.generation = 0
		if c.silent == nil || !errors.Is(err, kernfs.ErrRefused) {
			c.silent = err
		}
		err = c.silent // not the file that is refused because of it
	}
	c.missing = errors.Join(ErrNoCgroup, err)
}

// vanished reports whether the files of the own cgroup, of whose usage err tells, are gone since
// the last reading: then the process is elsewhere, which is looked up at once.
func (c *collector) vanished(err error) bool {
	was := c.present
	c.present = !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENODEV)
	if c.present || !was {
		return false
	}
	c.engine.place.expire()
	return true
}

// emptyErr returns why there is nothing in a sample: the end of the reader's context, else
// the error of the machine's file, but in a container that of its cgroup.
func (c *collector) emptyErr(p *round, machine, own error) error {
	if err := p.Context().Err(); err != nil {
		return err
	}
	if machine == nil || own != nil && c.engine.cfg.Containerized {
		return own
	}
	return machine
}

// unanswered reports that the own cgroup may be there, and limit the process
// to whatever it says, but did not answer.
func (c *collector) unanswered() bool { return c.missing != nil && c.generation == 0 }

// why says what stands in the way of the own cgroup's numbers: no reader, for
// which atRoot is the reason where none is noted, or what its files said.
func (c *collector) why(hasReader bool, fromFiles func() error, atRoot error) error {
	switch {
	case c.missing != nil:
		return c.missing
	case !hasReader:
		return atRoot
	}
	if cause := fromFiles(); c.wrapped == nil || cause != c.cause {
		c.cause, c.wrapped = cause, errors.Join(ErrNoCgroup, cause)
	}
	return c.wrapped
}
