package snapshot_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

type reading struct{ n int64 }

func counting(calls *atomic.Int64) func(context.Context) (*reading, error) {
	return func(context.Context) (*reading, error) {
		return &reading{n: calls.Add(1)}, nil
	}
}

func get(t *testing.T, c *snapshot.Cache[reading]) int64 {
	t.Helper()
	v, err := c.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v.n
}

func TestValueIsSharedUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := snapshot.New(time.Second, counting(&calls))
		defer c.Close()
		first, _ := c.Get(t.Context())
		time.Sleep(999 * time.Millisecond)
		if again, _ := c.Get(t.Context()); again != first {
			t.Error("a current value was read again")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if c.Peek() != nil {
			t.Error("an expired value is still published")
		}
		if n := get(t, c); n != 2 {
			t.Errorf("reading %d after expiry, want 2", n)
		}
	})
}

func TestNoAgeReadsEveryTime(t *testing.T) {
	var calls atomic.Int64
	c := snapshot.New(0, counting(&calls))
	defer c.Close()
	for want := int64(1); want <= 3; want++ {
		if n := get(t, c); n != want {
			t.Errorf("reading %d, want %d", n, want)
		}
	}
}

func TestOneRefreshInFlightServesAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, running atomic.Int64
		c := snapshot.New(time.Second, func(context.Context) (*reading, error) {
			if running.Add(1) != 1 {
				t.Error("two refreshes at once")
			}
			defer running.Add(-1)
			time.Sleep(50 * time.Millisecond)
			return &reading{n: calls.Add(1)}, nil
		})
		defer c.Close()
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() { get(t, c) })
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("%d refreshes for 64 readers, want 1", n)
		}
	})
}

func TestWaiterLeavesWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := snapshot.New(time.Second, func(context.Context) (*reading, error) {
			<-release
			return &reading{}, nil
		})
		defer c.Close()
		go func() { _, _ = c.Get(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Get(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Millisecond {
			t.Errorf("left after %v with %v", time.Since(start), err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestCancelledContextGetsNoCachedValue(t *testing.T) {
	var calls atomic.Int64
	c := snapshot.New(time.Minute, counting(&calls))
	defer c.Close()
	get(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Get(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}

func TestFailureIsSharedByWaitersButNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var calls atomic.Int64
		c := snapshot.New(time.Second, func(context.Context) (*reading, error) {
			calls.Add(1)
			time.Sleep(10 * time.Millisecond)
			return nil, broken
		})
		defer c.Close()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := c.Get(t.Context()); !errors.Is(err, broken) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("a crowd of 16 tried a broken source %d times, want 1", n)
		}
		if _, err := c.Get(t.Context()); !errors.Is(err, broken) || calls.Load() != 2 {
			t.Errorf("a later reader did not try again: %v, %d calls", err, calls.Load())
		}
	})
}

func TestAReaderThatGivesUpDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := snapshot.New(time.Second, func(ctx context.Context) (*reading, error) {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &reading{n: 7}, nil
		})
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() { _, _ = c.Get(ctx) }()
		synctest.Wait()
		if n := get(t, c); n != 7 {
			t.Errorf("got %d", n)
		}
	})
}

func TestCloseEndsWaitsAndLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := snapshot.New(time.Hour, func(context.Context) (*reading, error) {
			<-release
			return &reading{}, nil
		})
		go func() { _, _ = c.Get(context.Background()) }()
		waiter := make(chan error)
		synctest.Wait()
		go func() {
			_, err := c.Get(context.Background())
			waiter <- err
		}()
		synctest.Wait()
		c.Close()
		c.Close()
		if err := <-waiter; !errors.Is(err, snapshot.ErrClosed) {
			t.Errorf("waiter got %v", err)
		}
		close(release)
		synctest.Wait()
		if c.Peek() != nil {
			t.Error("a refresh that ended after Close published its value")
		}
		if _, err := c.Get(t.Context()); !errors.Is(err, snapshot.ErrClosed) {
			t.Errorf("error %v, want ErrClosed", err)
		}
	})
}

func TestExpireMakesTheNextReaderRefresh(t *testing.T) {
	var calls atomic.Int64
	c := snapshot.New(time.Hour, counting(&calls))
	defer c.Close()
	get(t, c)
	c.Expire()
	if n := get(t, c); n != 2 {
		t.Errorf("reading %d, want 2", n)
	}
}

func TestCachedGetAllocatesNothing(t *testing.T) {
	var calls atomic.Int64
	c := snapshot.New(time.Hour, counting(&calls))
	defer c.Close()
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Get(ctx) }); n != 0 {
		t.Errorf("%v allocations in a cached Get", n)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
}

func BenchmarkGet(b *testing.B) {
	var calls atomic.Int64
	c := snapshot.New(time.Hour, counting(&calls))
	defer c.Close()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Get(ctx)
	}
}
