package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// output runs the quickstart into a file, as a pipe would take it.
func output(t *testing.T, ctx context.Context, o options) string {
	t.Helper()
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("there are no collectors for this operating system")
	}
	for _, name := range endpoints {
		t.Setenv(name, "")
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	if err := run(ctx, o, f); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestOnceShowsWhereWhyAndHowMuch(t *testing.T) {
	got := output(t, t.Context(), options{once: true, interval: 150 * time.Millisecond})
	for _, want := range []string{"This program runs ", "measured: [", "memory  [", "cpu     [", "limit set by ", ".memory.limit", ".cpu.time"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "usage not known yet") {
		t.Error("-once did not wait for the first window of CPU usage")
	}
	if strings.Contains(got, "\x1b") {
		t.Error("escape sequences in what is not a terminal")
	}
}

func TestJSONIsOneObjectARound(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 400*time.Millisecond)
	defer cancel()
	got := output(t, ctx, options{json: true, interval: 100 * time.Millisecond})
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) < 2 {
		t.Errorf("%d rounds in 400 ms", len(lines))
	}
	for _, line := range lines {
		var round struct {
			Environment struct{ OS string }
			Metrics     []point
		}
		if err := json.Unmarshal([]byte(line), &round); err != nil || round.Environment.OS != runtime.GOOS || len(round.Metrics) < 10 {
			t.Errorf("%v: %s", err, line)
		}
	}
}

func TestIntervalMustBePositive(t *testing.T) {
	if err := run(t.Context(), options{interval: 0}, os.Stdout); err == nil {
		t.Error("an interval of zero was accepted")
	}
}
