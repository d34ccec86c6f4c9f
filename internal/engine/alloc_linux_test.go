package engine

import (
	"context"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// A reading of the machine itself allocates nothing: its files are kept open
// and its buffers reused.
func TestAReadingAllocatesNothing(t *testing.T) {
	source, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	ctx := context.Background()
	for name, want := range map[string]Want{"own": {}, "with the machine": {System: true, Utilization: true}} {
		var m sample.Memory
		var c sample.CPU
		var d sample.IO
		memory := func() { _ = source.ReadMemory(ctx, want, &m) }
		cpu := func() { _ = source.ReadCPU(ctx, want, &c) }
		disks := func() { _ = source.ReadIO(ctx, want, &d) }
		for what, read := range map[string]func(){"memory": memory, "cpu": cpu, "io": disks} {
			read()
			if n := testing.AllocsPerRun(100, read); n > 0 {
				t.Errorf("%s, %s: %v allocations", what, name, n)
			}
		}
	}
}
