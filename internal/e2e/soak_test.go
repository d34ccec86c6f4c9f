//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	soakDuration   = flag.Duration("soak.duration", 20*time.Second, "how long TestSoak runs")
	soakReportFile = flag.String("soak.report", "", "file that TestSoak writes its report to")
)

const soakExport = 2 * time.Second

// span is a time in which nothing can arrive.
type span struct{ from, to time.Time }

// soakLine is what the program prints; see internal/soak.
type soakLine struct {
	Reads, Refreshes, ShortLived, Handled uint64
	Errors                                map[string]uint64
	Backwards                             []string
	MaxAge, SlowestRead                   time.Duration
	Heap                                  uint64
	Goroutines, Descriptors               int
}

type soakRun struct {
	ctx       context.Context
	t         *testing.T
	program   *process
	cgroup    *testCgroup
	files     string   // the root of files
	texts     []string // the files in it
	moves     int
	binary    string
	addresses []string
	outputs   []string // what each Collector wrote
	collector *process
	outages   []span
	began     time.Time
	faults    map[string]int
	unable    map[string]error
}

// TestSoak runs a program with the whole pipeline for a long time, with load
// and with faults at random, and judges what it has left behind.
func TestSoak(t *testing.T) {
	ctx := deadline(t)
	r := &soakRun{
		ctx: ctx, t: t, files: t.TempDir(), addresses: freeAddresses(t, 4),
		faults: map[string]int{}, unable: map[string]error{},
	}
	r.binary = buildCollector(ctx, t)
	program := build(ctx, t, "soak", checkout(t), "./internal/soak")
	r.texts = unpackFiles(t, filepath.Join(checkout(t), "otelresource/testdata/every-file-v2.txtar"), r.files)
	r.startCollector()
	r.cgroup = limitedCgroup(t)
	t.Cleanup(r.leave)
	r.program = start(t, "the program", helper(helperExec, r.cgroup, environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + r.addresses[0],
	}), program, "-root", r.files, "-export", soakExport.String()))
	if err := r.move(); err != nil && !errors.Is(err, errNoHierarchy) { // from now on it is at one depth
		t.Fatal(err)
	}
	r.began = time.Now()
	stopAdvancing := r.advanceEverySecond()
	defer stopAdvancing() // where the test ends early: the files are removed then
	for time.Since(r.began) < *soakDuration && ctx.Err() == nil {
		r.pause(2 * time.Second)
		f := soakFaults[rand.IntN(len(soakFaults))]
		if err := f.inject(r); errors.Is(err, errNoHierarchy) {
			r.unable[f.name] = err
		} else if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		} else {
			r.faults[f.name]++
		}
		if r.program.ended() {
			t.Fatalf("the program ended: %v", r.program.err)
		}
	}
	stopAdvancing()
	r.pause(4 * soakExport) // whatever is late arrives
	r.program.stop(t, os.Interrupt, 30*time.Second)
	r.collector.stop(t, os.Interrupt, 15*time.Second)
	r.judge()
}

// startCollector starts a Collector on the run's addresses and waits for its health check.
func (r *soakRun) startCollector() {
	file := filepath.Join(r.t.TempDir(), "metrics.json")
	r.outputs = append(r.outputs, file)
	r.collector = start(r.t, "the Collector", collectorCommand(r.t, r.binary, r.addresses, file))
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	poll(ctx, r.t, "the Collector's health check", func() (bool, error) {
		_, err := get(ctx, "http://"+r.addresses[2])
		return err == nil, nil
	}, r.collector)
}

// pause waits for a random time up to most.
func (r *soakRun) pause(most time.Duration) {
	select {
	case <-time.After(most/4 + rand.N(most*3/4)):
	case <-r.ctx.Done():
	}
}

// lines are what the program has printed.
func (r *soakRun) lines() (all []soakLine) {
	r.t.Helper()
	for line := range bytes.Lines([]byte(r.program.log())) {
		if !bytes.HasPrefix(line, []byte("{")) {
			r.t.Logf("the program printed %s", line)
			continue
		}
		var l soakLine
		if err := json.Unmarshal(line, &l); err != nil {
			r.t.Fatalf("%s: %v", line, err)
		}
		all = append(all, l)
	}
	return all
}

// arrivals gives the times of the exports of each program's resource, and how
// many points arrived.
func (r *soakRun) arrivals() (byService map[string][]time.Time, points int) {
	r.t.Helper()
	byService = map[string][]time.Time{}
	for _, file := range r.outputs {
		all, err := readPoints(file)
		if err != nil {
			r.t.Fatal(err)
		}
		points += len(all)
		for _, p := range all {
			name := p.resource["service.name"]
			byService[name] = append(byService[name], p.at)
		}
	}
	for name, times := range byService {
		slices.SortFunc(times, time.Time.Compare)
		// The points of one export differ by what lies between their instruments.
		byService[name] = slices.CompactFunc(times, func(a, b time.Time) bool { return b.Sub(a).Abs() < soakExport/4 })
	}
	return byService, points
}

// explained reports whether the Collector was away in the gap, or shortly before:
// gRPC waits for longer and longer before it tries again.
func (r *soakRun) explained(gap span) bool {
	return slices.ContainsFunc(r.outages, func(o span) bool {
		return o.from.Add(-2*soakExport).Before(gap.to) && o.to.Add(10*soakExport).After(gap.from)
	})
}

// soakReport is a text in Markdown.
type soakReport struct{ strings.Builder }

func (b *soakReport) row(format string, args ...any) { fmt.Fprintf(b, "| "+format+" |\n", args...) }

// judge holds what the run has left behind against what is allowed, and reports it.
func (r *soakRun) judge() {
	t := r.t
	lines := r.lines()
	if len(lines) < 10 {
		t.Fatalf("the program printed %d lines", len(lines))
	}
	last := lines[len(lines)-1]
	b := &soakReport{}
	fmt.Fprintf(b, "# Soak of %s, %s\n\n", time.Since(r.began).Round(time.Second), r.began.UTC().Format("2006-01-02 15:04 UTC"))
	fmt.Fprintf(b, "`make soak` on %s/%s with %d CPUs, Go %s.\n\n| what | |\n|---|---|\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), strings.TrimPrefix(runtime.Version(), "go"))
	b.row("direct reads | %d", last.Reads)
	b.row("refreshes seen by the readers | %d", last.Refreshes)
	b.row("monitors made and closed beside | %d", last.ShortLived)
	b.row("oldest snapshot handed out | %v", last.MaxAge.Round(time.Millisecond))
	b.row("slowest GetMemoryStats | %v", last.SlowestRead.Round(time.Millisecond))
	r.judgeGrowth(b, lines)
	r.judgeArrivals(b)
	b.row("counters that went back | %d", len(last.Backwards))
	if len(last.Backwards) > 0 {
		t.Errorf("counters went back: %q", last.Backwards)
	}
	if most := time.Second + 2*time.Second; last.MaxAge > most {
		t.Errorf("a snapshot of %v was handed out", last.MaxAge)
	}
	r.reportFaults(b)
	b.WriteString("\n| error, by call and cause | times |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(last.Errors)) {
		b.row("%s | %d", strings.ReplaceAll(strings.ReplaceAll(name, "|", "/"), "\n", " "), last.Errors[name])
	}
	t.Logf("\n%s", b)
	if *soakReportFile != "" {
		if err := os.WriteFile(*soakReportFile, []byte(b.String()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// judgeGrowth compares what the program holds early with what it holds late.
func (r *soakRun) judgeGrowth(b *soakReport, lines []soakLine) {
	tenth := max(1, len(lines)/10)
	early, late := lines[tenth:2*tenth], lines[len(lines)-1-tenth:len(lines)-1]
	middle := func(from []soakLine, of func(soakLine) int) int {
		var all []int
		for _, l := range from {
			all = append(all, of(l))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	for _, of := range []struct {
		name  string
		value func(soakLine) int
		most  int
	}{
		{"heap in use, KiB", func(l soakLine) int { return int(l.Heap >> 10) }, 3 << 10},
		{"goroutines", func(l soakLine) int { return l.Goroutines }, 3},
		{"descriptors", func(l soakLine) int { return l.Descriptors }, 6},
	} {
		from, to := middle(early, of.value), middle(late, of.value)
		b.row("%s, median of the second and of the last tenth | %d, %d", of.name, from, to)
		if to > from+of.most {
			r.t.Errorf("%s: %d at first, %d at last", of.name, from, to)
		}
	}
}

// judgeArrivals looks for exports that are missing though the Collector was there.
func (r *soakRun) judgeArrivals(b *soakReport) {
	byService, points := r.arrivals()
	b.row("points that arrived | %d", points)
	lost := 0
	for _, service := range []string{"machine", "files"} {
		times := byService[service]
		longest, outages := time.Duration(0), 0
		for i := 1; i < len(times); i++ {
			gap := span{times[i-1], times[i]}
			longest = max(longest, gap.to.Sub(gap.from))
			switch {
			case gap.to.Sub(gap.from) <= 3*soakExport:
			case r.explained(gap):
				outages++
			default:
				lost++
				r.t.Errorf("nothing of %s arrived from %v to %v, and the Collector was there", service, gap.from, gap.to)
			}
		}
		b.row("exports of %s every %v, longest gap, gaps while the Collector was away | %d, %v, %d", service, soakExport, len(times), longest.Round(time.Millisecond), outages)
		if want := int(time.Since(r.began) / soakExport / 4); len(times) < want {
			r.t.Errorf("%d exports of %s arrived, want at least %d", len(times), service, want)
		}
	}
	b.row("exports lost while the Collector was there | %d", lost)
}

func (r *soakRun) reportFaults(b *soakReport) {
	faults := 0
	b.WriteString("\n| fault | times |\n|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(r.faults)) {
		b.row("%s | %d", name, r.faults[name])
		faults += r.faults[name]
	}
	b.row("all | %d", faults)
	for name, why := range r.unable {
		b.row("%s | not possible here: %v", name, why)
	}
	b.row("the clock is stepped | not done: the machine's clock is not the test's")
}
