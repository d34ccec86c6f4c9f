package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
)

func TestFits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	old := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(old)
	debug.SetMemoryLimit(math.MaxInt64)
	if err := run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		t.Error("the heap has no limit")
	}
}

func TestWorkers(t *testing.T) {
	for cores, want := range map[float64]int{0.25: 1, 1: 1, 1.5: 2, 8: 8} {
		if got := workers(cores); got != want {
			t.Errorf("%d workers for %v cores, want %d", got, cores, want)
		}
	}
	if got := work(3, 100); got != 100 {
		t.Errorf("%d of 100 jobs done", got)
	}
}
