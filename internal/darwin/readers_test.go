package darwin_test

import (
	"errors"
	"math"
	"reflect"
	"syscall"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

var noon = time.Unix(1700000000, 0)

// readings are all readers behind one face: each returns what it filled.
var readings = map[string]func(k Kernel) func() (any, error){
	"memory": func(k Kernel) func() (any, error) {
		r, now := NewMemoryReader(k), noon
		return func() (any, error) {
			var m Memory
			now = now.Add(time.Minute)
			err := r.Read(now, &m)
			return m, errors.Join(err, r.ReadPressure(&m))
		}
	},
	"cpu": func(k Kernel) func() (any, error) {
		r := NewCPUReader(k)
		return func() (any, error) {
			var c CPU
			err := r.Read(&c)
			return c, errors.Join(err, r.ReadState(&c))
		}
	},
	"disk": func(k Kernel) func() (any, error) {
		r := NewDiskReader(k)
		return func() (any, error) {
			disks, err := r.Read(nil)
			return struct{ Disks []Disk }{disks}, err
		}
	},
	"network": func(k Kernel) func() (any, error) {
		r := NewNetworkReader(k)
		return func() (any, error) {
			var n Network
			err := r.Read(&n)
			return n, err
		}
	},
	"process": func(k Kernel) func() (any, error) {
		r := NewProcessReader(k)
		return func() (any, error) {
			var p Process
			err := r.Read(&p)
			return p, err
		}
	},
	"limits": func(k Kernel) func() (any, error) {
		r := NewLimitsReader(k)
		return func() (any, error) {
			var l Limits
			err := r.Read(&l)
			return l, err
		}
	},
	"host": func(k Kernel) func() (any, error) {
		return func() (any, error) {
			var h Host
			err := ReadHost(k, &h)
			return h, err
		}
	},
}

// Whatever fails, only what depends on it is absent, the failure is told, no
// handle is lost, and the next reading is whole again.
func TestEveryCallFailsInTurn(t *testing.T) {
	for name, open := range readings {
		t.Run(name, func(t *testing.T) {
			whole, err := open(darwintest.New(t))()
			if err != nil {
				t.Fatal(err)
			}
			for at := 1; ; at++ {
				k := darwintest.New(t)
				k.FailAt = at
				read := open(k)
				got, err := read()
				if k.Failed == "" {
					if at == 1 {
						t.Fatal("nothing was called")
					}
					return
				}
				if err != nil && !errors.Is(err, darwintest.ErrRefused) && !errors.Is(err, ErrNoMemory) {
					t.Errorf("%s fails: the error is %v", k.Failed, err)
				}
				checkPartial(t, k.Failed, got, whole, err)
				if n := k.LiveObjects(); n != 0 {
					t.Errorf("%s fails: %d objects are not released", k.Failed, n)
				}
				if n := k.LiveRefs(); n > DiskKeys {
					t.Errorf("%s fails: %d refs are not released", k.Failed, n)
				}
				// A reader whose best source of network counts never answered stays with the next.
				again, err := read()
				if err != nil {
					t.Errorf("after %s failed: %v", k.Failed, err)
				}
				if name != "network" && !reflect.DeepEqual(again, whole) {
					t.Errorf("after %s failed:\n%+v\nwant\n%+v", k.Failed, again, whole)
				}
			}
		})
	}
}

// checkPartial holds that each field of got is that of whole or the zero
// value, and that a difference has an error, except where a disk just went.
func checkPartial(t *testing.T, failed string, got, whole any, err error) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(whole)
	for i := range g.NumField() {
		field := g.Type().Field(i).Name
		switch {
		case reflect.DeepEqual(g.Field(i).Interface(), w.Field(i).Interface()):
		case field == "Disks", field == "Source", field == "Interfaces":
		case g.Field(i).IsZero() || g.Field(i).Kind() == reflect.Slice:
			if err == nil {
				t.Errorf("%s fails: %s is absent without an error", failed, field)
			}
		case field == "Resident": // two sources
		default:
			t.Errorf("%s fails: %s is %v", failed, field, g.Field(i).Interface())
		}
	}
}

// A sysctl that this macOS does not have is absent, is no error, and is asked for once.
func TestMissingSysctlsAreAbsent(t *testing.T) {
	for name, open := range readings {
		t.Run(name, func(t *testing.T) {
			k := darwintest.New(t)
			k.Sysctls = nil
			read := open(k)
			for range 3 {
				if _, err := read(); err != nil {
					t.Error(err)
				}
			}
			for asked, n := range k.SysctlCalls {
				if n > 1 && name != "host" { // which keeps nothing
					t.Errorf("%s is asked for %d times", asked, n)
				}
			}
		})
	}
	k := darwintest.New(t)
	k.Sysctls = nil
	var m Memory
	if err := NewMemoryReader(k).Read(noon, &m); err != nil {
		t.Fatal(err)
	}
	if m.Total.Present() || m.Available.Present() || m.SwapTotal.Present() || m.PressureLevel.Present() {
		t.Errorf("invented: %+v", m)
	}
	if !m.Used.Present() {
		t.Error("used memory needs no sysctl")
	}
}

func TestGarbageSysctls(t *testing.T) {
	for name, open := range readings {
		if name == "disk" || name == "network" || name == "process" {
			continue // they have none
		}
		for _, garbage := range [][]byte{{}, {1}, {1, 2, 3}, darwintest.U32(1 << 31), darwintest.U64(1 << 63)} {
			k := darwintest.New(t)
			for name := range k.Sysctls {
				k.Sysctls[name] = garbage
			}
			if _, err := open(k)(); err == nil {
				t.Errorf("%s takes %v", name, garbage)
			}
		}
	}
}

func want(t *testing.T, name string, got sample.OptUint, want uint64) {
	t.Helper()
	if n, ok := got.Get(); !ok || n != want {
		t.Errorf("%s is %d, %t; want %d", name, n, ok, want)
	}
}

func TestMemory(t *testing.T) {
	var m Memory
	r := NewMemoryReader(darwintest.New(t))
	if err := errors.Join(r.Read(noon, &m), r.ReadPressure(&m)); err != nil {
		t.Fatal(err)
	}
	const p, used = 16384, 4800 + 2000 + 500
	want(t, "total", m.Total, 16<<30)
	want(t, "app", m.App, 4800*p)
	want(t, "wired", m.Wired, 2000*p)
	want(t, "compressed", m.Compressed, 500*p)
	want(t, "used", m.Used, used*p)
	want(t, "cached", m.Cached, 3200*p)
	want(t, "free", m.Free, 900*p)
	want(t, "available", m.Available, 16<<30-used*p)
	want(t, "swap total", m.SwapTotal, 4096)
	want(t, "swap used", m.SwapUsed, 3072)
	want(t, "faults", m.Faults, 77)
	want(t, "pressure", m.PressureLevel, 1)
	want(t, "percent", m.AvailablePercent, 60)
}

// The kernel gives all programs together a few fresh answers a second.
func TestMemoryAsksOncePerSecond(t *testing.T) {
	k := darwintest.New(t)
	r := NewMemoryReader(k)
	steps := []struct {
		at    time.Duration
		calls int
	}{{0, 1}, {10 * time.Millisecond, 1}, {999 * time.Millisecond, 1}, {time.Second, 2}, {1500 * time.Millisecond, 2},
		{time.Minute, 3}, {0, 4}} // the last: the clock was set back
	for _, step := range steps {
		var m Memory
		if err := r.Read(noon.Add(step.at), &m); err != nil || !m.Used.Present() {
			t.Fatal(err)
		}
		if k.VMCalls != step.calls {
			t.Errorf("at %v: %d calls, want %d", step.at, k.VMCalls, step.calls)
		}
	}
	k.FailAt = k.Calls + 3
	var m Memory
	if err := r.Read(noon.Add(time.Hour), &m); !errors.Is(err, darwintest.ErrRefused) || m.Used.Present() {
		t.Errorf("a failure is hidden: %v, %+v", err, m)
	}
}

func TestCPU(t *testing.T) {
	k := darwintest.New(t)
	r := NewCPUReader(k)
	var c CPU
	if err := errors.Join(r.Read(&c), r.ReadState(&c)); err != nil {
		t.Fatal(err)
	}
	levels := []PerfLevel{
		{"Performance", sample.SomeUint(1), sample.SomeUint(1)},
		{"Efficiency", sample.SomeUint(1), sample.SomeUint(1)},
	}
	if len(c.PerCPU) != 2 || c.PerCPU[0] != (Ticks{User: 100, System: 200, Idle: 300}) || !reflect.DeepEqual(c.PerfLevels, levels) {
		t.Errorf("got %+v", c)
	}
	if load, ok := c.Load.Get(); !ok || load != (LoadAverages{1, 2, 0.5}) {
		t.Errorf("load %v", load)
	}
	want(t, "logical", c.Logical, 2)
	want(t, "thermal", c.ThermalPressure, 1)
	if c.ThermalLevel.Present() {
		t.Error("Apple silicon has no xcpm")
	}

	k.CPUs = darwintest.CPUArray(darwintest.Ticks{User: 101, System: 200, Idle: 300}, darwintest.Ticks{User: 10, System: 20, Idle: 30}, darwintest.Ticks{User: 1, System: 1, Idle: 1})
	if err := errors.Join(r.Read(&c), r.ReadState(&c)); err != nil {
		t.Fatal(err)
	}
	if len(c.PerCPU) != 3 || c.Rebases != 1 || c.PerCPU[2] != (Ticks{}) {
		t.Errorf("after a CPU came: %+v", c)
	}
}

func TestThermalPressure(t *testing.T) {
	tests := map[string]struct {
		vmm     []byte
		err     error
		present bool
	}{
		"bare-metal": {darwintest.U32(0), nil, true},
		"guest":      {darwintest.U32(1), nil, false},
		"macos-10":   {nil, nil, true},
		"no-notify":  {darwintest.U32(0), syscall.ENOENT, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := darwintest.New(t)
			k.ThermalErr = test.err
			if k.Sysctls["kern.hv_vmm_present"] = test.vmm; test.vmm == nil {
				delete(k.Sysctls, "kern.hv_vmm_present")
			}
			var c CPU
			if err := NewCPUReader(k).ReadState(&c); err != nil || c.ThermalPressure.Present() != test.present {
				t.Errorf("%v, %+v", err, c.ThermalPressure)
			}
		})
	}
}

func TestProcess(t *testing.T) {
	k := darwintest.New(t)
	r := NewProcessReader(k)
	var p Process
	if err := r.Read(&p); err != nil {
		t.Fatal(err)
	}
	want(t, "user", p.User, 1e9)
	want(t, "system", p.System, 2e9)
	want(t, "footprint", p.Footprint, 30<<20)
	want(t, "largest footprint", p.MaxFootprint, 40<<20)
	want(t, "resident", p.Resident, 35<<20)
	want(t, "largest resident", p.MaxResident, 50<<20)
	want(t, "virtual", p.Virtual, 400<<30)
	want(t, "read", p.DiskRead, 4096)
	want(t, "written", p.DiskWritten, 8192)
	want(t, "minor", p.MinorFaults, 3)
	want(t, "major", p.MajorFaults, 4)
	want(t, "voluntary", p.VoluntarySwitches, 5)
	want(t, "forced", p.ForcedSwitches, 6)
	want(t, "threads", p.Threads, 9)
	want(t, "descriptors", p.FileDescriptors, 12)
	if at, ok := p.Started.Get(); !ok || !at.Equal(time.Unix(1700000100, 250e6)) {
		t.Errorf("started %v", at)
	}
	if p.Instructions.Present() || p.Cycles.Present() {
		t.Error("a CPU that does not count executed no instructions")
	}
	k.PidInfo[darwintest.PidListFDs] = make([]byte, 5000*darwintest.SizeFDInfo)
	if err := r.Read(&p); err != nil {
		t.Fatal(err)
	}
	want(t, "many descriptors", p.FileDescriptors, 5000)
	darwintest.Put64(k.RusageInfo, OffRUInstructions, 70)
	darwintest.Put64(k.RusageInfo, OffRUCycles, 80)
	if err := r.Read(&p); err != nil {
		t.Fatal(err)
	}
	want(t, "instructions", p.Instructions, 70)
	want(t, "cycles", p.Cycles, 80)
}

// What cannot be counted to the end is not counted.
func TestDescriptorsWithoutEnd(t *testing.T) {
	k := darwintest.New(t)
	k.PidInfo[darwintest.PidListFDs] = make([]byte, (MaxDescriptors+1)*darwintest.SizeFDInfo)
	var p Process
	if err := NewProcessReader(k).Read(&p); !errors.Is(err, ErrMalformed) || p.FileDescriptors.Present() {
		t.Errorf("%v, %+v", err, p.FileDescriptors)
	}
}

func TestOnlineCPUs(t *testing.T) {
	tests := map[string]struct {
		answer []byte
		want   uint64
		err    error
	}{
		"int":      {darwintest.U32(12), 12, nil},
		"quad":     {darwintest.U64(12), 12, nil},
		"zero":     {darwintest.U32(0), 0, ErrMalformed},
		"negative": {darwintest.U32(math.MaxUint32), 0, ErrMalformed},
		"short":    {[]byte{12}, 0, ErrMalformed},
		"missing":  {nil, 0, syscall.ENOENT},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := darwintest.New(t)
			if k.Sysctls["hw.logicalcpu"] = test.answer; test.answer == nil {
				delete(k.Sysctls, "hw.logicalcpu")
			}
			if n, err := OnlineCPUs(k, make([]byte, 8)); n != test.want || !errors.Is(err, test.err) {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
}

func TestErrorsSayWhichCallFailed(t *testing.T) {
	for want, err := range map[string]error{
		"sysctl hw.memsize: unexpected content": &CallError{Call: "sysctl", Arg: "hw.memsize", Err: ErrMalformed},
		"host_page_size: status 0xe00002bc":     &CallError{Call: "host_page_size", Err: KernReturn(0xe00002bc)},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
}

func TestLimits(t *testing.T) {
	k := darwintest.New(t)
	var l Limits
	if err := NewLimitsReader(k).Read(&l); err != nil {
		t.Fatal(err)
	}
	if l.AddressSpace.Present() || l.Footprint.Present() {
		t.Errorf("invented: %+v", l)
	}
	want(t, "memory", l.Memory, 16<<30)
	want(t, "cpus", l.CPUs, 2)
	want(t, "files", l.OpenFiles, 256)
	want(t, "processes", l.Processes, 2666)
	want(t, "files per process", l.FilesPerProcess, 61440)
	want(t, "processes per user", l.ProcessesPerUser, 2666)

	k.Rlimits[darwintest.RlimitAS] = 1 << 30
	darwintest.Put64(k.TaskVM, OffTaskVMFootprint, 10<<20)
	darwintest.Put64(k.TaskVM, OffTaskVMLimitRemain, 40<<20)
	if err := NewLimitsReader(k).Read(&l); err != nil {
		t.Fatal(err)
	}
	want(t, "address space", l.AddressSpace, 1<<30)
	want(t, "footprint", l.Footprint, 50<<20)
}
