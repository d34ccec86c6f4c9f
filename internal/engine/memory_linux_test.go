package engine

import (
	"math/rand/v2"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestSystemMemoryStates(t *testing.T) {
	const mib = 1 << 20
	got := systemMemory(&procfs.Meminfo{ // R16c
		MemTotal: some(8000 * mib), MemFree: some(1000 * mib), MemAvailable: some(5000 * mib), Buffers: some(500 * mib),
		SwapTotal: some(100), SwapFree: some(40),
	})
	want := sample.SystemMemory{
		Total: some(8000 * mib), Available: some(5000 * mib), Used: some(3000 * mib), Free: some(1000 * mib),
		Buffers: some(500 * mib), Cached: some(3500 * mib), SwapTotal: some(100), SwapUsed: some(60), SwapLimit: some(100),
	}
	if got != want {
		t.Errorf("got %+v,\nwant %+v", got, want)
	}
	// Before 3.14 nothing says what is available, and swap may not be compiled in.
	got = systemMemory(&procfs.Meminfo{MemTotal: some(10), MemFree: some(1), Buffers: some(1)})
	if want := (sample.SystemMemory{Total: some(10)}); got != want {
		t.Errorf("old kernel: %+v", got)
	}
	if got = systemMemory(&procfs.Meminfo{MemTotal: some(10), MemFree: some(1), MemAvailable: some(5)}); got.Buffers.Present() || got.Cached != some(4) {
		t.Errorf("without buffers: %+v", got)
	}
	if got = systemMemory(&procfs.Meminfo{SwapTotal: some(1), SwapFree: some(3)}); got.SwapUsed != some(0) {
		t.Errorf("more swap free than there is: %+v", got)
	}
}

// Whatever meminfo says, the states sum to the total (M17) and none wraps.
func TestSystemMemoryStatesSumToTheTotal(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 10_000 {
		n := func() sample.OptUint { return some(random.Uint64N(1000)) }
		m := procfs.Meminfo{MemTotal: n(), MemFree: n(), MemAvailable: n(), Buffers: n()}
		s := systemMemory(&m)
		if sum := s.Used.Or(0) + s.Free.Or(0) + s.Buffers.Or(0) + s.Cached.Or(0); sum != m.MemTotal.Or(0) {
			t.Fatalf("%+v: states of %+v sum to %d", m, s, sum)
		}
	}
}
