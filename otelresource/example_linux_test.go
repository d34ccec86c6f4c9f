package otelresource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// A program has a PeriodicReader with an exporter where this one has a
// ManualReader, and needs no Config: it reads the machine that it runs on.
func ExampleStart() {
	root := containerRoot() // the /proc and /sys of a Docker container
	defer func() { _ = os.RemoveAll(root) }()

	reader := metric.NewManualReader()
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	config := otelresource.DefaultConfig()
	config.RootFS = root

	instrumentation, err := otelresource.Start(
		otelresource.WithMeterProvider(provider),
		otelresource.WithConfig(config),
	)
	if err != nil && !errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		log.Fatal(err)
	}
	defer func() { _ = instrumentation.Shutdown(context.Background()) }()

	var metrics metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &metrics); err != nil {
		log.Fatal(err)
	}
	for _, m := range metrics.ScopeMetrics[0].Metrics {
		if m.Name == "container.memory.limit" {
			fmt.Println(m.Name, m.Data.(metricdata.Sum[int64]).DataPoints[0].Value, m.Unit)
		}
	}
	// Output: container.memory.limit 536870912 By
}

// The detector comes before WithFromEnv, so that the user's own attributes win.
func ExampleNewDetector() {
	root := containerRoot()
	defer func() { _ = os.RemoveAll(root) }()

	res, err := resource.New(context.Background(),
		resource.WithDetectors(otelresource.NewDetector(otelresource.WithRootFS(root))),
		resource.WithFromEnv(),
	)
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		log.Fatal(err)
	}
	id, _ := res.Set().Value("container.id")
	runtime, _ := res.Set().Value("container.runtime.name")
	fmt.Println(runtime.AsString(), id.AsString()[:12])
	// Output: docker 4b1f7de09c2a
}

func ExampleNewResourceMonitorWithConfig() {
	root := containerRoot()
	defer func() { _ = os.RemoveAll(root) }()

	config := otelresource.DefaultConfig()
	config.RootFS = root
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = monitor.Close() }()

	memory, err := monitor.GetMemoryStats(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d MB used of %d MB, limit set by %s\n", memory.UsageBytes>>20, memory.LimitBytes>>20, memory.LimitSource)

	cpu, err := monitor.GetCPUStats(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%g cores, limit set by %s %s\n", cpu.LimitCores, cpu.LimitSource, cpu.LimitCgroup)
	if !cpu.Has(otelresource.FieldUsageCores) {
		fmt.Println("usage: known when the first window has passed")
	}
	// Output:
	// 256 MB used of 512 MB, limit set by cgroup_v2
	// 0.5 cores, limit set by cgroup_v2 /work.slice
	// usage: known when the first window has passed
}

func ExampleMonitor_GetEnvironmentInfo() {
	root := containerRoot()
	defer func() { _ = os.RemoveAll(root) }()

	config := otelresource.DefaultConfig()
	config.RootFS = root
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = monitor.Close() }()

	info := monitor.GetEnvironmentInfo()
	if info.Container != nil {
		fmt.Println("container of", info.Container.Runtime)
	}
	for _, finding := range info.Evidence {
		if finding.Key == "container.runtime.name" {
			fmt.Println(finding.Source+":", finding.Reason)
		}
	}
	// Output:
	// container of docker
	// /proc/self/cgroup: the path has the form docker-ID.scope
}

func ExampleNewCgroupManager() {
	manager, err := otelresource.NewCgroupManager()
	if errors.Is(err, otelresource.ErrCgroupNotFound) {
		fmt.Println("no cgroup is visible here")
		return
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("cgroup", manager.GetVersion(), manager.GetControllers())
}

// The sentinels tell what a program can do about a failure.
func ExampleError() {
	monitor, err := otelresource.NewResourceMonitor()
	if err == nil {
		_ = monitor.Close()
		_, err = monitor.GetMemoryStats(context.Background())
	}
	switch {
	case errors.Is(err, otelresource.ErrUnsupportedPlatform):
		fmt.Println("go on without these numbers")
	case errors.Is(err, otelresource.ErrContainerNotFound):
		fmt.Println("measure the machine instead")
	case errors.Is(err, otelresource.ErrCgroupNotFound):
		fmt.Println("mount /sys/fs/cgroup")
	case errors.Is(err, otelresource.ErrInsufficientPerms):
		fmt.Println("grant access to the file that the error names")
	case errors.Is(err, otelresource.ErrClosed):
		fmt.Println(err)
	}
	// Output: otelresource: GetMemoryStats: monitor is closed
}
