package engine

import (
	"errors"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// tick is the unit in which macOS counts, in microseconds.
const tick = uint64(darwin.Tick / time.Microsecond)

func TestMacCPU(t *testing.T) {
	b := openMac(t)
	s, u := b.usage()
	if s.Own || s.Limit != (sample.Limit[float64]{Value: 2, Source: sample.SourceHost, File: "hw.logicalcpu"}) || s.Available.Or(0) != 2 {
		t.Errorf("%+v", s)
	}
	c := &s.System
	wantInt(t, "user", c.Times.User, 110*tick)
	wantInt(t, "system", c.Times.System, 220*tick)
	wantInt(t, "idle", c.Times.Idle, 330*tick)
	wantInt(t, "usage", c.Times.Busy(), 330*tick)
	wantInt(t, "logical", c.Logical, 2)
	wantInt(t, "uptime", c.Uptime, uint64(3600*time.Second-5*time.Microsecond))
	for name, present := range map[string]bool{
		"nice": c.Times.Nice.Present(), "iowait": c.Times.IOWait.Present(), "irq": c.Times.IRQ.Present(),
		"softirq": c.Times.SoftIRQ.Present(), "steal": c.Times.Steal.Present(), "cores before the first window is full": u.machine.Present(),
		"pressure": c.Pressure.Some.Present(),
	} {
		if present {
			t.Errorf("%s is there", name)
		}
	}
	// A second in which CPU 0 is busy, half of it for the kernel.
	b.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 150, System: 250, Idle: 300}, darwintest.Ticks{User: 10, System: 20, Idle: 130})
	b.pass(time.Second)
	s, u = b.usage()
	if cores, ok := u.machine.Get(); !ok || cores != 1 {
		t.Errorf("%v cores, %t", cores, ok)
	}
	if want := map[string]float64{"user": 0.25, "system": 0.25, "idle": 0.5}; !maps.Equal(u.modes, want) {
		t.Errorf("modes: got %v, want %v", u.modes, want)
	}
	for n, want := range []float64{1, 0} {
		cpu := &s.System.PerCPU[n]
		if cpu.Number != n || u.perCPU[n].share.Or(-1) != want || u.perCPU[n].modes == nil {
			t.Errorf("CPU %d: %+v, %+v", n, cpu, u.perCPU[n])
		}
	}
	b.clean()
}

// A number under nice would be one that was counted.
func TestMacNice(t *testing.T) {
	b := openMac(t)
	b.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 1, System: 1, Idle: 1, Nice: 5})
	s := read(b, b.mac.ReadCPU)
	wantInt(t, "nice", s.System.Times.Nice, 5*tick)
	wantInt(t, "usage", s.System.Times.Busy(), 7*tick)
}

// The kernel's ticks wrap after 497 days.
func TestMacTicksWrap(t *testing.T) {
	b := openMac(t)
	b.CPUs = darwintest.CPUArray(darwintest.Ticks{User: math.MaxUint32 - 9, System: 5, Idle: 7})
	before, _ := b.usage()
	b.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 40, System: 5, Idle: 57})
	b.pass(time.Second)
	s, u := b.usage()
	if got := s.System.Times.User.Or(0) - before.System.Times.User.Or(0); got != 50*tick {
		t.Errorf("%d ticks over the wrap", got/tick)
	}
	if cores := u.machine.Or(0); cores != 0.5 {
		t.Errorf("%v cores over the wrap", cores)
	}
}

// CPUs that come and go neither take time away nor bring any along.
func TestMacCPUsComeAndGo(t *testing.T) {
	b := openMac(t)
	cpu := func(n uint32) darwintest.Ticks { return darwintest.Ticks{User: n, System: n, Idle: n} }
	steps := []struct {
		cpus  []darwintest.Ticks
		user  uint64
		cores bool
	}{
		{[]darwintest.Ticks{cpu(1000), cpu(2000)}, 3000, false},
		{[]darwintest.Ticks{cpu(1010), cpu(2020)}, 3030, true},
		{[]darwintest.Ticks{cpu(1020), cpu(2040), cpu(9000)}, 3030, false}, // one came: nothing can be told
		{[]darwintest.Ticks{cpu(1030), cpu(2050), cpu(9030)}, 3080, true},
		{[]darwintest.Ticks{cpu(1040)}, 3080, false},
		{[]darwintest.Ticks{cpu(1050)}, 3090, true},
		{[]darwintest.Ticks{cpu(1060), cpu(7000)}, 3090, false},
		{[]darwintest.Ticks{cpu(1070), cpu(7010)}, 3110, true},
	}
	for i, step := range steps {
		b.CPUs = darwintest.CPUArray(step.cpus...)
		s, u := b.usage()
		if got := s.System.Times.User.Or(0) / tick; got != step.user || u.machine.Present() != step.cores {
			t.Errorf("step %d: %d ticks, cores %+v", i, got, u.machine)
		}
		if len(s.System.PerCPU) != len(step.cpus) {
			t.Errorf("step %d: %d CPUs", i, len(s.System.PerCPU))
		}
		b.pass(time.Second)
	}
	b.clean()
}

// Nobody has to look at the single CPUs while their number changes.
func TestMacCPUsThatChangedUnseen(t *testing.T) {
	b := openMac(t)
	steps := []struct {
		want  sample.Parts
		cpus  int
		known bool
	}{{b.want, 2, false}, {b.want, 2, true}, {b.want &^ sample.PartPerCPU, 3, false}, {b.want, 3, false}, {b.want, 3, true}}
	for i, step := range steps {
		b.want = step.want
		b.CPUs = darwintest.CPUArray(slices.Repeat([]darwintest.Ticks{{User: uint32(100 * i), Idle: uint32(100 * i)}}, step.cpus)...)
		_, u := b.usage()
		for _, cpu := range u.perCPU {
			if cpu.share.Present() != step.known || (cpu.modes != nil) != step.known {
				t.Errorf("step %d: %+v", i, cpu)
			}
		}
		b.pass(time.Second)
	}
}

func TestMacIO(t *testing.T) {
	b := openMac(t)
	b.Disks = append(b.Disks, darwintest.NewDisk("disk9", 100))
	b.Disks[2].Image = true
	s := read(b, b.mac.ReadIO)
	total := &s.System.Total
	wantInt(t, "bytes read", total.Read.Bytes, 3000)
	wantInt(t, "bytes written", total.Write.Bytes, 6000)
	wantInt(t, "reads", total.Read.Operations, 30)
	wantInt(t, "writes", total.Write.Operations, 60)
	wantInt(t, "read time", total.Read.Time, 3e9)
	wantInt(t, "write time", total.Write.Time, 6e9)
	if total.IOTime.Present() || total.QueueTime.Present() || total.InProgress.Present() || total.Read.Merged.Present() || s.Own {
		t.Errorf("invented: %+v", s)
	}
	if len(s.System.Devices) != 3 || s.System.Devices[2].Name != "disk9" {
		t.Fatalf("%+v", s.System.Devices)
	}
	wantInt(t, "bytes of the image", s.System.Devices[2].Read.Bytes, 100_000)
	b.want &^= sample.PartDevices
	if s = read(b, b.mac.ReadIO); s.System.Devices != nil {
		t.Errorf("devices that nobody wants: %+v", s.System.Devices)
	}
	b.clean()
}

// A disk that is unplugged keeps what it counted; another one under its name
// counts from its first reading.
func TestMacDiskDisappears(t *testing.T) {
	b := openMac(t)
	steps := []struct {
		disks []darwintest.Disk
		bytes uint64
	}{
		{[]darwintest.Disk{darwintest.NewDisk("disk0", 1), darwintest.NewDisk("disk4", 2)}, 3000},
		{[]darwintest.Disk{darwintest.NewDisk("disk0", 2)}, 4000},
		{[]darwintest.Disk{darwintest.NewDisk("disk0", 2), darwintest.NewDisk("disk4", 1)}, 4000},
		{[]darwintest.Disk{darwintest.NewDisk("disk0", 2), darwintest.NewDisk("disk4", 4)}, 7000},
		{[]darwintest.Disk{darwintest.NewDisk("disk0", 2), darwintest.NewDisk("disk4", 4), darwintest.NewDisk("disk5", 50)}, 7000},
		{nil, 7000},
	}
	for i, step := range steps {
		b.Disks = step.disks
		s := read(b, b.mac.ReadIO)
		if got := s.System.Total.Read.Bytes.Or(0); got != step.bytes || len(s.System.Devices) != len(step.disks) {
			t.Errorf("step %d: %d bytes of %d devices", i, got, len(s.System.Devices))
		}
	}
}

// It may also count more than the one before it did.
func TestMacDiskComesBackAsAnother(t *testing.T) {
	b := openMac(t)
	b.Disks = []darwintest.Disk{darwintest.NewDisk("disk4", 1)}
	read(b, b.mac.ReadIO)
	b.Disks = nil
	read(b, b.mac.ReadIO)
	b.Disks = []darwintest.Disk{darwintest.NewDisk("disk4", 90)}
	wantInt(t, "bytes", read(b, b.mac.ReadIO).System.Total.Read.Bytes, 1000)
}

// Whatever fails, what does not depend on it is there, what does is absent and
// never zero, the failure is counted, and the next reading is whole again.
func TestMacEveryCallFailsInTurn(t *testing.T) {
	kinds := map[string]func(*macBench) (any, error){
		"memory": func(b *macBench) (any, error) {
			s := sample.Memory{}
			return &s, b.mac.ReadMemory(t.Context(), b.want, &s)
		},
		"paging": func(b *macBench) (any, error) { s := sample.Paging{}; return &s, b.mac.ReadPaging(t.Context(), &s) },
		"cpu":    func(b *macBench) (any, error) { s := sample.CPU{}; return &s, b.mac.ReadCPU(t.Context(), b.want, &s) },
		"io":     func(b *macBench) (any, error) { s := sample.IO{}; return &s, b.mac.ReadIO(t.Context(), b.want, &s) },
		"network": func(b *macBench) (any, error) {
			s := sample.Network{}
			return &s, b.mac.ReadNetwork(t.Context(), b.want, &s)
		},
		"process": func(b *macBench) (any, error) {
			s := sample.Process{}
			return &s, b.mac.ReadProcess(t.Context(), b.want, &s)
		},
		"limits": func(b *macBench) (any, error) { s := sample.Limits{}; return &s, b.mac.ReadLimits(t.Context(), &s) },
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			whole, err := kind(openMac(t))
			if err != nil {
				t.Fatal(err)
			}
			for at := 1; ; at++ {
				b := openMac(t)
				b.FailAt = at
				got, err := kind(b)
				if b.Failed == "" {
					if at == 1 {
						t.Fatal("nothing was called")
					}
					return
				}
				if err == nil {
					partial(t, name+" without "+b.Failed, reflect.ValueOf(got).Elem(), reflect.ValueOf(whole).Elem())
				} else if !errors.Is(err, darwintest.ErrRefused) && b.Failed != "NewString" {
					t.Errorf("%s fails: %v", b.Failed, err)
				}
				same := reflect.DeepEqual(got, whole)
				counted := len(b.diag.Failures().List)
				// A disk whose handles fail has just gone, and the network has other sources: no failures.
				if !same && counted == 0 && name != "io" && name != "network" {
					t.Errorf("%s fails, which nobody is told", b.Failed)
				}
				b.pass(2 * time.Second)
				if _, err := kind(b); err != nil {
					t.Errorf("after %s failed: %v", b.Failed, err)
				}
			}
		})
	}
}

// partial holds that each value of got is that of whole or absent.
func partial(t *testing.T, what string, got, whole reflect.Value) {
	t.Helper()
	switch got.Kind() {
	case reflect.Struct:
		if reflect.DeepEqual(got.Interface(), whole.Interface()) || got.IsZero() {
			return
		}
		if m := got.Addr().MethodByName("Present"); m.IsValid() {
			if !absentByFallback(what) {
				t.Errorf("%s: %+v, want %+v or nothing", what, got, whole)
			}
			return
		}
		for i := range got.NumField() {
			if got.Type().Field(i).IsExported() {
				partial(t, what+"."+got.Type().Field(i).Name, got.Field(i), whole.Field(i))
			}
		}
	case reflect.Slice:
		if got.Len() > whole.Len() {
			t.Errorf("%s: %d of %d", what, got.Len(), whole.Len())
		}
	default:
		if !got.IsZero() && !reflect.DeepEqual(got.Interface(), whole.Interface()) {
			t.Errorf("%s: %v, want %v", what, got, whole)
		}
	}
}

// absentByFallback names the totals that shrink where one of their parts fails:
// a disk that just went, and the byte counts of the last resort.
func absentByFallback(what string) bool {
	return strings.HasPrefix(what, "io ") || strings.HasPrefix(what, "network ")
}
