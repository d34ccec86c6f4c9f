package otelresource

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestAWaitEndsWithItsBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := new(waitBudget)
		w := b.begin(t.Context(), 1)
		defer w.done()
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
		w := new(waitBudget).begin(t.Context(), 1)
		defer w.done()
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
	b := new(waitBudget)
	waited, lazy := b.begin(ctx, 1), b.begin(ctx, 2)
	defer waited.done()
	defer lazy.done()
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
		b := new(waitBudget)
		first := b.begin(t.Context(), 1)
		time.Sleep(maxWait - time.Millisecond)
		first.done()
		second := b.begin(t.Context(), 2)
		if left := time.Until(endOf(second)); left != time.Millisecond {
			t.Errorf("%v are left to the second", left)
		}
		second.done()
		next := b.begin(t.Context(), 1)
		defer next.done()
		if left := time.Until(endOf(next)); left != maxWait {
			t.Errorf("%v are left in the next collection", left)
		}
	})
}

func endOf(w *wait) time.Time {
	end, _ := w.Deadline()
	return end
}
