package kernfs_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
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
		if bytes.Contains(stack, []byte("synctest bubble")) && bytes.Contains(stack, []byte("kernfs.Run[...] in goroutine")) {
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

func TestRunReturnsTheValue(t *testing.T) {
	var g kernfs.Guard
	cause := errors.New("cause")
	got, abandoned, err := kernfs.Run(t.Context(), &g, kernfs.Work{}, func() (int, error) { return 7, cause }, nil)
	if got != 7 || abandoned || err != cause {
		t.Errorf("got %d, %t, %v, want 7, false, %v", got, abandoned, err, cause)
	}
}

func TestRunHandsALateValueToItsDisposer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g kernfs.Guard
		release := make(chan struct{})
		late := make(chan int, 1)
		got, abandoned, err := kernfs.Run(t.Context(), &g, kernfs.Work{}, func() (int, error) {
			<-release
			return 7, nil
		}, func(n int, _ error) { late <- n })
		if got != 0 || !abandoned || !errors.Is(err, kernfs.ErrHung) {
			t.Errorf("got %d, %t, %v, want 0, true, %v", got, abandoned, err, kernfs.ErrHung)
		}
		close(release)
		if n := <-late; n != 7 {
			t.Errorf("late got %d, want 7", n)
		}
	})
}

// hangReports runs work that hangs, and returns its Guard, the errors that the Guard reports and what ends the hang.
func hangReports(t *testing.T, ctx context.Context) (g *kernfs.Guard, reports *[]error, release chan struct{}) {
	t.Helper()
	reports, release = new([]error), make(chan struct{})
	g = &kernfs.Guard{Report: func(err error) { *reports = append(*reports, err) }}
	_, _, err := kernfs.Run(ctx, g, kernfs.Work{Op: "read", Name: "/dead"}, func() (int, error) {
		<-release
		return 0, nil
	}, nil)
	if err == nil {
		t.Fatal("work that hangs returned")
	}
	return g, reports, release
}

func wantHangOf(t *testing.T, reports []error, path string) {
	t.Helper()
	var pe *fs.PathError
	if len(reports) != 1 || !errors.As(reports[0], &pe) || pe.Path != path || !errors.Is(reports[0], kernfs.ErrHung) || errors.Is(reports[0], kernfs.ErrRefused) {
		t.Errorf("got reports %v, want one that %s hangs", reports, path)
	}
}

func TestGuardReportsAHangOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, reports, release := hangReports(t, t.Context())
		for range 3 {
			time.Sleep(kernfs.HangLimit)
			_, _ = g.Do(t.Context(), func() error { return nil }, func(error) {})
		}
		wantHangOf(t, *reports, "/dead")
		close(release)
		synctest.Wait()
	})
}

// Callers that give up early never see the hang; the Guard does.
func TestGuardReportsAHangThatEveryCallerGaveUpOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const wait = 50 * time.Millisecond
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		g, reports, release := hangReports(t, ctx)
		refused := func() {
			t.Helper()
			if _, err := g.Do(t.Context(), func() error { return nil }, nil); !errors.Is(err, kernfs.ErrRefused) {
				t.Errorf("got %v, want %v", err, kernfs.ErrRefused)
			}
		}
		time.Sleep(kernfs.HangLimit - wait - time.Millisecond)
		refused()
		if len(*reports) > 0 {
			t.Errorf("got reports %v before the limit, want none", *reports)
		}
		time.Sleep(time.Millisecond)
		refused()
		refused()
		wantHangOf(t, *reports, "/dead")
		close(release)
		synctest.Wait()
		if _, err := g.Do(t.Context(), func() error { return nil }, nil); err != nil {
			t.Error(err)
		}
		wantHangOf(t, *reports, "/dead")
	})
}
