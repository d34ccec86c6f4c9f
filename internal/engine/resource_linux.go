package engine

import (
	"context"
	"os"
	"slices"
	"sync/atomic"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func init() { newSource = newLinux }

// linux reads a Linux machine, or a fake root of one.
type linux struct {
	cfg     Config
	mayHang func(name string) bool // of the place
	place   place
	memory  memoryCollector
	paging  pagingCollector
	cpu     cpuCollector
	process processCollector
	io      ioCollector
	network networkCollector
	limits  limitsCollector

	// bound says for each collector whether a cgroup sets its effective limit: then the
	// own cgroup describes the process, in a container or not.
	memoryBound, cpuBound atomic.Bool
	pid                   int
}

func newLinux(c Config) (Source, error) {
	l := &linux{cfg: c, pid: os.Getpid()}
	l.place.init(&l.cfg)
	l.mayHang = l.place.mayHang
	l.memory.init(l)
	l.paging.init(l)
	l.cpu.init(l)
	l.process.init(l)
	l.io.init(l)
	l.network.init(l)
	l.limits.init(l)
	return l, nil
}

func (l *linux) Close() {
	l.memory.close()
	l.paging.close()
	l.cpu.close()
	l.process.close()
	l.io.close()
	l.network.close()
	l.limits.close()
	l.place.close()
}

// opener returns an Opener whose Guard reports the files that hang under collector.
func (l *linux) opener(collector string) kernfs.Opener {
	return kernfs.Opener{Root: l.cfg.Root, MayHang: l.mayHang, Guard: kernfs.Guard{Report: l.cfg.Diagnostics.hangOf(collector)}}
}

// hangOf returns the Report of a Guard, which counts a file that hangs under collector.
func (d *Diagnostics) hangOf(collector string) func(error) {
	return func(err error) { d.Report(collector, err) }
}

// own reports whether the process's cgroup describes it: in a container, read
// or not; outside, where a cgroup limits it and this controller has numbers of it.
func (l *linux) own(usage sample.OptUint) bool {
	return l.describes(usage.Present())
}

// describes is own for a controller that may have numbers without any usage.
func (l *linux) describes(readable bool) bool {
	return l.cfg.Containerized || readable && (l.memoryBound.Load() || l.cpuBound.Load())
}

// sizeSource names the machine's size, as f shows it, as a limit. What a user-space
// file system shows instead (LXCFS) is the size that the platform wants seen.
func (l *linux) sizeSource(f *kernfs.File) sample.Source {
	if l.place.mayHang(f.Name()) {
		return sample.SourcePlatform
	}
	return l.cfg.hostSource()
}

// dropSize drops the machine's size as the limit of a container whose cgroup
// cannot be read: what limits it is not known.
func dropSize[T uint64 | float64](c *Config, l *sample.Limit[T]) {
	if c.Containerized && l.Source == c.hostSource() {
		*l = sample.Limit[T]{}
	}
}

// lowerSize takes other where it is smaller. Against a size that a platform made
// up, such as LXCFS does from the cgroup's limit, it is also the better explanation.
func lowerSize[T uint64 | float64](l *sample.Limit[T], other sample.Limit[T]) {
	if l.Source == sample.SourcePlatform {
		l.LowerOrEqual(other)
		return
	}
	l.Lower(other)
}

// pass runs read within one round and the collector's gate.
func (l *linux) pass(ctx context.Context, g *gate, read func(*round) error) error {
	if err := g.enter(); err != nil {
		return err
	}
	defer g.leave()
	p := rounds.Get().(*round)
	p.Begin(ctx, l.cfg.Now())
	err := read(p)
	p.End()
	rounds.Put(p)
	return err
}

// failed counts an error of a file, unless it only says that this kernel does
// not have it.
func (l *linux) failed(collector string, err error) {
	if !cgroup.IsAbsence(err) {
		l.fault(collector, err)
	}
}

// fault is failed for a file that every kernel has.
func (l *linux) fault(collector string, err error) {
	l.cfg.Diagnostics.Failed(collector, err)
}

func (l *linux) ReadMemory(ctx context.Context, w sample.Parts, s *sample.Memory) error {
	return l.pass(ctx, &l.memory.gate, func(p *round) error { return l.memory.read(p, w, s) })
}

func (l *linux) ReadPaging(ctx context.Context, s *sample.Paging) error {
	return l.pass(ctx, &l.paging.gate, func(p *round) error { return l.paging.read(&p.Pass, s) })
}

func (l *linux) ReadCPU(ctx context.Context, w sample.Parts, s *sample.CPU) error {
	return l.pass(ctx, &l.cpu.gate, func(p *round) error { return l.cpu.read(p, w, s) })
}

func (l *linux) ReadProcess(ctx context.Context, w sample.Parts, s *sample.Process) error {
	return l.pass(ctx, &l.process.gate, func(p *round) error { return l.process.read(&p.Pass, w, s) })
}

func (l *linux) ReadIO(ctx context.Context, w sample.Parts, s *sample.IO) error {
	return l.pass(ctx, &l.io.gate, func(p *round) error { return l.io.read(p, w, s) })
}

func (l *linux) ReadNetwork(ctx context.Context, w sample.Parts, s *sample.Network) error {
	return l.pass(ctx, &l.network.gate, func(p *round) error { return l.network.read(p, w, s) })
}

func (l *linux) ReadLimits(ctx context.Context, s *sample.Limits) error {
	return l.pass(ctx, &l.limits.gate, func(p *round) error { return l.limits.read(p, s) })
}

func (l *linux) Cgroup(ctx context.Context) *Whereabouts {
	var w *Whereabouts
	var g gate
	g.free = func() {}
	_ = l.pass(ctx, &g, func(p *round) error {
		tree, _ := l.place.current(&p.Pass)
		w = l.describe(&p.Pass, tree)
		return nil
	})
	return w
}

// describe says where every controller is, for people and for the detector.
func (l *linux) describe(p *kernfs.Pass, t *cgroup.Tree) *Whereabouts {
	opener := l.opener("cgroup")
	read := func(name string) ([]byte, error) {
		f := opener.File(name)
		defer f.Close()
		b, err := f.Read(p)
		if err != nil {
			l.failed("cgroup", err)
		}
		return b, err
	}
	w := &Whereabouts{Version: t.SystemVersion(), Paths: map[string]string{}, Dirs: map[string]string{}}
	w.Controllers = t.V1Controllers()
	for _, name := range append([]string{""}, w.Controllers...) {
		loc, err := t.Resolve(name)
		if err != nil {
			continue
		}
		w.Paths[name], w.Dirs[name] = loc.Own().Path, l.cfg.Root.Path(loc.Own().Dir)
		if name == "" {
			b, err := read(loc.Own().Dir + "/cgroup.controllers")
			if err == nil {
				for f, rest := kernfs.Field(b); len(f) > 0; f, rest = kernfs.Field(rest) {
					w.Controllers = append(w.Controllers, string(f))
				}
			}
		}
	}
	if len(w.Controllers) == 0 && slices.Contains(l.cfg.CgroupPaths, "/proc/cgroups") {
		if b, err := read("/proc/cgroups"); err == nil && w.Version != "" {
			w.Controllers = cgroup.ParseControllers(b)
		}
	}
	slices.Sort(w.Controllers)
	w.Controllers = slices.Compact(w.Controllers)
	return w
}
