// Container fits a program to what its container grants: as many workers as there
// are cores, and a Go heap that stays below the memory limit. Outside of a
// container it takes the machine for the limit.
//
//	go run ./examples/container
package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"sync"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return err
	}
	defer func() { _ = monitor.Close() }()
	limits, err := monitor.GetLimits(ctx)
	if err != nil {
		return err
	}
	if limits.Memory != nil {
		bytes := heapLimit(limits.Memory.Value)
		debug.SetMemoryLimit(bytes)
		fmt.Printf("GOMEMLIMIT %d, of %.0f bytes set by %s %s\n", bytes, limits.Memory.Value, limits.Memory.Source, limits.Memory.File)
	}
	n := 1
	if limits.CPU != nil {
		n = workers(limits.CPU.Value)
		fmt.Printf("%d workers, for %.2f cores set by %s %s\n", n, limits.CPU.Value, limits.CPU.Source, limits.CPU.File)
	}
	fmt.Printf("%d jobs done\n", work(n, 1000))
	return nil
}

// heapLimit leaves a tenth for what is not Go's heap: stacks, C, page cache.
func heapLimit(limit float64) int64 { return int64(limit * 0.9) }

// workers rounds up: a worker that waits costs less than half a core unused.
func workers(cores float64) int { return max(1, int(math.Ceil(cores))) }

// work does jobs with n workers and gives how many were done.
func work(n, jobs int) int {
	queue, done := make(chan int), make(chan int)
	var pool sync.WaitGroup
	for range n {
		pool.Go(func() {
			for job := range queue {
				done <- job
			}
		})
	}
	go func() {
		for job := range jobs {
			queue <- job
		}
		close(queue)
		pool.Wait()
		close(done)
	}()
	count := 0
	for range done {
		count++
	}
	return count
}
