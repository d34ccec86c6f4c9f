package otelresource_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

var stressDuration = flag.Duration("stress.duration", 0,
	"how long TestStressConcurrentSafe runs; 0: 20s with the race detector, not at all without it")

// TestStressConcurrentSafe reads with short deadlines while limits change, the process moves between
// cgroups, and monitors are made and closed.
func TestStressConcurrentSafe(t *testing.T) {
	duration := *stressDuration
	if duration == 0 {
		if !raceDetector {
			t.Skip("runs only with the race detector; -stress.duration overrides that")
		}
		duration = 20 * time.Second
	}
	handled(t)
	time.Sleep(time.Nanosecond) // the first timer opens descriptors of the Go runtime
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var wg sync.WaitGroup
	wg.Go(func() { // the only one that changes the files
		for ctx.Err() == nil {
			changeSomething(root)
			time.Sleep(5 * time.Millisecond)
		}
	})
	var reads atomic.Int64
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := stressOneMonitor(root, &reads); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if reads.Load() == 0 {
		t.Error("got no reads")
	}
	t.Logf("%d reads", reads.Load())
	nothingLeft(t, "at the end", goroutines, descriptors)
}

// changeSomething changes a file, or moves the process to its parent cgroup and back.
func changeSomething(root *fixture.Root) {
	parent, _ := path.Split(ownCgroup)
	switch rand.IntN(4) {
	case 0:
		root.Write(ownDir+"/cpu.max", "max 100000\n")
	case 1:
		root.Write(ownDir+"/cpu.max", "150000 100000\n")
	case 2:
		root.Write("proc/self/cgroup", "0::"+path.Clean(parent)+"\n")
		time.Sleep(20 * time.Millisecond)
		root.Write("proc/self/cgroup", "0::"+ownCgroup+"\n")
	default:
		root.Write(ownDir+"/memory.current", fmt.Sprintln(256<<20+rand.IntN(1<<20)))
	}
}

// stressOneMonitor makes a monitor, reads it from several goroutines in every way, and closes it while they read.
func stressOneMonitor(root *fixture.Root, reads *atomic.Int64) error {
	c := otelresource.DefaultConfig()
	c.RootFS = root.Dir()
	c.EnableCaching, c.UpdateInterval = rand.IntN(2) == 0, time.Duration(1+rand.IntN(20))*time.Millisecond
	c.EnableDetailedIO, c.EnableDetailedNetwork = true, true
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()
	options := []otelresource.Option{
		otelresource.WithMonitor(m), otelresource.WithUtilization(), otelresource.WithPerCPU(),
		otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem),
	}
	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	i, err := otelresource.Start(append(options, otelresource.WithMeterProvider(provider))...)
	if errors.Is(err, otelresource.ErrContainerNotFound) { // a half-written file
		return nil
	}
	if err != nil {
		return err
	}
	p, err := producer.New(options...)
	if err != nil && !errors.Is(err, otelresource.ErrContainerNotFound) {
		return errors.Join(err, i.Shutdown(context.Background()))
	}
	ways := []func(context.Context){
		func(ctx context.Context) { _, _ = m.GetMemoryStats(ctx) },
		func(ctx context.Context) { _, _ = m.GetCPUStats(ctx) },
		func(ctx context.Context) { _, _ = m.GetIOStats(ctx) },
		func(ctx context.Context) { _, _ = m.GetNetworkStats(ctx) },
		func(ctx context.Context) { _, _ = m.GetLimits(ctx) },
		func(ctx context.Context) { _ = reader.Collect(ctx, new(metricdata.ResourceMetrics)) },
	}
	if p != nil {
		ways = append(ways, func(ctx context.Context) { _, _ = p.Produce(ctx) })
	}
	var readers sync.WaitGroup
	end := time.Now().Add(time.Duration(100+rand.IntN(300)) * time.Millisecond)
	for range 6 {
		readers.Go(func() {
			for time.Since(end) < 30*time.Millisecond { // go on after Close
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+rand.IntN(50))*time.Millisecond)
				ways[rand.IntN(len(ways))](ctx)
				cancel()
				reads.Add(1)
			}
		})
	}
	time.Sleep(time.Until(end))
	if rand.IntN(2) == 0 {
		readers.Go(func() { _ = m.Close() })
	}
	err = i.Shutdown(context.Background())
	if p != nil {
		err = errors.Join(err, p.Shutdown(context.Background()))
	}
	readers.Wait()
	return err
}
