package otelresource

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// maxWait is what all callbacks of one collection together may wait for fresh data.
const maxWait = 50 * time.Millisecond

// waitBudget bounds how long the callbacks of one collection hold it up: at
// most maxWait and a quarter of what is left until the collection's deadline,
// all collectors together.
type waitBudget struct {
	clock    *snapshot.Clock
	most     time.Duration // maxWait, but in tests
	mu       sync.Mutex
	deadline time.Time // of the collection
	waited   []any     // who has waited in this collection
	left     time.Duration
	spare    *wait // one that nobody waits for any more
}

// begin returns a context that begins now and ends when the budget is used up.
// Its done takes off what was used.
//
// A collection is told from the next by its deadline, and, as not all have
// one, by who waits: nobody does so twice in the same.
func (b *waitBudget) begin(ctx context.Context, now time.Duration, who any) *wait {
	deadline, ok := ctx.Deadline()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !deadline.Equal(b.deadline) || len(b.waited) == 0 || slices.Contains(b.waited, who) {
		b.deadline, b.waited, b.left = deadline, b.waited[:0], b.most
		if ok {
			b.left = min(b.most, max(0, time.Until(deadline)/4))
		}
	}
	b.waited = append(b.waited, who)
	w := b.spare
	if b.spare = nil; w == nil {
		w = new(wait)
	}
	w.Context, w.budget, w.began, w.most = ctx, b, now, b.left
	return w
}

// wait is the context of one refresh. Most end before anybody waits for it: its
// timer, which costs more than a kernel file, is made by the first who does.
type wait struct {
	context.Context // of the collection
	budget          *waitBudget
	began           time.Duration
	most            time.Duration

	// Under the lock of the budget.
	timed  context.Context // nil until somebody waits
	cancel context.CancelFunc
}

// spent is Err for a wait that has just begun.
func (w *wait) spent() error {
	if w.most <= 0 {
		return context.DeadlineExceeded
	}
	return w.Context.Err()
}

// done ends the wait now. Nobody may use it from then on: a source keeps no
// context beyond its reading.
func (w *wait) done(now time.Duration) {
	b := w.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = max(0, b.left-(now-w.began))
	if w.cancel != nil {
		w.cancel()
		return
	}
	w.Context = nil
	b.spare = w
}

// Deadline implements context.Context.
func (w *wait) Deadline() (time.Time, bool) { return time.Now().Add(w.left()), true }

// left is how long the wait goes on at most.
func (w *wait) left() time.Duration { return w.most - (w.budget.clock.Now() - w.began) }

// Done implements context.Context.
func (w *wait) Done() <-chan struct{} {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	if w.timed == nil {
		w.timed, w.cancel = context.WithTimeout(w.Context, w.left())
	}
	return w.timed.Done()
}

// Err implements context.Context.
func (w *wait) Err() error {
	w.budget.mu.Lock()
	defer w.budget.mu.Unlock()
	if w.timed != nil {
		return w.timed.Err()
	}
	if err := w.Context.Err(); err != nil {
		return err
	}
	if w.left() <= 0 {
		return context.DeadlineExceeded
	}
	return nil
}
