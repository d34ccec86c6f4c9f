package engine

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestClosingDoesNotWaitForAReadingThatHangs(t *testing.T) {
	var freed atomic.Int32
	var g gate
	g.free = func() { freed.Add(1) }
	if err := g.enter(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { g.close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Fatal("close waits")
	}
	if freed.Load() != 0 {
		t.Error("files were closed under a reading")
	}
	g.leave()
	if freed.Load() == 0 {
		t.Error("files stay open behind the last reading")
	}
	if err := g.enter(); !errors.Is(err, ErrClosed) {
		t.Errorf("a reading after close: %v", err)
	}
	g.close() // again is fine
}

func TestTheLastReadingFreesWhateverTheOrder(t *testing.T) {
	for range 200 {
		var open int // under the gate
		var g gate
		g.free = func() { open = 0 }
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 10 {
					if g.enter() != nil {
						return
					}
					open++
					g.leave()
				}
			})
		}
		wg.Go(g.close)
		wg.Wait()
		g.mu.Lock()
		if open != 0 {
			t.Fatalf("%d left open", open)
		}
		g.mu.Unlock()
	}
}
