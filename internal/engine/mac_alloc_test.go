package engine

import (
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// A reading of a Mac allocates nothing, and with details one list of each kind.
func TestAMacsReadingAllocatesNothing(t *testing.T) {
	ctx := t.Context()
	for name, test := range map[string]struct {
		want  sample.Parts
		lists float64
	}{"totals": {direct | wholeMachine | sample.PartUtilization, 0}, "details": {direct | wholeMachine | sample.PartUtilization | sample.PartPerCPU | sample.PartDevices | sample.PartInterfaces, 1}} {
		b := openMac(t)
		var (
			m sample.Memory
			c sample.CPU
			i sample.IO
			n sample.Network
			p sample.Process
		)
		for kind, read := range map[string]struct {
			read  func()
			lists float64
		}{
			"memory":  {func() { b.pass(time.Second); _ = b.mac.ReadMemory(ctx, test.want, &m) }, 0},
			"cpu":     {func() { b.pass(time.Second); _ = b.mac.ReadCPU(ctx, test.want, &c) }, test.lists},
			"io":      {func() { b.pass(time.Second); _ = b.mac.ReadIO(ctx, test.want, &i) }, test.lists},
			"network": {func() { b.pass(time.Second); _ = b.mac.ReadNetwork(ctx, test.want, &n) }, test.lists},
			"process": {func() { b.pass(time.Second); _ = b.mac.ReadProcess(ctx, test.want, &p) }, 0},
		} {
			read.read()
			read.read()
			if n := testing.AllocsPerRun(100, read.read); n > read.lists {
				t.Errorf("%s, %s: %v allocations", kind, name, n)
			}
		}
		b.clean()
	}
}
