package otelresource_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// everything is what can be had of a monitor at one moment: every number and text of
// every getter and every data point, by name, and every error that was told.
// Getters and collectors are found by reflection and by the SDK: a new one is in it.
type everything struct {
	dir      string
	values   map[string]any
	counters map[string]bool // the points whose last value is observed again
	errs     []error
	took     time.Duration // the longest that a getter took
	build    time.Duration // how long the monitor took to make
}

// told collects the errors that a monitor logs.
type told struct {
	slog.Handler
	mu   sync.Mutex
	errs []error
}

func (l *told) Enabled(context.Context, slog.Level) bool { return true }
func (l *told) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if err, ok := a.Value.Any().(error); ok {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.errs = append(l.errs, err)
		}
		return true
	})
	return nil
}

// subject is a monitor over a root with all of its metrics.
type subject struct {
	dir     string // "" is the machine's own root
	monitor *otelresource.Monitor
	start   *otelresource.Instrumentation
	reader  *metric.ManualReader
	log     *told
	build   time.Duration
}

func newSubject(t testing.TB, root *fixture.Root, change ...func(*otelresource.Config)) *subject {
	t.Helper()
	return newSubjectAt(t, root.Dir(), change...)
}

func newSubjectAt(t testing.TB, dir string, change ...func(*otelresource.Config)) *subject {
	t.Helper()
	s := &subject{dir: dir, reader: metric.NewManualReader(), log: new(told)}
	c := otelresource.DefaultConfig()
	c.RootFS, c.Logger = dir, slog.New(s.log)
	c.EnableCaching, c.UpdateInterval = false, time.Millisecond // the own cgroup is looked for each time
	c.EnableDetailedIO, c.EnableDetailedNetwork = true, true
	for _, f := range change {
		f(c)
	}
	begin := time.Now()
	var err error
	if s.monitor, err = otelresource.NewResourceMonitorWithConfig(c); err != nil {
		t.Fatal(err)
	}
	s.build = time.Since(begin)
	provider := metric.NewMeterProvider(metric.WithReader(s.reader))
	scopes := []otelresource.Scope{otelresource.ScopeSystem}
	if s.monitor.IsContainerized() {
		scopes = append(scopes, otelresource.ScopeContainer)
	}
	s.start, err = otelresource.Start(otelresource.WithMeterProvider(provider), otelresource.WithMonitor(s.monitor),
		otelresource.WithScopes(scopes...), otelresource.WithUtilization(), otelresource.WithPerCPU())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *subject) close(t testing.TB) {
	t.Helper()
	begin := time.Now()
	if err := errors.Join(s.start.Shutdown(context.Background()), s.monitor.Close()); err != nil {
		t.Error(err)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("closing took %v", took)
	}
}

// read reads all there is; each getter has patience.
func (s *subject) read(t testing.TB, patience time.Duration) *everything {
	t.Helper()
	all := &everything{dir: s.dir, values: map[string]any{}, counters: map[string]bool{}, build: s.build}
	m := reflect.ValueOf(s.monitor)
	for i := range m.NumMethod() {
		name, method := m.Type().Method(i).Name, m.Method(i)
		if !strings.HasPrefix(name, "Get") || method.Type().NumIn() != 1 || method.Type().NumOut() != 2 {
			continue
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		begin := time.Now()
		out := method.Call([]reflect.Value{reflect.ValueOf(ctx)})
		all.took = max(all.took, time.Since(begin))
		cancel()
		if err, ok := out[1].Interface().(error); ok {
			all.errs = append(all.errs, err)
			continue
		}
		all.flatten(t, strings.TrimPrefix(name, "Get"), out[0].Interface())
	}
	info := *s.monitor.GetEnvironmentInfo()
	info.Evidence, info.Missing = nil, nil // they speak of files, and differ with them
	all.flatten(t, "Environment", info)

	all.collect(t, s, patience)
	if patience < kernfs.HangLimit { // a hang is reported to the first who is refused, for some files only by a getter
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		readAll(ctx, s.monitor)
		cancel()
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	all.errs = append(all.errs, s.log.errs...)
	return all
}

// collect adds the points. Callbacks wait at most 50 ms, so on a busy machine some have to be asked again: until
// a collection adds no point. If patience is that for a file that hangs, it also goes on until the hang is reported, which
// takes kernfs.HangLimit.
func (all *everything) collect(t testing.TB, s *subject, patience time.Duration) {
	t.Helper()
	begin := time.Now()
	for n := 1; ; n++ {
		before := len(all.values)
		ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
		var data metricdata.ResourceMetrics
		err := s.reader.Collect(ctx, &data)
		cancel()
		if err != nil {
			all.errs = append(all.errs, err)
		}
		points, shapes := emitted(&data)
		for name, v := range points {
			metric, _, _ := strings.Cut(name, "{")
			if !strings.HasPrefix(metric, "otelresource.source.errors") {
				all.values[name], all.counters[name] = v, shapes[metric].Kind == instruments.Counter
			}
		}
		complete := n > 1 && len(all.values) == before
		if patience < kernfs.HangLimit {
			complete = complete && time.Since(begin) > kernfs.HangLimit+patience
			time.Sleep(patience / 4)
		}
		if complete {
			return
		}
	}
}

func (all *everything) flatten(t testing.TB, name string, v any) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b = bytes.ReplaceAll(b, []byte(all.dir+"/"), []byte("/"))
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		t.Fatal(err)
	}
	all.add(name, tree)
}

// add walks JSON. An element of a list is named by its texts, so that others keep
// their names when it is gone.
func (all *everything) add(name string, tree any) {
	switch v := tree.(type) {
	case map[string]any:
		for key, value := range v {
			if key != "timestamp" {
				all.add(name+"."+key, value)
			}
		}
	case []any:
		for i, element := range v {
			id := fmt.Sprint(i)
			if fields, ok := element.(map[string]any); ok {
				var texts []string
				for key, value := range fields {
					if text, ok := value.(string); ok {
						texts = append(texts, key+"="+text)
					}
				}
				slices.Sort(texts)
				id = strings.Join(texts, ",")
			}
			all.add(name+"["+id+"]", element)
		}
	case nil:
	default:
		all.values[name] = v
	}
}
