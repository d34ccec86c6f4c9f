package otelresource

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

func TestAWaitEndsWithItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		w := b.begin(t.Context(), b.clock.Now(), 1)
		defer w.end()
		if err := w.Err(); err != nil {
			t.Error(err)
		}
		began := time.Now()
		<-w.Done()
		if waited := time.Since(began); waited != maxWait || !errors.Is(w.Err(), context.DeadlineExceeded) {
			t.Errorf("ended after %v: %v", waited, w.Err())
		}
	})
}

func TestAWaitThatNobodyWaitsForEndsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newBudget().begin(t.Context(), 0, 1)
		defer w.end()
		time.Sleep(maxWait)
		if err := w.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		select {
		case <-w.Done():
		default:
			t.Error("it has an error and goes on")
		}
	})
}

func TestAWaitEndsWithItsCollection(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	b := newBudget()
	waited, lazy := b.begin(ctx, b.clock.Now(), 1), b.begin(ctx, b.clock.Now(), 2)
	defer waited.end()
	defer lazy.end()
	done := waited.Done()
	cancel()
	<-done
	for _, w := range []*wait{waited, lazy} {
		if err := w.Err(); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

func TestWaitsOfOneCollectionShareABudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget()
		first := b.begin(t.Context(), b.clock.Now(), 1)
		time.Sleep(maxWait - time.Millisecond)
		first.end()
		second := b.begin(t.Context(), b.clock.Now(), 2)
		if left := time.Until(endOf(second)); left != time.Millisecond {
			t.Errorf("%v are left to the second", left)
		}
		second.end()
		next := b.begin(t.Context(), b.clock.Now(), 1)
		defer next.end()
		if left := time.Until(endOf(next)); left != maxWait {
			t.Errorf("%v are left in the next collection", left)
		}
	})
}

func newBudget() *waitBudget { return &waitBudget{clock: snapshot.NewClock(), most: maxWait} }

func (w *wait) end() { w.done(w.budget.clock.Now()) }

func endOf(w *wait) time.Time {
	end, _ := w.Deadline()
	return end
}
