// Package snapshot holds the newest reading of a collector for any number of
// readers. A read is one atomic load: no lock, no clock, no allocation.
package snapshot

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ErrClosed is what Get returns after Close.
var ErrClosed = errors.New("closed")

// Cache publishes immutable values of type T, each with the parts that readers
// have asked for so far: what nobody wants is never read.
//
// A value stays current for the cache's age limit. Who reads often finds it by Peek,
// without a clock: a one-shot timer withdraws it. It is armed only for a value that Get
// handed out, and is not armed again. Who reads seldom asks the clock (Fresh, Refresh),
// because a process that sleeps pays as much for being woken by timers as for all that the
// monitor reads. While nobody reads there is no goroutine, no timer and no wake-up.
// What Peek finds can be older than the limit by the delay of the Go scheduler.
//
// All methods are safe for concurrent use.
type Cache[T any] struct {
	current atomic.Pointer[Value[T]] // until the timer withdraws it
	newest  atomic.Pointer[Value[T]] // of whatever age
	clock   *Clock
	age     time.Duration
	load    Load[T]
	after   func() // nil: nothing

	mu       sync.Mutex
	wanted   sample.Parts  // by anybody so far
	loading  bool          // by one reader, without the lock
	loaded   chan struct{} // closed when it is done, or the cache is closed; nil: nobody waits
	closed   bool
	expiry   *time.Timer // nil: never armed
	failures uint        // refreshes that failed
	lastErr  error       // of the newest failure
}

// Value is what is published. It may be the head of a larger struct into which It
// points, so that a reading is one allocation however many forms it has.
type Value[T any] struct {
	It    T
	parts sample.Parts
	at    time.Duration // when it was published, by the clock
}

// Clock tells the time by which caches know the age of their values. To ask it
// costs half of what time.Now does.
type Clock struct{ start time.Time }

// NewClock returns a clock that stands at 0.
func NewClock() *Clock { return &Clock{time.Now()} }

// Now returns the time.
func (c *Clock) Now() time.Duration { return time.Since(c.start) }

// Load reads the parts now.
type Load[T any] func(context.Context, sample.Parts) (*Value[T], error)

// New returns a cache whose values stay current for age; with age <= 0 every
// reader reads, and only the parts that it asks for. load is never called twice at
// the same time and runs in the goroutine of the reader that found no current value. That goroutine then
// calls after, if it is not nil, when the value is published and no lock is held: after may read the cache.
// after is also called without a load, and by several goroutines at once.
func New[T any](clock *Clock, age time.Duration, load Load[T], after func()) *Cache[T] {
	return &Cache[T]{clock: clock, age: age, load: load, after: after}
}

// Peek returns the current value, or nil where there is none that has these
// parts, or Get did not hand it out.
func (c *Cache[T]) Peek(parts sample.Parts) *T {
	if v := c.current.Load(); v != nil && v.parts.Have(parts) {
		return &v.It
	}
	return nil
}

// Fresh returns the newest value, or nil where it is too old now or lacks a part.
func (c *Cache[T]) Fresh(now time.Duration, parts sample.Parts) *T {
	if v := c.fresh(now, parts); v != nil {
		return &v.It
	}
	return nil
}

func (c *Cache[T]) fresh(now time.Duration, parts sample.Parts) *Value[T] {
	if v := c.newest.Load(); v != nil && v.parts.Have(parts) && c.left(now, v) > 0 {
		return v
	}
	return nil
}

// left is how long v stays current.
func (c *Cache[T]) left(now time.Duration, v *Value[T]) time.Duration { return c.age - (now - v.at) }

// Get returns the current value, refreshing it where it is too old or lacks
// one of the parts, and leaves it for Peek. The error is that of the refresh, of ctx,
// or ErrClosed. A current value is returned even if ctx has ended: ctx bounds loading and waiting.
// A refresh that failed, or outlasted ctx, publishes nothing: the next reader tries again.
func (c *Cache[T]) Get(ctx context.Context, parts sample.Parts) (*T, error) {
	if v := c.Peek(parts); v != nil {
		return v, nil
	}
	if c.age <= 0 {
		return c.Read(ctx, parts)
	}
	v, _, err := c.refresh(ctx, c.clock.Now(), parts, true)
	return v, err
}

// Refresh is Get for who reads seldom and has just asked the clock: it arms no
// timer. It returns the time when it was done.
func (c *Cache[T]) Refresh(ctx context.Context, now time.Duration, parts sample.Parts) (v *T, done time.Duration, err error) {
	if c.age <= 0 {
		v, err = c.Read(ctx, parts)
		return v, c.clock.Now(), err
	}
	return c.refresh(ctx, now, parts, false)
}

func (c *Cache[T]) refresh(ctx context.Context, now time.Duration, parts sample.Parts, keep bool) (it *T, done time.Duration, err error) {
	defer c.done() // without the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	for before := c.failures; ; now = c.clock.Now() {
		v := c.fresh(now, parts)
		switch {
		case c.closed:
			return nil, now, ErrClosed
		case v != nil:
			if keep {
				c.keep(now, v)
			}
			return &v.It, now, nil
		case c.failures != before:
			// The refresh that we waited for failed. Trying again at once would
			// make a crowd of readers queue for the same failure one by one.
			return nil, now, c.lastErr
		case !c.loading:
			if err := ctx.Err(); err != nil {
				return nil, now, err
			}
			c.wanted |= parts
			v, err := c.read(ctx, c.wanted)
			if err != nil {
				if ctx.Err() == nil { // a reader that gave up says nothing about the source
					c.lastErr = err
					c.failures++
				}
				return nil, c.clock.Now(), err
			}
			now = c.clock.Now()
			if ctx.Err() == nil { // else it may lack what took longer than this reader could wait
				c.publish(now, v, keep)
			}
			return &v.It, now, nil
		}
		if err := c.wait(ctx); err != nil {
			if now = c.clock.Now(); c.fresh(now, parts) == nil {
				return nil, now, err
			}
		}
	}
}

// Read reads the parts now and for the caller alone. Later readings do not
// have them for it.
func (c *Cache[T]) Read(ctx context.Context, parts sample.Parts) (*T, error) {
	defer c.done() // without the lock
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.loading && !c.closed {
		if err := c.wait(ctx); err != nil {
			return nil, err
		}
	}
	if c.closed {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	v, err := c.read(ctx, parts)
	if err != nil {
		return nil, err
	}
	return &v.It, nil
}

func (c *Cache[T]) done() {
	if c.after != nil {
		c.after()
	}
}

// read loads. It is called with the lock and returns with it.
func (c *Cache[T]) read(ctx context.Context, parts sample.Parts) (*Value[T], error) {
	c.loading = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.loading = false
		c.wake()
	}()
	v, err := c.load(ctx, parts)
	if err != nil {
		return nil, err
	}
	v.parts = parts
	return v, nil
}

// wait waits for the reader that loads. It is called with the lock and returns with it.
func (c *Cache[T]) wait(ctx context.Context) error {
	if c.loaded == nil {
		c.loaded = make(chan struct{})
	}
	loaded := c.loaded
	c.mu.Unlock()
	defer c.mu.Lock()
	select {
	case <-loaded:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (c *Cache[T]) wake() {
	if c.loaded != nil {
		close(c.loaded)
		c.loaded = nil
	}
}

func (c *Cache[T]) publish(now time.Duration, v *Value[T], keep bool) {
	if c.closed {
		return
	}
	v.at = now
	c.newest.Store(v)
	switch old := c.current.Load(); {
	case keep:
		c.keep(now, v)
	case old != nil:
		// Nobody who peeks goes back to before it. The timer of the old one goes on,
		// and where it fired meanwhile nothing is kept that no timer withdraws.
		c.current.CompareAndSwap(old, v)
	}
}

// keep leaves v, which is not too old, for Peek.
func (c *Cache[T]) keep(now time.Duration, v *Value[T]) {
	c.current.Store(v)
	if c.expiry == nil {
		c.expiry = time.AfterFunc(c.left(now, v), func() { c.current.Store(nil) })
	} else {
		// It has fired and withdrew the last value, or that lacked a part: then it
		// is set anew.
		c.expiry.Reset(c.left(now, v))
	}
}

// Close makes every later reader get ErrClosed and stops the timer. It waits
// for no refresh: one that is under way ends by itself and publishes nothing.
// Close may be called more than once.
func (c *Cache[T]) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.wake()
	if c.expiry != nil {
		c.expiry.Stop()
	}
	c.current.Store(nil)
	c.newest.Store(nil)
}
