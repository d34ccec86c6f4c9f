package otelresource

import (
	"context"
	"slices"
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
	deadline time.Time // of the collection
	waited   []any     // who has waited in this collection
	left     time.Duration
}

// begin returns a context that ends when the budget is used up. done takes off what was used.
//
// A collection is told from the next by its deadline, and, as not all have
// one, by who waits: nobody does so twice in the same.
func (b *waitBudget) begin(ctx context.Context, who any) (wait context.Context, done func()) {
	now := time.Now()
	deadline, ok := ctx.Deadline()
	b.mu.Lock()
	if !deadline.Equal(b.deadline) || len(b.waited) == 0 || slices.Contains(b.waited, who) {
		b.deadline, b.waited, b.left = deadline, b.waited[:0], maxWait
		if ok {
			b.left = min(maxWait, max(0, deadline.Sub(now)/4))
		}
	}
	b.waited = append(b.waited, who)
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
