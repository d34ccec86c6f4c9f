package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// mac reads a Mac through its kernel's functions. It has no build tag: only
// the kernel behind it is macOS's own.
type mac struct {
	cfg     Config
	kernel  darwin.Kernel
	memory  *macMemory
	cpu     *macCPU
	io      *macIO
	network *macNetwork
	process *macProcess
	limits  *macLimits
}

// NewMac returns a source over the kernel of a Mac.
func NewMac(c Config, k darwin.Kernel) Source {
	c.complete()
	m := &mac{cfg: c, kernel: k}
	m.memory = newMacMemory(m)
	m.cpu = newMacCPU(m)
	m.io = newMacIO(m)
	m.network = newMacNetwork(m)
	m.process = newMacProcess(m)
	m.limits = newMacLimits(m)
	return m
}

// Close closes every gate. Only the disks' reader holds something.
func (m *mac) Close() {
	for _, g := range []*gate{&m.memory.gate, &m.cpu.gate, &m.io.gate, &m.network.gate, &m.process.gate, &m.limits.gate} {
		g.close()
	}
}

// nothing is what the readers without handles have to free.
func nothing() {}

// errNoCgroups is made once: it is part of every reading.
var errNoCgroups = fmt.Errorf("%w: macOS has no cgroups", ErrNoCgroup)

// pass runs read within the collector's gate. The calls do not block, so ctx
// counts only before them.
func (m *mac) pass(ctx context.Context, g *gate, read func(time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := g.enter(); err != nil {
		return err
	}
	defer g.leave()
	return read(m.cfg.Now())
}

// failed counts the failures of a reading, each by its own call.
func (m *mac) failed(collector string, err error) {
	if err == nil {
		return
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			m.cfg.Diagnostics.Failed(collector, e)
		}
		return
	}
	m.cfg.Diagnostics.Failed(collector, err)
}

// optional is failed for a sysctl that a version of macOS may not have.
func (m *mac) optional(collector string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		m.failed(collector, err)
	}
}

// macHas is what macOS has of a collector that on Linux has more: no pressure, no tasks of a cgroup.
const macHas = sample.PartCgroup | sample.PartSystem | sample.PartSystemInfo | sample.PartDirect

// passParts is pass for such a collector. Where only what macOS lacks is wanted, s is empty.
func passParts[S any](ctx context.Context, m *mac, g *gate, w sample.Parts, s *S, read func(time.Time) error) error {
	return m.pass(ctx, g, func(now time.Time) error {
		if w&macHas == 0 {
			*s = *new(S)
			return nil
		}
		return read(now)
	})
}

func (m *mac) ReadMemory(ctx context.Context, w sample.Parts, s *sample.Memory) error {
	return passParts(ctx, m, &m.memory.gate, w, s, func(now time.Time) error { return m.memory.read(now, s) })
}

func (m *mac) ReadPaging(ctx context.Context, s *sample.Paging) error {
	return m.pass(ctx, &m.memory.gate, func(now time.Time) error { return m.memory.readPaging(now, s) })
}

func (m *mac) ReadCPU(ctx context.Context, w sample.Parts, s *sample.CPU) error {
	return passParts(ctx, m, &m.cpu.gate, w, s, func(now time.Time) error { return m.cpu.read(now, w, s) })
}

func (m *mac) ReadIO(ctx context.Context, w sample.Parts, s *sample.IO) error {
	return passParts(ctx, m, &m.io.gate, w, s, func(now time.Time) error { return m.io.read(now, w, s) })
}

func (m *mac) ReadNetwork(ctx context.Context, w sample.Parts, s *sample.Network) error {
	return m.pass(ctx, &m.network.gate, func(now time.Time) error { return m.network.read(now, w, s) })
}

func (m *mac) ReadProcess(ctx context.Context, w sample.Parts, s *sample.Process) error {
	return m.pass(ctx, &m.process.gate, func(now time.Time) error { return m.process.read(now, w, s) })
}

func (m *mac) ReadLimits(ctx context.Context, s *sample.Limits) error {
	return m.pass(ctx, &m.limits.gate, func(now time.Time) error { return m.limits.read(now, s) })
}

func (m *mac) Cgroup(context.Context) *Whereabouts { return nil }
