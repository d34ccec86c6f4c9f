package kernfs

import (
	"context"
	"time"
)

// MaxSize is the longest file that a Pass reads. The largest that a healthy
// kernel has, /proc/net/dev with thousands of interfaces, stays far below.
const MaxSize = 16 << 20

// initialSize holds every file of a small machine at once: /proc/stat,
// /proc/meminfo and memory.stat stay under 4 KiB there.
const initialSize = 8 << 10

// Pass is one round of readings: their context, their time and the buffer that
// they share. It belongs to one goroutine at a time.
type Pass struct {
	ctx   context.Context
	now   time.Time
	buf   []byte
	calls int
	// replaced says that a cgroup was removed and another one of its path was read.
	replaced bool
}

// Begin readies p for a round that happens at now and ends with ctx.
func (p *Pass) Begin(ctx context.Context, now time.Time) {
	p.ctx, p.now, p.calls, p.replaced = ctx, now, 0, false
	if p.buf == nil {
		p.buf = make([]byte, initialSize)
	}
}

// End drops the context, so that a pooled Pass keeps nothing alive.
func (p *Pass) End() { p.ctx = nil }

// Context returns the context of the round.
func (p *Pass) Context() context.Context { return p.ctx }

// Scratch is the buffer that the readings of the round share, for one that is not of a File. Whoever
// needs a larger one may replace it.
func (p *Pass) Scratch() *[]byte { return &p.buf }

// Now returns the time of the round.
func (p *Pass) Now() time.Time { return p.now }

// Replaced reports whether a file of the round was that of a removed cgroup, and
// the one of another cgroup of the same path was read in its place.
func (p *Pass) Replaced() bool { return p.replaced }

// SystemCalls returns how many system calls the round has made so far: each
// read, and three for an attempt to open.
func (p *Pass) SystemCalls() int { return p.calls }
