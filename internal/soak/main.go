// Command soak is the program that the soak test runs for a long time: two
// monitors, of the machine and of a root of files, each with all of its metrics
// exported through a periodic reader, and goroutines that read them directly all the
// while. Every second it prints what it has seen, as a line of JSON.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// report is one line. All but the last four are totals.
type report struct {
	Reads, Refreshes, ShortLived, Handled uint64
	Errors                                map[string]uint64
	Backwards                             []string      // counters that went back
	MaxAge                                time.Duration // of a snapshot that was handed out
	SlowestRead                           time.Duration
	Heap                                  uint64 // in use after a collection of garbage
	Goroutines, Descriptors               int
}

type soak struct {
	mu     sync.Mutex
	report report
}

func main() {
	root := flag.String("root", "", "folder of the second monitor's /proc and /sys")
	export := flag.Duration("export", time.Second, "how often metrics are exported")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *root, *export); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, root string, export time.Duration) error {
	s := &soak{report: report{Errors: map[string]uint64{}}}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.report.Handled++
		s.report.Errors["handler: "+cause(err)]++
	}))
	var wg sync.WaitGroup
	var ends []func(context.Context) error
	for name, dir := range map[string]string{"machine": "", "files": root} {
		config := otelresource.DefaultConfig()
		config.RootFS = dir
		monitor, err := otelresource.NewResourceMonitorWithConfig(config)
		if err != nil {
			return err
		}
		exporter, err := otlpmetricgrpc.New(ctx)
		if err != nil {
			return err
		}
		provider := metric.NewMeterProvider(
			metric.WithResource(resource.NewSchemaless(attribute.String("service.name", name))),
			metric.WithReader(metric.NewPeriodicReader(exporter, metric.WithInterval(export), metric.WithTimeout(5*time.Second))))
		i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(monitor),
			otelresource.WithUtilization(), otelresource.WithPerCPU())
		if err != nil {
			return err
		}
		ends = append(ends, func(ctx context.Context) error {
			// While no Collector runs, the last export fails: that is counted, not fatal.
			s.count("shutdown", provider.Shutdown(ctx))
			return errors.Join(i.Shutdown(ctx), monitor.Close())
		})
		for range 8 {
			wg.Go(func() { s.readAll(ctx, name, monitor) })
		}
	}
	wg.Go(func() { s.load(ctx) })
	wg.Go(func() { s.comeAndGo(ctx, root) })
	out := json.NewEncoder(os.Stdout)
	for tick := time.NewTicker(time.Second); ctx.Err() == nil; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
		}
		if err := s.print(out); err != nil {
			return err
		}
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	var errs []error
	for _, end := range ends {
		errs = append(errs, end(ctx))
	}
	return errors.Join(append(errs, s.print(out))...)
}

// readAll reads directly, with contexts of any length.
func (s *soak) readAll(ctx context.Context, name string, m *otelresource.Monitor) {
	var last struct{ memory, cpu time.Time }
	counters := map[string]float64{}
	for ctx.Err() == nil {
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		short, cancel := context.WithTimeout(ctx, time.Duration(1+rand.IntN(2000))*time.Millisecond)
		begin := time.Now()
		memory, err := m.GetMemoryStats(short)
		took := time.Since(begin)
		if s.count("GetMemoryStats", err) {
			s.fresh(memory.Timestamp, &last.memory, took)
		}
		cpu, err := m.GetCPUStats(short)
		if s.count("GetCPUStats", err) {
			s.fresh(cpu.Timestamp, &last.cpu, took)
			s.forward(fmt.Sprint(name, " ", cpu.Scope, " CPU time"), cpu.Has(otelresource.FieldUsageSeconds), cpu.UsageSeconds, counters)
		}
		io, err := m.GetIOStats(short)
		if s.count("GetIOStats", err) {
			s.forward(fmt.Sprint(name, " ", io.Scope, " bytes read"), io.Has(otelresource.FieldReadBytes), float64(io.ReadBytes), counters)
		}
		_, err = m.GetNetworkStats(short)
		s.count("GetNetworkStats", err)
		_, err = m.GetLimits(short)
		s.count("GetLimits", err)
		cancel()
	}
}

// fresh notes a snapshot's age at the moment that it was handed out.
func (s *soak) fresh(at time.Time, last *time.Time, took time.Duration) {
	age := time.Since(at)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.SlowestRead = max(s.report.SlowestRead, took)
	s.report.MaxAge = max(s.report.MaxAge, age)
	if !at.Equal(*last) {
		s.report.Refreshes++
		*last = at
	}
}

// forward notes a counter that goes back; each scope has its own.
func (s *soak) forward(name string, there bool, now float64, last map[string]float64) {
	if !there {
		return
	}
	if now < last[name] {
		s.mu.Lock()
		s.report.Backwards = append(s.report.Backwards, fmt.Sprintf("%s: %v after %v", name, now, last[name]))
		s.mu.Unlock()
	}
	last[name] = now
}

// count counts a call by its cause of failure; true: there was none.
func (s *soak) count(op string, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Reads++
	if err != nil {
		s.report.Errors[op+": "+cause(err)]++
	}
	return err == nil
}

// cause is the part of an error that there are few of.
func cause(err error) string {
	var pe *fs.PathError
	for _, known := range []error{
		otelresource.ErrCgroupNotFound, otelresource.ErrInsufficientPerms, otelresource.ErrClosed,
		context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.As(err, &pe) {
		return filepath.Base(pe.Path) + ": " + pe.Err.Error()
	}
	return fmt.Sprintf("%.80s", err.Error())
}

// load uses CPU time and makes garbage in bursts.
func (s *soak) load(ctx context.Context) {
	var keep atomic.Pointer[[]byte]
	for ctx.Err() == nil {
		for end := time.Now().Add(20 * time.Millisecond); time.Now().Before(end); {
			b := make([]byte, 64<<10)
			keep.Store(&b)
		}
		time.Sleep(time.Duration(100+rand.IntN(400)) * time.Millisecond)
	}
}

// comeAndGo makes and closes monitors beside those that stay.
func (s *soak) comeAndGo(ctx context.Context, root string) {
	for ctx.Err() == nil {
		config := otelresource.DefaultConfig()
		if rand.IntN(2) == 0 {
			config.RootFS = root
		}
		provider := metric.NewMeterProvider(metric.WithReader(metric.NewManualReader()))
		i, err := otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithConfig(config))
		if s.count("Start", err) {
			s.mu.Lock()
			s.report.ShortLived++
			s.mu.Unlock()
			s.count("Shutdown", i.Shutdown(ctx))
		}
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
	}
}

func (s *soak) print(out *json.Encoder) error {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Heap, s.report.Goroutines, s.report.Descriptors = m.HeapAlloc, runtime.NumGoroutine(), len(entries)
	return out.Encode(s.report)
}
