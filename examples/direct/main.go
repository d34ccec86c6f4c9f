// Direct reads the resources of this program without any OpenTelemetry SDK.
//
//	go run ./examples/direct
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "direct:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return err
	}
	defer func() { _ = monitor.Close() }()
	info := monitor.GetEnvironmentInfo()
	fmt.Fprintln(out, "platform:", info.Platform, "in a container:", monitor.IsContainerized())

	memory, err := monitor.GetMemoryStats(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "memory limit:", memory.LimitBytes, "set by", memory.LimitSource, memory.LimitFile)
	// What the kernel does not offer is absent, and never zero.
	if memory.Has(otelresource.FieldAvailableBytes) {
		fmt.Fprintln(out, "memory left:", memory.AvailableBytes)
	}
	if memory.Pressure != nil && memory.Pressure.Full != nil {
		fmt.Fprintln(out, "stalled for memory, of the last 10 s:", memory.Pressure.Full.Avg10)
	}

	time.Sleep(1100 * time.Millisecond) // usage is known when the first window is full
	cpu, err := monitor.GetCPUStats(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "cores:", cpu.LimitCores, "set by", cpu.LimitSource, cpu.LimitFile)
	if cpu.Has(otelresource.FieldUsageCores) {
		fmt.Fprintln(out, "cores in use:", cpu.UsageCores)
	}
	if cpu.Throttling != nil {
		fmt.Fprintln(out, "throttled in", cpu.Throttling.ThrottledPeriods, "of", cpu.Throttling.Periods, "periods")
	}
	return nil
}
