package cgroup

import (
	"errors"
	"io/fs"
	"math"

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
	files    []memoryFiles // by level
	swap     kernfs.File
	high     kernfs.File // v2
	peak     kernfs.File
	inherits bool           // v1: what memory.stat says of a limit includes that of ancestors
	oom      kernfs.KeyFile // v1 memory.oom_control
	local    kernfs.File    // v2 memory.events.local, since Linux 5.2
	swapOwn  kernfs.File    // v2 memory.swap.events
	path     kernfs.PathOf  // of the limit that binds
}

type memoryFiles struct {
	usage     kernfs.File
	limit     kernfs.File
	swapLimit kernfs.File // v1: memory plus swap
	stat      kernfs.KeyFile
	events    kernfs.KeyFile // v2 memory.events, v1 memory.failcnt
}

// NewMemoryReader returns a reader over the levels of g, of which there must be at least one.
func NewMemoryReader(p *kernfs.Pass, o *kernfs.Opener, g Group, report Report) *MemoryReader {
	r, names := &MemoryReader{Group: g}, memoryNamesV2
	if g.Version == V1 {
		names = memoryNamesV1
		r.readHierarchy(p, o, report)
	}
	r.files = make([]memoryFiles, len(r.Levels))
	for i := range r.files {
		folder, f := o.In(g.Levels[i].Dir), &r.files[i]
		f.usage, f.limit, f.swapLimit = folder.File(names.usage), folder.File(names.limit), folder.File(names.swapLimit)
		f.stat.File, f.events.File = folder.File("memory.stat"), folder.File(names.events)
		if i > 0 {
			continue
		}
		r.swap, r.peak = folder.File(names.swap), folder.File(names.peak)
		if g.Version == V1 {
			r.oom.File = folder.File("memory.oom_control")
		} else {
			r.high = folder.File("memory.high")
			r.local, r.swapOwn = folder.File("memory.events.local"), folder.File("memory.swap.events")
		}
	}
	return r
}

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

type memoryNames struct{ usage, limit, swap, swapLimit, peak, events string }

var (
	memoryNamesV1 = memoryNames{
		"memory.usage_in_bytes", "memory.limit_in_bytes",
		"memory.memsw.usage_in_bytes", "memory.memsw.limit_in_bytes", "memory.max_usage_in_bytes", "memory.failcnt",
	}
	memoryNamesV2 = memoryNames{
		"memory.current", "memory.max",
		"memory.swap.current", "memory.swap.max", "memory.peak", "memory.events",
	}
)

// Read fills m but for the events. With workingSets the working set of every
// limited level is read too.
func (r *MemoryReader) Read(p *kernfs.Pass, m *Memory, workingSets bool, report Report) {
	*m = Memory{Levels: m.Levels[:0]}
	for i := range r.files {
		m.Levels = append(m.Levels, r.readLevel(p, i, m, report))
	}
	own := &m.Levels[0]
	m.Usage = own.Usage
	parseKeys(p, &r.files[0].stat, m.Stat.ParseAs, report)
	own.WorkingSet = m.Stat.WorkingSet(own.Usage)
	r.hierarchicalLimit(m)
	m.Peak = number(p, &r.peak, report)
	m.SwapUsage = number(p, &r.swap, report)
	if r.Version == V1 {
		// memsw counts memory plus swap.
		m.SwapUsage = minus(m.SwapUsage, m.Usage)
	} else {
		m.High = limit(p, &r.high, report)
	}
	if !workingSets {
		return
	}
	// Only levels that have files: m may end with an ancestor that is not visible.
	for i := 1; i < len(r.files); i++ {
		if l := &m.Levels[i]; l.Limit.Present() {
			var stat MemoryStat
			parseKeys(p, &r.files[i].stat, stat.ParseAs, report)
			l.WorkingSet = stat.WorkingSet(l.Usage)
		}
	}
}

func (r *MemoryReader) readLevel(p *kernfs.Pass, i int, m *Memory, report Report) MemoryLevel {
	f := &r.files[i]
	l := MemoryLevel{Limit: limit(p, &f.limit, report)}
	// What is left is asked only under a limit: most ancestors have none.
	if i == 0 || l.Limit.Present() {
		l.Usage = number(p, &f.usage, report)
	}
	l.SwapLimit = limit(p, &f.swapLimit, report)
	if r.Version == V1 {
		// memsw limits memory plus swap: swap alone is limited only where both are.
		l.SwapLimit = minus(l.SwapLimit, l.Limit)
	}
	if n, ok := l.SwapLimit.Get(); ok && n < m.SwapLimit.Or(math.MaxUint64) {
		m.SwapLimit = l.SwapLimit
	}
	return l
}

// hierarchicalLimit adds what v1 says of ancestors that are not visible.
func (r *MemoryReader) hierarchicalLimit(m *Memory) {
	hidden, ok := m.Stat.HierarchicalLimit.Get()
	if !ok || !r.inherits {
		return
	}
	for _, l := range m.Levels {
		if n, ok := l.Limit.Get(); ok && n <= hidden {
			return // a visible level explains it
		}
	}
	// What others use below it is not known: no less than the own usage.
	m.Levels = append(m.Levels, MemoryLevel{Limit: m.Stat.HierarchicalLimit, Usage: m.Usage})
}

// LimitPath returns where the limit of a level is from. Who asks for the same
// level as the time before causes no allocation.
func (r *MemoryReader) LimitPath(level int) string {
	if level >= len(r.files) { // an ancestor that is not visible
		return r.path.Get(&r.files[0].stat.File)
	}
	return r.path.Get(&r.files[level].limit)
}

// SwapPath returns where the limit of a level's swap is from.
func (r *MemoryReader) SwapPath(level int) string { return r.files[level].swapLimit.Path() }

// ReadEvents fills the events: low, high, max and oom of the level whose limit
// binds (of the own cgroup for a level out of range), the kills of the own cgroup.
func (r *MemoryReader) ReadEvents(p *kernfs.Pass, level int, m *Memory, report Report) {
	if level < 0 || level >= len(r.files) {
		level = 0
	}
	m.Events = MemoryEvents{}
	if r.Version == V1 {
		parseKeys(p, &r.oom, m.Events.ParseAs, report)
		m.Events = MemoryEvents{Max: number(p, &r.files[level].events.File, report), OOMKill: m.Events.OOMKill}
		return
	}
	parseKeys(p, &r.files[0].events, m.Events.ParseAs, report)
	if level > 0 {
		own := m.Events
		parseKeys(p, &r.files[level].events, m.Events.ParseAs, report)
		m.Events.OOMKill, m.Events.OOMGroupKill = own.OOMKill, own.OOMGroupKill
	}
}

// ReadOwnEvents fills what v2 says of the own cgroup beside memory.events. v1
// counts no such thing: memory.memsw.failcnt is about memory plus swap.
func (r *MemoryReader) ReadOwnEvents(p *kernfs.Pass, m *Memory, report Report) {
	if r.Version == V1 {
		return
	}
	parse(p, &r.local, m.Local.Parse, report)
	parse(p, &r.swapOwn, m.Swap.Parse, report)
}

// UsageError returns why the own cgroup's usage could not be read the last time; nil: it was.
func (r *MemoryReader) UsageError() error { return r.files[0].usage.Err() }

// Close gives all descriptors back.
func (r *MemoryReader) Close() {
	for i := range r.files {
		f := &r.files[i]
		closeAll(&f.usage, &f.limit, &f.swapLimit, &f.stat.File, &f.events.File)
	}
	closeAll(&r.swap, &r.high, &r.peak, &r.oom.File, &r.local, &r.swapOwn)
}

func closeAll(files ...*kernfs.File) {
	for _, f := range files {
		f.Close()
	}
}

// minus subtracts two readings of different files; where one is absent, so is the result.
func minus(a, b sample.OptUint) sample.OptUint {
	x, ok := a.Get()
	y, ok2 := b.Get()
	if !ok || !ok2 {
		return sample.OptUint{}
	}
	return sample.SomeUint(saturatingSub(x, y))
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

// limit reads a file of one limit.
func limit(p *kernfs.Pass, f *kernfs.File, report Report) (n sample.OptUint) {
	b, err := f.Read(p)
	if err != nil {
		report(err)
		return n
	}
	if n, err = ParseLimit(b); err != nil {
		report(f.ParseError(kernfs.ErrMalformed))
	}
	return n
}

// IsAbsence reports whether err only says that the kernel does not have the
// file: it is too old, the controller is not enabled here, the feature is off.
func IsAbsence(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || isOff(err)
}
