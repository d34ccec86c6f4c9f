package cgroup

import (
	"errors"
	"io/fs"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Report is told of every file that could not be read, with an error that
// names it. One missing file takes no other down.
type Report func(err error)

// MemoryReader keeps the memory controller's files of the process's cgroup
// and of its visible ancestors.
type MemoryReader struct {
	Group
	opener   *kernfs.Opener
	files    []memoryFiles // by level
	charged  chargedFiles
	inherits bool          // v1: what memory.stat says of a limit includes that of ancestors
	path     kernfs.PathOf // of the limit that binds
}

type memoryFiles struct {
	usage    kernfs.File
	limit    kernfs.File
	high     kernfs.File // v2
	swap     kernfs.File // v2 memory.swap.max; v1 memory.memsw.limit_in_bytes, memory plus swap
	sumUsage kernfs.File // v1 memory.memsw.usage_in_bytes
	stat     kernfs.KeyFile
	events   kernfs.KeyFile // v2 memory.events, v1 memory.failcnt
}

// chargedFiles are read only of the cgroup that the process's memory is charged to.
type chargedFiles struct {
	level   int
	swap    kernfs.File // v2
	peak    kernfs.File
	oom     kernfs.KeyFile // v1 memory.oom_control
	local   kernfs.File    // v2 memory.events.local, since Linux 5.2
	swapOwn kernfs.File    // v2 memory.swap.events
}

// NewMemoryReader returns a reader over the levels of g, of which there must be at least one.
func NewMemoryReader(p *kernfs.Pass, o *kernfs.Opener, g Group, report Report) *MemoryReader {
	r := &MemoryReader{Group: g, opener: o}
	if g.Version == V1 {
		r.readHierarchy(p, o, report)
	}
	r.files = make([]memoryFiles, len(r.Levels))
	for i := range r.files {
		folder, f := o.In(g.Levels[i].Dir), &r.files[i]
		f.stat.File = folder.File("memory.stat")
		if g.Version == V1 {
			f.usage, f.limit = folder.File("memory.usage_in_bytes"), folder.File("memory.limit_in_bytes")
			f.sumUsage, f.swap = folder.File("memory.memsw.usage_in_bytes"), folder.File("memory.memsw.limit_in_bytes")
			f.events.File = folder.File("memory.failcnt")
		} else {
			f.usage, f.limit, f.high = folder.File("memory.current"), folder.File("memory.max"), folder.File("memory.high")
			f.swap, f.events.File = folder.File("memory.swap.max"), folder.File("memory.events")
		}
	}
	r.open(0)
	return r
}

// open changes the level that the process's memory is charged to.
func (r *MemoryReader) open(level int) {
	c := &r.charged
	c.close()
	*c = chargedFiles{level: level}
	folder := r.opener.In(r.Levels[level].Dir)
	if r.Version == V1 {
		c.peak, c.oom.File = folder.File("memory.max_usage_in_bytes"), folder.File("memory.oom_control")
		return
	}
	c.swap, c.peak = folder.File("memory.swap.current"), folder.File("memory.peak")
	c.local, c.swapOwn = folder.File("memory.events.local"), folder.File("memory.swap.events")
}

func (c *chargedFiles) close() { closeAll(&c.swap, &c.peak, &c.oom.File, &c.local, &c.swapOwn) }

// readHierarchy leaves out the ancestors that do not limit the own cgroup. One counts
// what is below it only with memory.use_hierarchy, which a cgroup made by hand on
// kernels before 5.11 has off, and which cannot be changed while there is something below.
func (r *MemoryReader) readHierarchy(p *kernfs.Pass, o *kernfs.Opener, report Report) {
	for i, level := range r.Levels {
		f := o.In(level.Dir).File("memory.use_hierarchy")
		use := number(p, &f, report)
		f.Close()
		if i == 0 {
			r.inherits = use.Or(0) == 1
		} else if n, ok := use.Get(); ok && n == 0 {
			r.Levels = r.Levels[:i]
			return
		}
	}
}

// Read fills m except for the events. It returns the error, if any, of the file that
// had the usage at the previous reading: the process may have left that cgroup.
func (r *MemoryReader) Read(p *kernfs.Pass, m *Memory, report Report) (gone error) {
	*m = Memory{Levels: m.Levels[:0]}
	for i := range r.files {
		m.Levels = append(m.Levels, r.readLevel(p, i, m, report))
	}
	if m.UsageLevel == len(r.files) { // no level has a memory controller
		m.UsageLevel = 0
	}
	gone = r.files[r.charged.level].usage.Err()
	if m.UsageLevel != r.charged.level {
		r.open(m.UsageLevel)
	}
	charged := &m.Levels[m.UsageLevel]
	m.Usage = charged.Usage
	r.readStat(p, m.UsageLevel, charged, &m.Stat, report)
	m.Peak = number(p, &r.charged.peak, report)
	if r.Version == V1 {
		m.SwapUsage = minus(charged.SumUsage, charged.Usage)
	} else {
		m.SwapUsage = number(p, &r.charged.swap, report)
	}
	for i := m.UsageLevel + 1; i < len(r.files); i++ {
		l := &m.Levels[i]
		switch {
		case !l.bounded():
		case l.Usage.Present():
			r.readStat(p, i, l, new(MemoryStat), report)
		default: // it counts at least what its descendant does
			l.Usage, l.SumUsage, l.WorkingSet, l.Reclaimable = charged.Usage, charged.SumUsage, charged.WorkingSet, charged.Reclaimable
		}
	}
	r.addHidden(m)
	m.limits()
	return gone
}

func (l *MemoryLevel) bounded() bool {
	return l.Limit.Present() || l.High.Present() || l.SumLimit.Present()
}

// readLevel reads the bounds of a level. Most ancestors have none, and no more of them is read.
func (r *MemoryReader) readLevel(p *kernfs.Pass, i int, m *Memory, report Report) (l MemoryLevel) {
	f := &r.files[i]
	var known, known2 bool
	l.Limit, known = limit(p, &f.limit, report)
	if r.Version == V1 {
		l.SumLimit, known2 = limit(p, &f.swap, report)
	} else {
		l.High, known2 = limit(p, &f.high, report)
		l.SwapLimit, _ = limit(p, &f.swap, report)
	}
	// An ancestor that cannot be read is left out, like one that is not visible.
	if i == m.UsageLevel {
		m.UnknownLimit, m.UnknownBound = !known, !known || !known2
	}
	if i == m.UsageLevel || l.bounded() {
		l.Usage = number(p, &f.usage, report)
	}
	if r.Version == V1 && (i == 0 || l.SumLimit.Present()) {
		l.SumUsage = number(p, &f.sumUsage, report)
	}
	// The kernel charges what it cannot charge here to the parent. A threaded
	// cgroup never has a memory controller.
	if i == m.UsageLevel && r.Version == V2 && errors.Is(f.usage.Err(), fs.ErrNotExist) && errors.Is(f.limit.Err(), fs.ErrNotExist) {
		m.UsageLevel++
	}
	return l
}

func (r *MemoryReader) readStat(p *kernfs.Pass, i int, l *MemoryLevel, s *MemoryStat, report Report) {
	parseKeys(p, &r.files[i].stat, s.ParseAs, report)
	l.WorkingSet, l.Reclaimable = s.WorkingSet(l.Usage), s.Reclaimable()
}

// addHidden adds what v1 says of ancestors that are not visible. What they use
// is not known: at least as much as the process's cgroup.
func (r *MemoryReader) addHidden(m *Memory) {
	if !r.inherits {
		return
	}
	hidden := m.Levels[0]
	hidden.Limit, hidden.SumLimit = m.Stat.HierarchicalLimit, m.Stat.HierarchicalSum
	for i := range m.Levels { // a visible level explains it
		l := &m.Levels[i]
		if l.Limit.Present() && l.Limit.Or(0) <= hidden.Limit.Or(0) {
			hidden.Limit = sample.OptUint{}
		}
		if l.SumLimit.Present() && l.SumLimit.Or(0) <= hidden.SumLimit.Or(0) {
			hidden.SumLimit = sample.OptUint{}
		}
	}
	if hidden.bounded() {
		m.Levels = append(m.Levels, hidden)
	}
}

// limits finds the smallest limits over the levels.
func (m *Memory) limits() {
	var limit, sum sample.OptUint
	for i := range m.Levels {
		l := &m.Levels[i]
		limit, sum = least(limit, l.Limit), least(sum, l.SumLimit)
		m.High, m.SwapLimit = least(m.High, l.High), least(m.SwapLimit, l.SwapLimit)
	}
	// v1 limits memory plus swap: with the memory full, the rest is for swap.
	m.SwapLimit = least(m.SwapLimit, minus(sum, limit))
}

// LimitPath returns where the limit of a level is from. Who asks for the same
// level as the time before causes no allocation.
func (r *MemoryReader) LimitPath(level int) string {
	if level >= len(r.files) { // an ancestor that is not visible
		return r.path.Get(&r.files[0].stat.File)
	}
	return r.path.Get(&r.files[level].limit)
}

// SwapPath returns the file with the limit of a level's swap; on v1 of memory plus swap.
func (r *MemoryReader) SwapPath(level int) string {
	if level >= len(r.files) {
		return r.files[0].stat.Path()
	}
	return r.files[level].swap.Path()
}

// ReadEvents fills the events: low, high, max and oom of a level (of the charged
// cgroup for a level out of range), the kills of the charged cgroup.
func (r *MemoryReader) ReadEvents(p *kernfs.Pass, level int, m *Memory, report Report) {
	if level < 0 || level >= len(r.files) {
		level = m.UsageLevel
	}
	m.Events = MemoryEvents{}
	if r.Version == V1 {
		parseKeys(p, &r.charged.oom, m.Events.ParseAs, report)
		m.Events = MemoryEvents{Max: number(p, &r.files[level].events.File, report), OOMKill: m.Events.OOMKill}
		return
	}
	parseKeys(p, &r.files[m.UsageLevel].events, m.Events.ParseAs, report)
	if level != m.UsageLevel {
		own := m.Events
		parseKeys(p, &r.files[level].events, m.Events.ParseAs, report)
		m.Events.OOMKill, m.Events.OOMGroupKill = own.OOMKill, own.OOMGroupKill
	}
}

// ReadOwnEvents fills what v2 says of the charged cgroup beside memory.events. v1
// counts no such thing: memory.memsw.failcnt is about memory plus swap.
func (r *MemoryReader) ReadOwnEvents(p *kernfs.Pass, m *Memory, report Report) {
	if r.Version == V1 {
		return
	}
	parse(p, &r.charged.local, m.Local.Parse, report)
	parse(p, &r.charged.swapOwn, m.Swap.Parse, report)
}

// UsageError returns why the usage could not be read the last time: that of the
// charged cgroup, or, if it is an ancestor, that of the process's own.
func (r *MemoryReader) UsageError() error {
	if err := r.files[r.charged.level].usage.Err(); err != nil {
		return err
	}
	return r.files[0].usage.Err()
}

// Close gives all descriptors back.
func (r *MemoryReader) Close() {
	for i := range r.files {
		f := &r.files[i]
		closeAll(&f.usage, &f.limit, &f.high, &f.swap, &f.sumUsage, &f.stat.File, &f.events.File)
	}
	r.charged.close()
}

func closeAll(files ...*kernfs.File) {
	for _, f := range files {
		f.Close()
	}
}

// parse reads f and hands its text to into.
func parse(p *kernfs.Pass, f *kernfs.File, into func([]byte) error, report Report) {
	b, err := f.Read(p)
	if err == nil {
		err = into(b)
	}
	if err != nil {
		report(f.ParseError(err))
	}
}

// parseKeys is parse for a file of keys.
func parseKeys(p *kernfs.Pass, f *kernfs.KeyFile, into func(*kernfs.Layout, []byte) error, report Report) {
	b, err := f.Read(p)
	if err == nil {
		err = into(&f.Layout, b)
	}
	if err != nil {
		report(f.ParseError(err))
	}
}

// number reads a file of one number.
func number(p *kernfs.Pass, f *kernfs.File, report Report) (n sample.OptUint) {
	b, err := f.Read(p)
	if err != nil {
		report(err)
		return n
	}
	v, ok := kernfs.Single(b)
	if !ok {
		report(f.ParseError(kernfs.ErrMalformed))
		return n
	}
	return sample.SomeUint(v)
}

// limit reads a file of one limit. It is not known if there is such a file and it
// cannot be read.
func limit(p *kernfs.Pass, f *kernfs.File, report Report) (n sample.OptUint, known bool) {
	b, err := f.Read(p)
	if err != nil {
		report(err)
		return n, IsAbsence(err)
	}
	if n, err = ParseLimit(b); err != nil {
		report(f.ParseError(kernfs.ErrMalformed))
	}
	return n, err == nil
}

// IsAbsence reports whether err only says that the kernel does not have the
// file: it is too old, the controller is not enabled here, the feature is off.
func IsAbsence(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || isOff(err)
}
