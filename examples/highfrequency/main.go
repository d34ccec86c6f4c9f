// Highfrequency asks for memory and CPU on every request of a busy service, 10,000
// times a second, to shed load before a limit does it. Nearly every answer comes
// from the snapshot; it prints the share and what a read costs.
//
//	go run ./examples/highfrequency
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/cboxdk/resource-monitor/otelresource"
)

const (
	perSecond = 10_000
	batch     = perSecond / 100 // reads every 10 ms: no timer ticks 10,000 times a second
)

func main() {
	r, err := run(context.Background(), 3*time.Second)
	if err != nil {
		fmt.Fprintln(os.Stderr, "highfrequency:", err)
		os.Exit(1)
	}
	fmt.Printf("%d reads, %.3f %% of them from the snapshot, %v each\n", r.reads, 100*r.hitRate(), r.spent/time.Duration(r.reads))
}

// result is what the reads were like.
type result struct {
	reads, fresh int
	spent        time.Duration // in reads alone
}

func (r result) hitRate() float64 { return 1 - float64(r.fresh)/float64(r.reads) }

func run(ctx context.Context, length time.Duration) (r result, err error) {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return r, err
	}
	defer func() { _ = monitor.Close() }()
	ticker := time.NewTicker(time.Second / perSecond * batch)
	defer ticker.Stop()
	var last *otelresource.MemoryStats
	for began := time.Now(); time.Since(began) < length; <-ticker.C {
		start := time.Now()
		for range batch {
			memory, err := monitor.GetMemoryStats(ctx)
			if err != nil {
				return r, err
			}
			r.reads++
			// A reading is shared: another pointer is another reading of the kernel.
			if memory != last {
				last = memory
				r.fresh++
			}
			if overloaded(memory) {
				continue // shed this request
			}
		}
		r.spent += time.Since(start)
	}
	return r, nil
}

// overloaded reports whether less than a tenth of the memory limit is left, or of memory.high, above which
// the kernel throttles. AvailableBytes counts page cache that can be reclaimed as free.
func overloaded(m *otelresource.MemoryStats) bool {
	bound, known := m.LimitBytes, m.Has(otelresource.FieldLimitBytes)
	if m.Has(otelresource.FieldHighBytes) && (m.HighBytes < bound || !known) {
		bound, known = m.HighBytes, true
	}
	return known && m.Has(otelresource.FieldAvailableBytes) && m.AvailableBytes <= bound/10
}
