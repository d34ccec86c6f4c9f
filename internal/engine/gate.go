package engine

import (
	"sync"
	"sync/atomic"
)

// gate serializes a collector's readings and closes its files as soon as none
// is under way, without waiting for one that is.
type gate struct {
	mu     sync.Mutex
	closed atomic.Bool
	free   func() // gives the collector's descriptors back; may be called twice
}

func (g *gate) enter() error {
	g.mu.Lock()
	if g.closed.Load() {
		g.leave()
		return ErrClosed
	}
	return nil
}

func (g *gate) leave() {
	g.mu.Unlock()
	if g.closed.Load() {
		g.release()
	}
}

func (g *gate) close() {
	g.closed.Store(true)
	g.release()
}

// release leaves the work to the reading under way where there is one.
func (g *gate) release() {
	if g.mu.TryLock() {
		g.free()
		g.mu.Unlock()
	}
}
