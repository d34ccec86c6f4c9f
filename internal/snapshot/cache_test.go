package snapshot_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

type reading struct{ n int64 }

type value = snapshot.Value[reading]

// cache is a Cache whose readers ask the clock.
type cache[T any] struct {
	*snapshot.Cache[T]
	clock *snapshot.Clock
}

func newCache[T any](age time.Duration, load snapshot.Load[T]) cache[T] {
	clock := snapshot.NewClock()
	return cache[T]{snapshot.New(clock, age, load, nil), clock}
}

func (c cache[T]) Fresh(parts sample.Parts) *T { return c.Cache.Fresh(c.clock.Now(), parts) }

func (c cache[T]) Refresh(ctx context.Context, parts sample.Parts) (*T, error) {
	v, done, err := c.Cache.Refresh(ctx, c.clock.Now(), parts)
	if done > c.clock.Now() {
		return nil, errors.New("it was done in the future")
	}
	return v, err
}

func counting(calls *atomic.Int64) snapshot.Load[reading] {
	return func(context.Context, sample.Parts) (*value, error) {
		return &value{It: reading{calls.Add(1)}}, nil
	}
}

func get(t *testing.T, c cache[reading]) int64 {
	t.Helper()
	v, err := c.Get(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	return v.n
}

func TestValueIsSharedUntilItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := newCache(time.Second, counting(&calls))
		defer c.Close()
		first, _ := c.Get(t.Context(), 0)
		time.Sleep(999 * time.Millisecond)
		if again, _ := c.Get(t.Context(), 0); again != first {
			t.Error("a current value was read again")
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if c.Peek(0) != nil {
			t.Error("an expired value is still published")
		}
		if n := get(t, c); n != 2 {
			t.Errorf("reading %d after expiry, want 2", n)
		}
	})
}

func TestWhoReadsSeldomSharesTheValueAndKeepsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := newCache(time.Second, counting(&calls))
		defer c.Close()
		first, err := c.Refresh(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		if c.Peek(0) != nil {
			t.Error("a timer has to withdraw it")
		}
		time.Sleep(600 * time.Millisecond)
		if again, _ := c.Refresh(t.Context(), 0); again != first || c.Fresh(0) != first {
			t.Error("a current value was read again")
		}
		if again, _ := c.Get(t.Context(), 0); again != first || c.Peek(0) != first {
			t.Error("a current value was not kept for who reads often")
		}
		time.Sleep(399 * time.Millisecond)
		synctest.Wait()
		if c.Peek(0) != first || c.Fresh(0) != first {
			t.Error("it expired early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if c.Peek(0) != nil || c.Fresh(0) != nil {
			t.Error("kept later, it is as old all the same")
		}
		if again, _ := c.Refresh(t.Context(), 0); again == first || calls.Load() != 2 {
			t.Errorf("%d readings after expiry, want 2", calls.Load())
		}
	})
}

func TestWhoPeeksNeverGoesBackToAnOlderValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reads []sample.Parts
		c := newCache(time.Second, parted(&reads))
		defer c.Close()
		_, _ = c.Get(t.Context(), sample.PartCgroup)
		time.Sleep(500 * time.Millisecond)
		newer, err := c.Refresh(t.Context(), sample.PartSystem)
		if err != nil || c.Peek(sample.PartCgroup) != newer {
			t.Error("the older value is still current", err)
		}
		time.Sleep(501 * time.Millisecond)
		synctest.Wait()
		if c.Peek(0) != nil || c.Fresh(0) != newer {
			t.Error("the timer of the older value did not fire, or the newer one is gone")
		}
	})
}

func TestNoAgeReadsEveryTime(t *testing.T) {
	var calls atomic.Int64
	c := newCache(0, counting(&calls))
	defer c.Close()
	for want := int64(1); want <= 3; want++ {
		if n := get(t, c); n != want {
			t.Errorf("reading %d, want %d", n, want)
		}
	}
}

func TestWhatOutlastedItsReaderIsForThatReaderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := newCache(time.Hour, func(context.Context, sample.Parts) (*value, error) {
			time.Sleep(20 * time.Millisecond)
			return &value{It: reading{calls.Add(1)}}, nil
		})
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if v, err := c.Get(ctx, 0); err != nil || v.n != 1 {
			t.Error(v, err)
		}
		if n := get(t, c); n != 2 {
			t.Errorf("the next reader has reading %d", n)
		}
	})
}

func TestARefreshTellsWhenItWasDone(t *testing.T) {
	for _, age := range []time.Duration{0, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			clock := snapshot.NewClock()
			c := snapshot.New(clock, age, func(context.Context, sample.Parts) (*value, error) {
				time.Sleep(30 * time.Millisecond)
				return new(value), nil
			}, nil)
			defer c.Close()
			if _, done, err := c.Refresh(t.Context(), clock.Now(), 0); err != nil || done != 30*time.Millisecond {
				t.Errorf("kept for %v: done at %v, %v", age, done, err)
			}
		})
	}
}

func TestOneRefreshInFlightServesAllWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls, running atomic.Int64
		c := newCache(time.Second, func(_ context.Context, _ sample.Parts) (*value, error) {
			if running.Add(1) != 1 {
				t.Error("two refreshes at once")
			}
			defer running.Add(-1)
			time.Sleep(50 * time.Millisecond)
			return &value{It: reading{calls.Add(1)}}, nil
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
		c := newCache(time.Second, func(_ context.Context, _ sample.Parts) (*value, error) {
			<-release
			return new(value), nil
		})
		defer c.Close()
		go func() { _, _ = c.Get(context.Background(), 0) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := c.Get(ctx, 0)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Millisecond {
			t.Errorf("left after %v with %v", time.Since(start), err)
		}
		close(release)
		synctest.Wait()
	})
}

func TestEndedContextGetsACurrentValue(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, read := range map[string]func(cache[reading]) (*reading, error){
		"Get of a value that Get left": func(c cache[reading]) (*reading, error) {
			get(t, c)
			return c.Get(ctx, 0)
		},
		"Get of a value that Refresh left": func(c cache[reading]) (*reading, error) {
			if _, err := c.Refresh(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			return c.Get(ctx, 0)
		},
		"Refresh": func(c cache[reading]) (*reading, error) {
			get(t, c)
			return c.Refresh(ctx, 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCache(time.Hour, counting(new(atomic.Int64)))
			defer c.Close()
			if v, err := read(c); err != nil || v.n != 1 {
				t.Errorf("got %v, %v, want reading 1", v, err)
			}
		})
	}
}

func TestEndedContextLoadsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, age := range []time.Duration{0, time.Hour} {
		var calls atomic.Int64
		c := newCache(age, counting(&calls))
		defer c.Close()
		_, err := c.Get(ctx, 0)
		_, err2 := c.Refresh(ctx, 0)
		if !errors.Is(err, context.Canceled) || !errors.Is(err2, context.Canceled) || calls.Load() != 0 {
			t.Errorf("kept for %v: got %v, %v and %d loads, want %v twice and no load", age, err, err2, calls.Load(), context.Canceled)
		}
	}
}

// What is called after a load may read the same cache.
func TestAfterMayReadTheCache(t *testing.T) {
	failed := errors.New("failed")
	for _, cause := range []error{nil, failed} {
		for _, age := range []time.Duration{0, time.Hour} {
			var c *snapshot.Cache[reading]
			var calls, depth int
			clock := snapshot.NewClock()
			c = snapshot.New(clock, age, func(context.Context, sample.Parts) (*value, error) {
				calls++
				return new(value), cause
			}, func() {
				if depth++; depth == 1 {
					_, _ = c.Get(t.Context(), 0)
					_, _ = c.Read(t.Context(), 0)
					_, _, _ = c.Refresh(t.Context(), clock.Now(), 0)
				}
			})
			if _, err := c.Get(t.Context(), 0); err != cause {
				t.Errorf("got error %v, want %v", err, cause)
			}
			if want := 2; depth == 0 || calls < want {
				t.Errorf("kept for %v: got %d loads, want at least %d", age, calls, want)
			}
			c.Close()
		}
	}
}

// A panic of a load ends what waits for it, and what is to be called after it is called.
func TestAfterIsCalledIfTheLoadPanics(t *testing.T) {
	called := false
	c := snapshot.New(snapshot.NewClock(), time.Hour, func(context.Context, sample.Parts) (*value, error) {
		panic("boom")
	}, func() { called = true })
	defer c.Close()
	func() {
		defer func() { _ = recover() }()
		_, _ = c.Get(t.Context(), 0)
	}()
	if !called {
		t.Error("after was not called")
	}
}

func TestFailureIsSharedByWaitersButNotCached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var calls atomic.Int64
		c := newCache(time.Second, func(_ context.Context, _ sample.Parts) (*value, error) {
			calls.Add(1)
			time.Sleep(10 * time.Millisecond)
			return nil, broken
		})
		defer c.Close()
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				if _, err := c.Get(t.Context(), 0); !errors.Is(err, broken) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("a crowd of 16 tried a broken source %d times, want 1", n)
		}
		if _, err := c.Get(t.Context(), 0); !errors.Is(err, broken) || calls.Load() != 2 {
			t.Errorf("a later reader did not try again: %v, %d calls", err, calls.Load())
		}
	})
}

func TestAReaderThatGivesUpDoesNotFailTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64
		c := newCache(time.Second, func(ctx context.Context, _ sample.Parts) (*value, error) {
			if calls.Add(1) == 1 {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return &value{It: reading{7}}, nil
		})
		defer c.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() { _, _ = c.Get(ctx, 0) }()
		synctest.Wait()
		if n := get(t, c); n != 7 {
			t.Errorf("got %d", n)
		}
	})
}

func TestCloseEndsWaitsAndLeavesNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := newCache(time.Hour, func(_ context.Context, _ sample.Parts) (*value, error) {
			<-release
			return new(value), nil
		})
		go func() { _, _ = c.Get(context.Background(), 0) }()
		waiter := make(chan error)
		synctest.Wait()
		go func() {
			_, err := c.Get(context.Background(), 0)
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
		if c.Peek(0) != nil || c.Fresh(0) != nil {
			t.Error("a refresh that ended after Close published its value")
		}
		for _, read := range []func(context.Context, sample.Parts) (*reading, error){c.Get, c.Refresh, c.Read} {
			if _, err := read(t.Context(), 0); !errors.Is(err, snapshot.ErrClosed) {
				t.Errorf("error %v, want ErrClosed", err)
			}
		}
	})
}

// parted is a value that tells what it was read with.
func parted(reads *[]sample.Parts) snapshot.Load[sample.Parts] {
	return func(_ context.Context, parts sample.Parts) (*snapshot.Value[sample.Parts], error) {
		*reads = append(*reads, parts)
		return &snapshot.Value[sample.Parts]{It: parts}, nil
	}
}

func TestAValueThatLacksAPartIsReadAgainWithBoth(t *testing.T) {
	var reads []sample.Parts
	c := newCache(time.Hour, parted(&reads))
	defer c.Close()
	for _, parts := range []sample.Parts{sample.PartCgroup, sample.PartSystem, sample.PartCgroup, sample.PartCgroup | sample.PartSystem} {
		if v, err := c.Get(t.Context(), parts); err != nil || !v.Have(parts) {
			t.Errorf("asked for %b, got %b: %v", parts, *v, err)
		}
	}
	if want := []sample.Parts{sample.PartCgroup, sample.PartCgroup | sample.PartSystem}; !slices.Equal(reads, want) {
		t.Errorf("read %b, want %b", reads, want)
	}
	if c.Peek(sample.PartTasks) != nil {
		t.Error("a value without the part is current")
	}
}

func TestWithoutAnAgeAReadingHasWhatItsReaderAskedFor(t *testing.T) {
	var reads []sample.Parts
	c := newCache(0, parted(&reads))
	defer c.Close()
	for _, parts := range []sample.Parts{sample.PartCgroup, sample.PartSystem} {
		if v, err := c.Get(t.Context(), parts); err != nil || *v != parts {
			t.Errorf("asked for %b, got %b: %v", parts, *v, err)
		}
	}
}

func TestReadIsForItsCallerAlone(t *testing.T) {
	var reads []sample.Parts
	c := newCache(time.Hour, parted(&reads))
	if v, err := c.Read(t.Context(), sample.PartCgroup); err != nil || *v != sample.PartCgroup {
		t.Fatal(*v, err)
	}
	if v, err := c.Get(t.Context(), sample.PartSystem); err != nil || *v != sample.PartSystem {
		t.Errorf("%b was read for a reader of %b: %v", *v, sample.PartSystem, err)
	}
	c.Close()
	if _, err := c.Read(t.Context(), sample.PartCgroup); !errors.Is(err, snapshot.ErrClosed) {
		t.Errorf("error %v, want ErrClosed", err)
	}
}

func TestCachedGetAllocatesNothing(t *testing.T) {
	var calls atomic.Int64
	c := newCache(time.Hour, counting(&calls))
	defer c.Close()
	ctx := t.Context()
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Get(ctx, 0); c.Fresh(0) }); n != 0 {
		t.Errorf("%v allocations in a cached Get", n)
	}
	if n := calls.Load(); n != 1 {
		t.Errorf("%d reads", n)
	}
}

func BenchmarkGet(b *testing.B) {
	var calls atomic.Int64
	c := newCache(time.Hour, counting(&calls))
	defer c.Close()
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.Get(ctx, 0)
	}
}
