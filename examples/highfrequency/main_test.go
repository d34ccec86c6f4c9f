package main

import (
	"runtime"
	"testing"
	"time"
)

func TestReadsComeFromTheSnapshot(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	r, err := run(t.Context(), 2500*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	// The rate itself is the machine's business; a snapshot of a second is read afresh
	// a few times, however busy the machine is.
	if r.reads < 1000 || r.hitRate() <= 0.95 {
		t.Errorf("%d reads, of which %d were fresh", r.reads, r.fresh)
	}
	if r.fresh < 2 {
		t.Error("the snapshot was never renewed")
	}
	t.Logf("%d reads, hit rate %.4f, %v each", r.reads, r.hitRate(), r.spent/time.Duration(r.reads))
}
