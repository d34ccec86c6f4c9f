package otelresource

import (
	"context"
	"sync"
	"time"
)

// maxWait is what all callbacks of one collection together may wait for fresh data.
const maxWait = 50 * time.Millisecond

// waitBudget bounds how long the callbacks of one collection hold it up: at
// most maxWait and a quarter of what is left until the collection's deadline,
// all collectors together.
type waitBudget struct {
	mu       sync.Mutex
	deadline time.Time // of the collection; it tells one from the next
	started  time.Time
	left     time.Duration
}

// begin returns a context that ends when the budget is used up. done takes off what was used.
func (b *waitBudget) begin(ctx context.Context) (wait context.Context, done func()) {
	now := time.Now()
	deadline, ok := ctx.Deadline()
	b.mu.Lock()
	// Collections without a deadline cannot be told apart; a second is shorter
	// than any export interval in use.
	if !deadline.Equal(b.deadline) || now.Sub(b.started) > time.Second {
		b.deadline, b.started, b.left = deadline, now, maxWait
		if ok {
			b.left = min(maxWait, max(0, deadline.Sub(now)/4))
		}
	}
	left := b.left
	b.mu.Unlock()
	wait, cancel := context.WithTimeout(ctx, left)
	return wait, func() {
		cancel()
		b.mu.Lock()
		b.left = max(0, b.left-time.Since(now))
		b.mu.Unlock()
	}
}
