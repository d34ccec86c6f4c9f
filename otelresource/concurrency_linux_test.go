package otelresource_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// 64 goroutines read while limits change, cgroups vanish, the process moves, and
// monitors come and go.
func TestEverythingAtOnceConcurrentSafe(t *testing.T) {
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	root := fixture.Load(t, "testdata/every-file-v2.txtar")
	text, err := root.Hostfs().ReadFile("/proc/self/cgroup", 4096)
	if err != nil {
		t.Fatal(err)
	}
	s := newSubject(t, root)
	shared := monitorOn(t, root, every(5*time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	var reads atomic.Int64
	for i := range 56 {
		m := []*otelresource.Monitor{shared, s.monitor}[i%2]
		wg.Go(func() {
			for ctx.Err() == nil {
				_, e1 := m.GetMemoryStats(ctx)
				_, e2 := m.GetCPUStats(ctx)
				_, e3 := m.GetIOStats(ctx)
				_, e4 := m.GetNetworkStats(ctx)
				_, e5 := m.GetLimits(ctx)
				for _, err := range []error{e1, e2, e3, e4, e5} {
					if err != nil && !errors.Is(err, otelresource.ErrCgroupNotFound) && !errors.Is(err, ctx.Err()) {
						t.Errorf("%v", err)
						return
					}
				}
				reads.Add(1)
			}
		})
	}
	for range 2 { // two readers of one provider
		wg.Go(func() {
			for ctx.Err() == nil {
				var data metricdata.ResourceMetrics
				if err := s.reader.Collect(ctx, &data); err != nil && ctx.Err() == nil {
					t.Error(err)
				}
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				m, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{RootFS: root.Dir()})
				if err != nil {
					t.Error(err)
					return
				}
				i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))))
				if err != nil {
					t.Error(err)
					return
				}
				if err := errors.Join(i.Shutdown(context.Background()), m.Close()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Go(func() { // the only one that changes the files
		slice := filepath.Join(root.Dir(), "sys/fs/cgroup/work.slice")
		for n := 0; ctx.Err() == nil; n++ {
			root.Write("sys/fs/cgroup/work.slice/memory.max", fmt.Sprintln(1<<30+n))
			root.Write("proc/self/cgroup", "0::/work.slice\n")
			time.Sleep(3 * time.Millisecond)
			root.Write("proc/self/cgroup", string(text))
			if err := errors.Join(os.Rename(slice, slice+".gone"), sleep(3*time.Millisecond), os.Rename(slice+".gone", slice)); err != nil {
				t.Error(err)
			}
			time.Sleep(3 * time.Millisecond)
		}
	})
	wg.Wait()
	s.close(t)
	if err := shared.Close(); err != nil {
		t.Error(err)
	}
	if reads.Load() < 50 {
		t.Errorf("only %d rounds of readings", reads.Load())
	}
	nothingLeft(t, "at the end", goroutines, descriptors)
}

func sleep(d time.Duration) error {
	time.Sleep(d)
	return nil
}

// On one provider at most one of many that start wins, and who comes after its Shutdown can start.
func TestStartAndShutdownRaceConcurrentSafe(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), uncached)
	provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
	var running, starts atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m))
				if err != nil {
					continue
				}
				starts.Add(1)
				if n := running.Add(1); n > 1 {
					t.Errorf("%d run on one provider", n)
				}
				running.Add(-1)
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						if err := i.Shutdown(context.Background()); err != nil {
							t.Error(err)
						}
					})
				}
				both.Wait()
			}
		})
	}
	wg.Wait()
	if starts.Load() == 0 {
		t.Error("nobody could start")
	}
	i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m))
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

// Shutdown while a source ignores its context: the caller gets its own deadline's error,
// and what was begun ends as soon as it can.
func TestShutdownDuringACollectionEndsLater(t *testing.T) {
	var block atomic.Bool
	entered, release := make(chan struct{}, 1), make(chan struct{})
	m := otelresource.NewFakeMonitor(&otelresource.FakeSource{
		CPU: goodCPU,
		Memory: func(ctx context.Context, s *sample.Memory) error {
			if block.Load() {
				entered <- struct{}{}
				<-release
			}
			return goodMemory(ctx, s)
		},
	})
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(m), otelresource.WithScopes(otelresource.ScopeSystem))
	if err != nil {
		t.Fatal(err)
	}
	block.Store(true)
	collected := make(chan error)
	go func() { collected <- reader.Collect(context.Background(), new(metricdata.ResourceMetrics)) }()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := i.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Shutdown during a collection: %v", err)
	}
	block.Store(false)
	close(release)
	if err := <-collected; err != nil {
		t.Error(err)
	}
	if err := errors.Join(i.Shutdown(context.Background()), m.Close()); err != nil {
		t.Error(err)
	}
}

// TestMonitorsLeaveNothingBehind opens and closes many monitors: 10,000 with -matrix.
// The heap is told apart by who allocated what: the runtime keeps the description of each
// goroutine and thread of the most that there were at once for ever, and lets each
// processor keep 64 dead ones, so that their number grows by chance for a while. A profile that hides
// the runtime shows them as memory of whoever starts goroutines: here of a Guard.
func TestMonitorsLeaveNothingBehind(t *testing.T) {
	n, steps := 400, 10
	if *wholeMatrix {
		n = 10_000
	}
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	open := func(n int) {
		for range n {
			m, err := otelresource.NewResourceMonitorWithConfig(&otelresource.Config{RootFS: root.Dir()})
			if err != nil {
				t.Fatal(err)
			}
			// On a busy machine a file may not be read in time; the monitor is used all the same.
			if _, err := m.GetMemoryStats(t.Context()); err != nil && !errors.Is(err, otelresource.ErrCgroupNotFound) {
				t.Fatal(err)
			}
			if err := m.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	open(n / steps)
	at, all := []float64{0}, []float64{0}
	heap, runtimes := inUse()
	for i := range steps {
		open(n / steps)
		h, r := inUse()
		at, all = append(at, float64((i+1)*(n/steps))), append(all, float64((h-r)-(heap-runtimes)))
		t.Logf("%d monitors: heap %d, %+d, of which the runtime's descriptions %+d", (i+1)*(n/steps), h, h-heap, r-runtimes)
	}
	slope := medianSlope(at, all)
	t.Logf("%.3f bytes for each of %d monitors", slope, n)
	if slope > max(1, 4096/float64(n/5)) { // of a few, a page is noise
		t.Errorf("a monitor leaves %.2f bytes", slope)
	}
	nothingLeft(t, "closed", goroutines, descriptors)
}

// inUse returns the bytes of the heap that live, and those of them that describe
// goroutines and threads. The rate of the profile must be 1 for as long as is compared.
func inUse() (heap, runtimes int64) {
	for range 4 { // finalizers, pools and the profile need more than one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	n, _ := runtime.MemProfile(nil, false)
	records := make([]runtime.MemProfileRecord, n+100)
	n, _ = runtime.MemProfile(records, false)
	for _, r := range records[:n] {
		for frames := runtime.CallersFrames(r.Stack()); ; {
			f, more := frames.Next()
			if f.Function == "runtime.malg" || f.Function == "runtime.allocm" || f.Function == "runtime.allgadd" {
				runtimes += r.InUseBytes()
				break
			}
			if !more {
				break
			}
		}
	}
	return int64(m.HeapAlloc), runtimes
}

// medianSlope is the median of the slopes between every two points, which a single step does not move.
func medianSlope(x, y []float64) float64 {
	var slopes []float64
	for i := range x {
		for j := range i {
			slopes = append(slopes, (y[i]-y[j])/(x[i]-x[j]))
		}
	}
	slices.Sort(slopes)
	return slopes[len(slopes)/2]
}
