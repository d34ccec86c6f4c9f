// Package snapshot holds the newest reading of a collector for any number of
// readers. A read is one atomic load: no lock, no clock, no allocation.
package snapshot

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ErrClosed is what Get returns after Close.
var ErrClosed = errors.New("closed")

// Cache publishes immutable values of type T, each with the parts that readers
// have asked for so far: what nobody wants is never read.
//
// A value stays current for the cache's age limit. Expiry is lazy: publishing
// arms a one-shot timer that withdraws the value, and the next reader
// refreshes. While nobody reads there is no goroutine, no timer and no wake-up.
// A value can be older than the limit by the delay of the Go scheduler.
//
// All methods are safe for concurrent use.
type Cache[T any] struct {
	current atomic.Pointer[value[T]]
	wanted  atomic.Uint32 // sample.Parts
	age     time.Duration
	load    func(context.Context, sample.Parts, *T) error

	// turn holds one token: whoever has it refreshes. A channel, because
	// waiting for it must end with the waiter's context.
	turn   chan struct{}
	closed atomic.Bool
	done   chan struct{} // closed by Close: ends the wait of everybody
	expiry *time.Timer   // nil until the first value; owned by the turn

	failures atomic.Uint64 // refreshes that failed
	lastErr  error         // of the newest failure; owned by the turn
}

// value is what is published.
type value[T any] struct {
	it    T
	parts sample.Parts
}

// New returns a cache whose values stay current for age; with age <= 0 every
// Get reads, and only the parts that it asks for. load is never called twice at
// the same time and runs in the goroutine of the reader that found no current value.
func New[T any](age time.Duration, load func(context.Context, sample.Parts, *T) error) *Cache[T] {
	c := &Cache[T]{age: age, load: load, turn: make(chan struct{}, 1), done: make(chan struct{})}
	c.turn <- struct{}{}
	return c
}

// Peek returns the current value, or nil where there is none that has these parts.
func (c *Cache[T]) Peek(parts sample.Parts) *T {
	if v := c.current.Load(); v != nil && v.parts.Have(parts) {
		return &v.it
	}
	return nil
}

// Get returns the current value, refreshing it where it has expired or lacks
// one of the parts. The error is that of the refresh, of ctx, or ErrClosed. A
// failed refresh publishes nothing: the next Get tries again.
func (c *Cache[T]) Get(ctx context.Context, parts sample.Parts) (*T, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if v := c.Peek(parts); v != nil {
		return v, nil
	}
	return c.refresh(ctx, parts)
}

func (c *Cache[T]) refresh(ctx context.Context, parts sample.Parts) (*T, error) {
	before := c.failures.Load()
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.release()
	if v := c.Peek(parts); v != nil {
		return v, nil // somebody refreshed while we waited
	}
	if c.age > 0 && c.failures.Load() != before {
		// The refresh that we waited for failed. Trying again at once would
		// make a crowd of readers queue for the same failure one by one.
		return nil, c.lastErr
	}
	v := &value[T]{parts: parts}
	if c.age > 0 {
		v.parts |= sample.Parts(c.wanted.Or(uint32(parts)))
	}
	if err := c.load(ctx, v.parts, &v.it); err != nil {
		// A reader that gave up says nothing about the source.
		if ctx.Err() == nil {
			c.lastErr = err
			c.failures.Add(1)
		}
		return nil, err
	}
	c.publish(v)
	return &v.it, nil
}

// Read reads the parts now and for the caller alone. Later readings do not
// have them for it.
func (c *Cache[T]) Read(ctx context.Context, parts sample.Parts) (*T, error) {
	if err := c.take(ctx); err != nil {
		return nil, err
	}
	defer c.release()
	v := new(T)
	if err := c.load(ctx, parts, v); err != nil {
		return nil, err
	}
	return v, nil
}

// take waits for the turn.
func (c *Cache[T]) take(ctx context.Context) error {
	select {
	case <-c.turn: // mostly; Done of a context with a deadline is not for free
	default:
		select {
		case <-c.turn:
		case <-c.done:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c.closed.Load() {
		c.release()
		return ErrClosed
	}
	return nil
}

// publish runs under the turn.
func (c *Cache[T]) publish(v *value[T]) {
	if c.age <= 0 {
		return
	}
	c.current.Store(v)
	if c.expiry == nil {
		c.expiry = time.AfterFunc(c.age, func() { c.current.Store(nil) })
	} else {
		// It has fired and withdrew the last value, or that lacked a part: then it
		// is set anew.
		c.expiry.Reset(c.age)
	}
}

// release hands the turn on. A Close that found it taken could not stop the
// timer; whoever releases next does it instead.
func (c *Cache[T]) release() {
	c.turn <- struct{}{}
	if c.closed.Load() {
		c.withdraw()
	}
}

// Close makes every later Get return ErrClosed and stops the timer. It waits
// for no refresh: one that is under way ends by itself and publishes nothing.
// Close may be called more than once.
func (c *Cache[T]) Close() {
	if c.closed.Swap(true) {
		return
	}
	close(c.done)
	c.withdraw()
}

// withdraw takes back what is published, unless a refresh has the turn: then
// its release does so.
func (c *Cache[T]) withdraw() {
	select {
	case <-c.turn:
		if c.expiry != nil {
			c.expiry.Stop()
		}
		c.current.Store(nil)
		c.turn <- struct{}{}
	default:
	}
}
