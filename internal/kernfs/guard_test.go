package kernfs_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

func TestGuardReturnsTheOutcome(t *testing.T) {
	var g kernfs.Guard
	cause := errors.New("cause")
	for _, want := range []error{nil, cause, nil} {
		abandoned, err := g.Do(t.Context(), func() error { return want }, func(error) { t.Error("late") })
		if abandoned || err != want {
			t.Errorf("%t, %v, want %v", abandoned, err, want)
		}
	}
}

func TestGuardStartsNothingForAnEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var g kernfs.Guard
	abandoned, err := g.Do(ctx, func() error { t.Error("started"); return nil }, func(error) { t.Error("late") })
	if abandoned || !errors.Is(err, context.Canceled) {
		t.Errorf("%t, %v", abandoned, err)
	}
}

// helpers counts the goroutines of this test that a Guard has started. Those of
// earlier tests, which end when they please, are in no bubble.
func helpers() (n int) {
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.Contains(stack, []byte("synctest bubble")) && bytes.Contains(stack, []byte("kernfs.(*Guard).Do in goroutine")) {
			n++
		}
	}
	return n
}

func TestGuardHoldsOneGoroutineWhateverHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g kernfs.Guard
		release := make(chan struct{})
		var started, late atomic.Int32
		hang := func() error {
			started.Add(1)
			<-release
			return errors.New("at last")
		}
		onLate := func(err error) {
			if err == nil || err.Error() != "at last" {
				t.Errorf("late outcome %v", err)
			}
			late.Add(1)
		}
		begin := time.Now()
		abandoned, err := g.Do(t.Context(), hang, onLate)
		if took := time.Since(begin); !abandoned || !errors.Is(err, kernfs.ErrHung) || took != kernfs.HangLimit {
			t.Errorf("%t, %v after %v", abandoned, err, took)
		}
		for range 50 {
			begin = time.Now()
			if abandoned, err = g.Do(t.Context(), hang, onLate); abandoned || !errors.Is(err, kernfs.ErrHung) || time.Since(begin) != 0 {
				t.Errorf("while it hangs: %t, %v after %v", abandoned, err, time.Since(begin))
			}
		}
		if n := helpers(); n != 1 || started.Load() != 1 {
			t.Errorf("%d helper goroutines, %d started", n, started.Load())
		}
		close(release)
		synctest.Wait()
		if late.Load() != 1 {
			t.Errorf("late was called %d times", late.Load())
		}
		if abandoned, err = g.Do(t.Context(), func() error { return nil }, onLate); abandoned || err != nil {
			t.Errorf("after it came back: %t, %v", abandoned, err)
		}
	})
}

func TestGuardEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g kernfs.Guard
		release := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		begin := time.Now()
		abandoned, err := g.Do(ctx, func() error { <-release; return nil }, func(error) {})
		if took := time.Since(begin); !abandoned || !errors.Is(err, context.DeadlineExceeded) || took != 30*time.Millisecond {
			t.Errorf("%t, %v after %v", abandoned, err, took)
		}
		close(release)
		synctest.Wait()
	})
}

func TestGuardIsBusyUntilLateIsDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g kernfs.Guard
		release, cleaned := make(chan struct{}), make(chan struct{})
		_, err := g.Do(t.Context(), func() error { <-release; return nil }, func(error) { <-cleaned })
		if !errors.Is(err, kernfs.ErrHung) {
			t.Error(err)
		}
		close(release)
		synctest.Wait()
		if _, err = g.Do(t.Context(), func() error { return nil }, nil); !errors.Is(err, kernfs.ErrHung) {
			t.Errorf("a second helper beside the first: %v", err)
		}
		close(cleaned)
		synctest.Wait()
		if _, err = g.Do(t.Context(), func() error { return nil }, nil); err != nil {
			t.Error(err)
		}
	})
}

func TestGuardConcurrentSafe(t *testing.T) {
	var g kernfs.Guard
	var running, most atomic.Int32
	done := make(chan struct{})
	for range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 200 {
				_, err := g.Do(t.Context(), func() error {
					most.Store(max(most.Load(), running.Add(1)))
					runtime.Gosched()
					running.Add(-1)
					return nil
				}, func(error) {})
				if err != nil && !errors.Is(err, kernfs.ErrHung) {
					t.Error(err)
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
	if most.Load() > 1 {
		t.Errorf("%d at once", most.Load())
	}
}
