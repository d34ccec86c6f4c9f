package engine

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The same holds in a cgroup of either version, however many disks it uses.
func TestAReadingOfDisksInACgroupAllocatesNothing(t *testing.T) {
	const stat = "io.stat=253:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:0 rbytes=10 wbytes=20 rios=1 wios=2\n9:9 rbytes=1 wbytes=1"
	for name, archive := range map[string]string{
		"v2":     machine + mountV2 + self("0::/a") + group(top+"/a", stat),
		"absent": machine + mountV2 + self("0::/a") + group(top+"/a"),
		"v1":     machine + mountV1Blkio + self("7:blkio:/a") + v1Blkio,
	} {
		b := open(t, archive+blocks("sda 8:0", "dm-0 253:0 sda"))
		var s sample.IO
		read := func() { _ = b.source.ReadIO(context.Background(), direct, &s) }
		read()
		if n := allocations(read); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// allocations returns how often read allocates with all that is pooled at hand.
// Under the race detector a sync.Pool forgets every fourth thing: there the
// least of many readings counts.
func allocations(read func()) float64 {
	if !raceDetector {
		return testing.AllocsPerRun(100, read)
	}
	least := math.Inf(1)
	for range 50 {
		least = min(least, testing.AllocsPerRun(1, read))
	}
	return least
}

// A reading of the machine itself allocates nothing: its files are kept open
// and its buffers reused.
func TestAReadingAllocatesNothing(t *testing.T) {
	source, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	ctx := context.Background()
	for name, want := range map[string]sample.Parts{"own": direct, "with the machine": direct | wholeMachine | sample.PartUtilization, "the machine alone": wholeMachine} {
		var m sample.Memory
		var c sample.CPU
		var d sample.IO
		memory := func() { _ = source.ReadMemory(ctx, want, &m) }
		cpu := func() { _ = source.ReadCPU(ctx, want, &c) }
		disks := func() { _ = source.ReadIO(ctx, want, &d) }
		for what, read := range map[string]func(){"memory": memory, "cpu": cpu, "io": disks} {
			read()
			if n := allocations(read); n > 0 {
				t.Errorf("%s, %s: %v allocations", what, name, n)
			}
		}
	}
}
