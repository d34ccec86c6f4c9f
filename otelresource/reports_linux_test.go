package otelresource_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

// curious is a logger and an error handler that read a monitor for each record, as one does that
// puts the memory in use into every line.
type curious struct {
	slog.Handler
	monitor atomic.Pointer[otelresource.Monitor]
	records atomic.Int32
}

func newCurious(t *testing.T) *curious {
	c := &curious{Handler: slog.DiscardHandler}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) { c.read() }))
	t.Cleanup(func() { otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {})) })
	return c
}

func (c *curious) Enabled(context.Context, slog.Level) bool { return true }

func (c *curious) Handle(context.Context, slog.Record) error {
	c.read()
	return nil
}

func (c *curious) read() {
	c.records.Add(1)
	if m := c.monitor.Load(); m != nil {
		readAll(context.Background(), m)
	}
}

// readAll calls every getter.
func readAll(ctx context.Context, m *otelresource.Monitor) {
	_, _ = m.GetMemoryStats(ctx)
	_, _ = m.GetCPUStats(ctx)
	_, _ = m.GetIOStats(ctx)
	_, _ = m.GetNetworkStats(ctx)
	_, _ = m.GetLimits(ctx)
	m.GetEnvironmentInfo()
	m.IsContainerized()
}

// breakAll makes a file of every collector malformed.
func breakAll(root *fixture.Root) {
	for _, name := range []string{
		"proc/meminfo", "proc/stat", "proc/vmstat", "proc/diskstats", "proc/self/net/dev", "proc/net/dev", "proc/pressure/memory",
		ownDir + "/memory.current", ownDir + "/memory.max", ownDir + "/cpu.stat", ownDir + "/cpu.max", ownDir + "/io.stat", ownDir + "/pids.current",
	} {
		root.Write(name, "\x7fELF\xff 99999999999999999999999 -\n")
	}
}

func TestLoggersAndErrorHandlersMayCallEveryGetter(t *testing.T) {
	type subject struct {
		root   *fixture.Root
		c      *curious
		config func(*otelresource.Config)
		m      *otelresource.Monitor // made before the files break
	}
	start := func(t *testing.T, s *subject) *metric.ManualReader {
		_, reader := startedOn(t, s.m)
		return reader
	}
	for name, prepare := range map[string]func(*testing.T, *subject) func(){
		"GetMemoryStats": func(t *testing.T, s *subject) func() {
			return func() { _, _ = s.m.GetMemoryStats(t.Context()) }
		},
		"GetCPUStats": func(t *testing.T, s *subject) func() {
			return func() { _, _ = s.m.GetCPUStats(t.Context()) }
		},
		"GetIOStats": func(t *testing.T, s *subject) func() {
			return func() { _, _ = s.m.GetIOStats(t.Context()) }
		},
		"GetNetworkStats": func(t *testing.T, s *subject) func() {
			return func() { _, _ = s.m.GetNetworkStats(t.Context()) }
		},
		"GetLimits": func(t *testing.T, s *subject) func() {
			return func() { _, _ = s.m.GetLimits(t.Context()) }
		},
		"Collect": func(t *testing.T, s *subject) func() {
			reader := start(t, s)
			return func() { _ = reader.Collect(t.Context(), new(metricdata.ResourceMetrics)) }
		},
		"Produce": func(t *testing.T, s *subject) func() {
			p, err := producer.New(otelresource.WithMonitor(s.m))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
			return func() { _, _ = p.Produce(t.Context()) }
		},
		"Start": func(t *testing.T, s *subject) func() {
			return func() { start(t, s) }
		},
		"producer.New": func(t *testing.T, s *subject) func() {
			return func() {
				if p, err := producer.New(otelresource.WithMonitor(s.m)); err == nil {
					_ = p.Shutdown(context.Background())
				}
			}
		},
		"NewResourceMonitorWithConfig": func(t *testing.T, s *subject) func() {
			return func() { monitorOn(t, s.root, s.config) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, caching := range []bool{true, false} {
				s := &subject{root: fixture.Load(t, "testdata/docker-v2.txtar"), c: newCurious(t)}
				s.config = func(c *otelresource.Config) {
					c.EnableCaching, c.UpdateInterval = caching, time.Hour
					c.Logger = slog.New(s.c)
				}
				s.m = monitorOn(t, s.root, s.config)
				call := prepare(t, s)
				breakAll(s.root)
				s.c.monitor.Store(s.m)
				before := s.c.records.Load()
				mustReturn(t, call)
				if s.c.records.Load() == before {
					t.Error("got no report of a fault")
				}
			}
		})
	}
}

// mustReturn fails if call does not return.
func mustReturn(t *testing.T, call func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		call()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("it does not return")
	}
}

func TestErrorHandlersMayCallGettersAfterAPanic(t *testing.T) {
	c := newCurious(t)
	var bad atomic.Bool
	provider, out := program(t, &otelresource.FakeSource{
		CPU: goodCPU,
		Memory: func(ctx context.Context, s *sample.Memory) error {
			if bad.Swap(false) {
				panic("boom")
			}
			return goodMemory(ctx, s)
		},
	})
	bad.Store(true)
	c.monitor.Store(monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar")))
	mustReturn(t, func() {
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Error(err)
		}
	})
	if c.records.Load() != 1 || out.last()["application.requests{}"] != 42 {
		t.Errorf("got %d reports and %v, want one report and all other points", c.records.Load(), out.last())
	}
}

func TestAReadersDeadlineIsNoFault(t *testing.T) {
	errs := handled(t)
	var slow atomic.Bool
	provider, out := program(t, &otelresource.FakeSource{
		Memory: goodMemory,
		CPU: func(ctx context.Context, s *sample.CPU) error {
			if slow.Load() {
				<-ctx.Done()
				return ctx.Err()
			}
			return goodCPU(ctx, s)
		},
	})
	slow.Store(true)
	for range 3 {
		if err := provider.ForceFlush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(errs()) > 0 {
		t.Errorf("got %v, want no report", errs())
	}
	for point, n := range out.last() {
		if strings.HasPrefix(point, "otelresource.source.errors") {
			t.Errorf("got %s = %v, want no count", point, n)
		}
	}
}

// lockedBuffer is a log that is read while others write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lockedBuffer) lines() int { return strings.Count(l.String(), "\n") }

// Readers that give up sooner than kernfs.HangLimit never see that a file hangs. It is reported all the same.
func TestAHangIsReportedOnceWhoeverReads(t *testing.T) {
	for name, read := range map[string]func(*testing.T, *otelresource.Monitor, *metric.ManualReader){
		"getters with short deadlines": func(t *testing.T, m *otelresource.Monitor, _ *metric.ManualReader) {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
			defer cancel()
			_, _ = m.GetMemoryStats(ctx)
		},
		"only Collect": func(t *testing.T, _ *otelresource.Monitor, r *metric.ManualReader) {
			_ = r.Collect(t.Context(), new(metricdata.ResourceMetrics))
		},
	} {
		t.Run(name, func(t *testing.T) {
			errs, log := handled(t), new(lockedBuffer)
			root := fixture.Load(t, "testdata/docker-v2.txtar")
			text, err := root.Hostfs().ReadFile("/proc/meminfo", 1<<16)
			if err != nil {
				t.Fatal(err)
			}
			healthy := fixture.Answer{Text: string(text)}
			file, _ := root.Serve("proc/meminfo", healthy)
			m := monitorOn(t, root, uncached, func(c *otelresource.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) })
			_, reader := startedOn(t, m)
			begin := time.Now()
			silent := healthy
			silent.Silent = true
			file.Set(silent)
			for deadline := begin.Add(time.Minute); log.lines() == 0; {
				read(t, m, reader)
				if time.Now().After(deadline) {
					t.Fatal("got no report of the hang")
				}
				if log.lines()+len(errs()) > 0 && time.Since(begin) < kernfs.HangLimit {
					t.Fatalf("got %v and this log before the file hung for %v:\n%s", errs(), kernfs.HangLimit, log)
				}
			}
			for range 3 {
				read(t, m, reader)
			}
			var pe *fs.PathError
			if all := errs(); len(all) != 1 || !errors.As(all[0], &pe) || pe.Path != root.Dir()+"/proc/meminfo" || pe.Op != "read" ||
				!errors.Is(all[0], kernfs.ErrHung) || log.lines() != 1 {
				t.Errorf("got %v and the log:\n%s\nwant one report that reading proc/meminfo hangs", all, log)
			}
			points, _ := emitted(collect(t, reader))
			if n := points["otelresource.source.errors{error.type=timeout,otelresource.source=meminfo}"]; n != 1 {
				t.Errorf("got %v counted hangs, want 1", n)
			}
		})
	}
}

// A monitor that is closed before the provider loses the last export.
func TestAMonitorThatIsClosedEarlyIsReportedOnce(t *testing.T) {
	for name, c := range map[string]struct {
		op  string
		run func(t *testing.T, m *otelresource.Monitor) (shutdown func(context.Context) error, read func())
	}{
		"Start": {"Collect", func(t *testing.T, m *otelresource.Monitor) (func(context.Context) error, func()) {
			i, reader := startedOn(t, m)
			return i.Shutdown, func() { _ = reader.Collect(t.Context(), new(metricdata.ResourceMetrics)) }
		}},
		"Producer": {"Produce", func(t *testing.T, m *otelresource.Monitor) (func(context.Context) error, func()) {
			p, err := producer.New(otelresource.WithMonitor(m))
			if err != nil {
				t.Fatal(err)
			}
			return p.Shutdown, func() { _, _ = p.Produce(t.Context()) }
		}},
	} {
		for _, early := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				errs, log := handled(t), new(lockedBuffer)
				m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), func(c *otelresource.Config) {
					c.Logger = slog.New(slog.NewTextHandler(log, nil))
				})
				shutdown, read := c.run(t, m)
				if !early {
					if err := shutdown(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				if err := m.Close(); err != nil {
					t.Fatal(err)
				}
				read()
				read()
				if err := shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				read()
				if !early {
					if len(errs())+log.lines() > 0 {
						t.Errorf("after Shutdown got %v and the log %s, want nothing", errs(), log)
					}
					return
				}
				var own *otelresource.Error
				if all := errs(); len(all) != 1 || !errors.Is(all[0], otelresource.ErrClosed) || !errors.As(all[0], &own) || own.Op != c.op || log.lines() != 1 {
					t.Errorf("got %v and the log %s, want one ErrClosed of %s in each", all, log, c.op)
				}
			})
		}
	}
}

func TestEndedContextGetsACurrentSnapshot(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), every(time.Hour))
	for name, get := range map[string]func(context.Context) (any, error){
		"GetMemoryStats":  func(ctx context.Context) (any, error) { return m.GetMemoryStats(ctx) },
		"GetCPUStats":     func(ctx context.Context) (any, error) { return m.GetCPUStats(ctx) },
		"GetIOStats":      func(ctx context.Context) (any, error) { return m.GetIOStats(ctx) },
		"GetNetworkStats": func(ctx context.Context) (any, error) { return m.GetNetworkStats(ctx) },
		"GetLimits":       func(ctx context.Context) (any, error) { return m.GetLimits(ctx) },
	} {
		if _, err := get(ended); !errors.Is(err, context.Canceled) {
			t.Errorf("%s without a snapshot: got %v, want %v", name, err, context.Canceled)
		}
		want, err := get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := get(ended); err != nil || got != want {
			t.Errorf("%s: got %p, %v, want the snapshot %p", name, got, err, want)
		}
	}
}
