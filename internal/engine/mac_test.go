package engine

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macBench is a source over a fake Mac, with a clock that stands still until told.
type macBench struct {
	*darwintest.Kernel
	t     *testing.T
	mac   *mac
	meter *meter
	diag  *Diagnostics
	now   time.Time
	want  sample.Parts
}

const page = 16384

func openMac(t *testing.T, change ...func(*Config)) *macBench {
	t.Helper()
	b := &macBench{
		Kernel: darwintest.New(t), t: t, diag: NewDiagnostics(nil), now: time.Unix(1700003600, 0),
		want: direct | wholeMachine | sample.PartPerCPU | sample.PartUtilization | sample.PartDevices | sample.PartInterfaces,
	}
	b.meter = newMeter(b.now, time.Second)
	c := Config{Interval: time.Second, Diagnostics: b.diag, Now: func() time.Time { return b.now }}
	for _, f := range change {
		f(&c)
	}
	b.mac = NewMac(c, b.Kernel).(*mac)
	t.Cleanup(func() {
		b.mac.Close()
		if n, m := b.LiveObjects(), b.LiveRefs(); n != 0 || m != 0 {
			t.Errorf("after Close %d objects and %d refs are held", n, m)
		}
	})
	return b
}

// usage reads the CPUs and computes their usage.
func (b *macBench) usage() (*sample.CPU, cpuUsage) {
	b.t.Helper()
	s := read(b, b.mac.ReadCPU)
	return s, b.meter.cpu(s)
}

func (b *macBench) pass(d time.Duration) { b.now = b.now.Add(d) }

// read reads one kind into s and fails the test where that fails.
func read[S any](b *macBench, from func(context.Context, sample.Parts, *S) error) *S {
	b.t.Helper()
	s := new(S)
	if err := from(b.t.Context(), b.want, s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *macBench) limits() *sample.Limits {
	b.t.Helper()
	s := new(sample.Limits)
	if err := b.mac.ReadLimits(b.t.Context(), s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *macBench) clean() {
	b.t.Helper()
	if f := b.diag.Failures(); len(f.List) != 0 {
		b.t.Errorf("failures of a healthy machine: %+v", f.List)
	}
}

func wantInt(t *testing.T, name string, got sample.OptUint, want uint64) {
	t.Helper()
	if n, ok := got.Get(); !ok || n != want {
		t.Errorf("%s is %d, %t; want %d", name, n, ok, want)
	}
}

func TestMacPaging(t *testing.T) {
	b := openMac(t)
	var s sample.Paging
	if err := b.mac.ReadPaging(t.Context(), &s); err != nil {
		t.Fatal(err)
	}
	wantInt(t, "minor faults", s.Faults.Minor, 70)
	wantInt(t, "major faults", s.Faults.Major, 7)
}

func TestMacMemory(t *testing.T) {
	b := openMac(t)
	s := read(b, b.mac.ReadMemory)
	const total, used = 16 << 30, (4800 + 2000 + 500) * page
	if s.Own || s.Limit != (sample.Limit[uint64]{Value: total, Source: sample.SourceHost, File: "hw.memsize"}) || !errors.Is(s.Err, ErrNoCgroup) {
		t.Errorf("%+v", s)
	}
	m := &s.System
	wantInt(t, "available", s.Available, total-used)
	wantInt(t, "total", m.Total, total)
	wantInt(t, "used", m.Used, used)
	wantInt(t, "cached", m.Cached, 3200*page)
	wantInt(t, "free", m.Free, 900*page)
	wantInt(t, "swap total", m.SwapTotal, 4096)
	wantInt(t, "swap used", m.SwapUsed, 3072)
	for name, absent := range map[string]bool{
		"buffers": m.Buffers.Present(), "Linux's available": m.Available.Present(), "pressure": m.Pressure.Some.Present(),
		"a limit of swap": m.SwapLimit.Present(), "cgroup": s.Cgroup.Usage.Present(),
	} {
		if absent {
			t.Errorf("%s is there", name)
		}
	}
	b.clean()
}

// The counts are of different moments: the states never exceed the machine.
func TestMacMemoryStatesStayWithinTheTotal(t *testing.T) {
	b := openMac(t)
	b.Sysctls["hw.memsize"] = darwintest.U64(8000 * page)
	b.VM = darwintest.VM{Free: 1000, Wired: 4000, External: 5000, Internal: 3000, Purgeable: 100, Compressor: 10}.Bytes()
	s := read(b, b.mac.ReadMemory)
	m := &s.System
	if sum := m.Used.Or(0) + m.Cached.Or(0) + m.Free.Or(0); sum != 8000*page {
		t.Errorf("the states sum to %d pages", sum/page)
	}
	wantInt(t, "used", m.Used, 6910*page)
	b.VM = darwintest.VM{Wired: 9000}.Bytes()
	b.pass(time.Second)
	s = read(b, b.mac.ReadMemory)
	wantInt(t, "used", s.System.Used, 8000*page)
	wantInt(t, "available", s.Available, 0)
}

// The kernel answers all programs together a few times a second.
func TestMacAsksForMemoryOnceASecond(t *testing.T) {
	b := openMac(t, func(c *Config) { c.Interval = 50 * time.Millisecond })
	for range 40 {
		read(b, b.mac.ReadMemory)
		b.pass(50 * time.Millisecond)
	}
	if b.VMCalls != 2 {
		t.Errorf("host_statistics64 is called %d times in two seconds", b.VMCalls)
	}
}

func TestMacGuestsSizeIsTheVirtualizationsLimit(t *testing.T) {
	b := openMac(t, func(c *Config) { c.Guest = true })
	memory, cpu, limits := read(b, b.mac.ReadMemory), read(b, b.mac.ReadCPU), b.limits()
	for name, source := range map[string]sample.Source{
		"memory": memory.Limit.Source, "cpu": cpu.Limit.Source, "limits' memory": limits.Memory.Source, "limits' cpu": limits.CPU.Source,
	} {
		if source != sample.SourceVirtualization {
			t.Errorf("%s: %v", name, source)
		}
	}
}

func TestMacProcess(t *testing.T) {
	b := openMac(t)
	s := read(b, b.mac.ReadProcess)
	wantInt(t, "user", s.User, 1e9)
	wantInt(t, "system", s.System, 2e9)
	wantInt(t, "footprint", s.RSS, 30<<20)
	wantInt(t, "virtual", s.Virtual, 400<<30)
	wantInt(t, "read", s.ReadBytes, 4096)
	wantInt(t, "written", s.WriteBytes, 8192)
	wantInt(t, "threads", s.Threads, 9)
	wantInt(t, "descriptors", s.Descriptors, 12)
	wantInt(t, "minor faults", s.Faults.Minor, 3)
	wantInt(t, "major faults", s.Faults.Major, 4)
	wantInt(t, "voluntary", s.Voluntary, 5)
	wantInt(t, "involuntary", s.Involuntary, 6)
	if up, ok := s.Uptime.Get(); !ok || up != 3600-100-0.25 {
		t.Errorf("uptime %v", up)
	}
	wantInt(t, "CPUs", s.CPUs, 2)
	if share := b.meter.process(s); share.Present() {
		t.Errorf("before the first window is full: got a share of %v, want none", share)
	}
	b.Usage.User += 1e9
	b.pass(2 * time.Second)
	s = read(b, b.mac.ReadProcess)
	if share, ok := b.meter.process(s).Get(); !ok || share != 0.25 { // a second of two, on two CPUs
		t.Errorf("share %v", share)
	}
	b.now = time.Unix(1600000000, 0) // the clock was set back
	if s = read(b, b.mac.ReadProcess); s.Uptime.Present() {
		t.Errorf("uptime %v", s.Uptime)
	}
	b.clean()
}

func TestMacLimits(t *testing.T) {
	b := openMac(t)
	b.Rlimits[darwintest.RlimitAS] = 1 << 40
	b.TaskVM = darwintest.TaskVM(10<<20, 40<<20)
	s := b.limits()
	if s.Memory.Value != 16<<30 || s.CPU.Value != 2 {
		t.Errorf("%+v", s)
	}
	got := map[string]sample.LimitEntry{}
	for _, e := range s.Entries {
		got[e.Kind] = e
	}
	for kind, want := range map[string]struct {
		value  float64
		source sample.Source
	}{
		"memory": {16 << 30, sample.SourceHost}, "cpu": {2, sample.SourceHost},
		"memory.footprint": {50 << 20, sample.SourceProcess}, "rlimit.as": {1 << 40, sample.SourceProcess},
		"rlimit.nofile": {256, sample.SourceProcess}, "rlimit.nproc": {2666, sample.SourceProcess},
		"maxfilesperproc": {61440, sample.SourceHost}, "maxprocperuid": {2666, sample.SourceHost},
	} {
		if e, ok := got[kind]; !ok || e.Value != want.value || e.Source != want.source {
			t.Errorf("%s is %+v, %t", kind, e, ok)
		}
	}
	if len(got) != 8 {
		t.Errorf("%d kinds", len(got))
	}
	b.Rlimits[darwintest.RlimitAS] = darwintest.Unlimited
	b.TaskVM = darwintest.TaskVM(10<<20, 0)
	for _, e := range b.limits().Entries {
		if e.Kind == "rlimit.as" || e.Kind == "memory.footprint" {
			t.Errorf("no limit is listed as %+v", e)
		}
	}
	b.clean()
}

func TestMacHasNoCgroups(t *testing.T) {
	b := openMac(t)
	if w := b.mac.Cgroup(t.Context()); w != nil {
		t.Errorf("%+v", w)
	}
}

func TestMacReadsNothingAfterClose(t *testing.T) {
	b := openMac(t)
	read(b, b.mac.ReadIO)
	b.mac.Close()
	calls := b.Calls
	for name, err := range b.everything(t.Context()) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b.Calls != calls {
		t.Errorf("%d calls after Close", b.Calls-calls)
	}
}

func TestMacWhoseKernelRefusesEverything(t *testing.T) {
	b := openMac(t)
	b.FailAt = darwintest.Every
	for name, err := range b.everything(t.Context()) {
		// Page faults are a part of the memory's reading and have no failure of their own.
		if (err == nil) != (name == "paging") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of pressure and the tasks of a cgroup macOS has nothing: no call is made for them.
func TestMacHasNothingOfTheOtherParts(t *testing.T) {
	b := openMac(t)
	b.want = ^macHas
	m := sample.Memory{Own: true}
	if err := b.mac.ReadMemory(t.Context(), b.want, &m); err != nil || !reflect.DeepEqual(m, sample.Memory{}) {
		t.Errorf("%+v, %v", m, err)
	}
	if b.Calls != 0 {
		t.Errorf("%d calls", b.Calls)
	}
}

func TestMacReaderThatGaveUp(t *testing.T) {
	b := openMac(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, err := range b.everything(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.clean()
}

// everything reads each kind once.
func (b *macBench) everything(ctx context.Context) map[string]error {
	return map[string]error{
		"memory":  b.mac.ReadMemory(ctx, b.want, new(sample.Memory)),
		"paging":  b.mac.ReadPaging(ctx, new(sample.Paging)),
		"cpu":     b.mac.ReadCPU(ctx, b.want, new(sample.CPU)),
		"io":      b.mac.ReadIO(ctx, b.want, new(sample.IO)),
		"network": b.mac.ReadNetwork(ctx, b.want, new(sample.Network)),
		"process": b.mac.ReadProcess(ctx, b.want, new(sample.Process)),
		"limits":  b.mac.ReadLimits(ctx, new(sample.Limits)),
	}
}
