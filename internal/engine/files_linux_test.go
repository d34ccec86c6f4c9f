package engine

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestPressureOfTheOwnCgroupAndOfTheMachine(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a",
		"memory.pressure=some avg10=1.50 avg60=0.00 avg300=0.00 total=2500000\n\nfull avg10=0.50 avg60=0.00 avg300=0.00 total=400",
		"cpu.pressure=some avg10=0.00 avg60=0.00 avg300=0.00 total=900\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7")+
		"-- proc/pressure/cpu --\nsome avg10=3.00 avg60=0.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
	b.want |= wholeMachine
	m, c := b.memory(), b.cpu()
	expect(t, "memory", m.Cgroup.Pressure, sample.Pressure{
		Some: sample.Some(sample.Stall{Avg10: 0.015, Total: 2500000}), Full: sample.Some(sample.Stall{Avg10: 0.005, Total: 400}),
	})
	expect(t, "cpu, both lines (R7c)", c.Cgroup.Pressure.Full.Or(sample.Stall{}).Total, 7)
	expect(t, "machine", c.System.Pressure.Some.Or(sample.Stall{}).Avg10, 0.03)
	expect(t, "a machine is never stalled for CPU in full", c.System.Pressure.Full.Present(), false)
	expect(t, "absent where there is no file", m.System.Pressure, sample.Pressure{})

	b.Remove(top + "/a/memory.pressure") // the others stay (R20b)
	b.source.(*linux).memory.pressure.close()
	expect(t, "removed", b.memory().Cgroup.Pressure, sample.Pressure{})
	expect(t, "the other", b.cpu().Cgroup.Pressure, c.Cgroup.Pressure)
}

func descriptors(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	var all []string
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.HasPrefix(target, "anon_inode:") && !strings.Contains(target, "/fd") {
			all = append(all, target)
		}
	}
	slices.Sort(all)
	return all
}

func TestTheUsageOfAnAncestorWithoutALimitIsNotRead(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/limited/free/own")+group(top+"/limited", "memory.max=268435456")+group(top+"/limited/free")+group(top+"/limited/free/own"))
	expect(t, "available", b.memory().Available, some(176*mib))
	files := descriptors(t)
	for dir, want := range map[string]bool{"/limited": true, "/limited/free": false, "/limited/free/own": true} {
		expect(t, dir, slices.Contains(files, b.file(top+dir+"/memory.current")), want)
	}
}

func TestDescriptorsAreGivenBack(t *testing.T) {
	archive := machine + mountV2 + self("0::/p/x") + group(top+"/p") + group(top+"/p/x") + group(top+"/p/y")
	before := descriptors(t)
	b := open(t, archive)
	b.want = direct | wholeMachine | sample.PartPerCPU | sample.PartUtilization
	var l sample.Limits
	read := func() {
		b.memory()
		b.cpu()
		b.io()
		if err := b.source.ReadLimits(context.Background(), &l); err != nil {
			t.Fatal(err)
		}
		b.source.Cgroup(context.Background())
	}
	read()
	one := len(descriptors(t))
	for i := range 20 { // a move must not leave the old cgroup's files open
		b.Write("proc/self/cgroup", "0::/p/"+[]string{"y", "x"}[i%2]+"\n")
		b.after(time.Second)
		read()
	}
	if n := len(descriptors(t)); n > one {
		t.Errorf("%d descriptors, %d after the first reading", n, one)
	}
	b.source.Close()
	b.source.Cgroup(context.Background())
	if after := descriptors(t); !slices.Equal(before, after) {
		t.Errorf("left open: %q, before: %q", after, before)
	}
}

func TestClosingWhileReadingIsSafe(t *testing.T) {
	for range 5 {
		before := descriptors(t)
		b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
		ctx := context.Background()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for b.source.ReadMemory(ctx, direct|wholeMachine, new(sample.Memory)) != ErrClosed {
				}
			})
			wg.Go(func() {
				for b.source.ReadCPU(ctx, direct|sample.PartPerCPU, new(sample.CPU)) != ErrClosed {
				}
			})
			wg.Go(func() {
				for b.source.ReadIO(ctx, direct|sample.PartDevices, new(sample.IO)) != ErrClosed {
				}
			})
			wg.Go(func() {
				for b.source.ReadLimits(ctx, new(sample.Limits)) != ErrClosed {
				}
			})
			wg.Go(func() { b.source.Cgroup(ctx) })
		}
		time.Sleep(2 * time.Millisecond)
		b.source.Close()
		wg.Wait()
		if after := descriptors(t); !slices.Equal(before, after) {
			t.Fatalf("left open: %q", after)
		}
	}
}

func TestAFIFOInPlaceOfAFileIsRefused(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456", "memory.current"))
	if err := unix.Mkfifo(filepath.Join(b.Dir(), top, "a/memory.current"), 0o644); err != nil {
		t.Skip(err)
	}
	start := time.Now()
	m := b.memory()
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	expect(t, "usage", m.Cgroup.Usage, none)
	expect(t, "limit", m.Limit.Value, 256*mib)
	if want := []sample.Failure{{Source: "memory.current", Type: "not_regular", Count: 1}}; !slices.Equal(failures(t, b.diag), want) {
		t.Errorf("failures %+v", b.diag.Failures().List)
	}
}

// Events of another cgroup do not look like new ones when the limit that binds changes its place.
func TestEventsDoNotJumpWhenAnotherLevelBinds(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+
		group(top+"/p", "memory.max=536870912", "memory.events=low 0\nhigh 0\nmax 5000\noom 0\noom_kill 900")+
		group(top+"/p/l", "memory.max=268435456", "memory.events=low 0\nhigh 0\nmax 3\noom 0\noom_kill 1"))
	expect(t, "leaf", b.memory().Cgroup.Events.Max, some(3))
	b.Write(top+"/p/memory.max", "134217728\n")
	expect(t, "parent", b.memory().Cgroup.Events.Max, some(3))
	b.Replace(top+"/p/memory.events", "max 5000", "max 5002")
	e := b.memory().Cgroup.Events
	expect(t, "and on", e.Max, some(5))
	expect(t, "kills", e.OOMKill, some(1))
}

func TestCPUsComeAndGo(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/"))
	b.want = direct | wholeMachine | sample.PartPerCPU
	first, _ := b.usage()
	expect(t, "at first", len(first.System.PerCPU), 4)
	b.after(2 * time.Second)
	b.Write("proc/stat", "cpu 1200 0 500 8000 100 0 20 0 0 0\ncpu0 350 0 125 2000 25 0 5 0 0 0\ncpu1 250 0 125 2200 25 0 5 0 0 0\ncpu3 250 0 125 2200 25 0 5 0 0 0\n")
	b.Write("sys/devices/system/cpu/online", "0-1,3\n")
	c, u := b.usage()
	expect(t, "online", c.System.Logical, some(3))
	expect(t, "limit", c.Limit.Value, 3)
	var numbers []int
	for _, cpu := range c.System.PerCPU {
		numbers = append(numbers, cpu.Number)
	}
	if !slices.Equal(numbers, []int{0, 1, 3}) {
		t.Errorf("CPUs %v", numbers)
	}
	expect(t, "cpu0", u.perCPU[0].share, sample.Some(0.5))
	expect(t, "cpu3", u.perCPU[3].share, sample.Some(0.0))
	expect(t, "machine", u.machine, sample.Some(1.0))
}

func TestAGuestsSizeIsTheVirtualizationsLimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/"))
	s, err := New(Config{Root: b.Hostfs(), Interval: time.Second, Guest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var m sample.Memory
	var c sample.CPU
	if err := s.ReadMemory(context.Background(), direct, &m); err != nil {
		t.Fatal(err)
	}
	if err := s.ReadCPU(context.Background(), direct, &c); err != nil {
		t.Fatal(err)
	}
	expect(t, "memory", m.Limit.Source, sample.SourceVirtualization)
	expect(t, "cpu", c.Limit.Source, sample.SourceVirtualization)
}

// With /sys masked the online CPUs are those of /proc/stat.
func TestWithoutSysTheOnlineCPUsAreThoseOfStat(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
	b.Remove("sys/devices")
	c := b.cpu()
	expect(t, "online", c.System.Logical, some(4))
	expect(t, "limit", c.Limit, sample.Limit[float64]{Value: 4, Source: sample.SourceHost, File: b.file("proc/stat")})
}

// A mountinfo that could not be read is asked again; what it shows then counts.
func TestMountsThatCouldNotBeReadAreAskedAgain(t *testing.T) {
	b := open(t, machine+self("0::/a/b")+group("elsewhere/b", "memory.max=268435456")+"-- proc/self/mountinfo/ --\n")
	expect(t, "at first", b.memory().Limit.Source, sample.SourceHost)
	b.Remove("proc/self/mountinfo")
	b.Write("proc/self/mountinfo", "30 23 0:26 /a /elsewhere rw - cgroup2 cgroup2 rw\n")
	b.after(time.Second)
	m := b.memory()
	expect(t, "then", m.Limit.Value, 256*mib)
	expect(t, "group", m.Limit.Cgroup, "/a/b")
}

// A hierarchy that is mounted elsewhere, while the process stays in its cgroup,
// is found within a minute; a mountinfo that fails meanwhile takes nothing away.
func TestMountsAreLookedAtAgain(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456")+group("elsewhere/a", "memory.max=134217728"))
	expect(t, "at first", b.memory().Limit.Value, 256*mib)
	b.Remove("proc/self/mountinfo")
	b.after(remount)
	expect(t, "mountinfo is gone", b.memory().Limit.Value, 256*mib)
	b.Write("proc/self/mountinfo", "30 23 0:26 / /elsewhere rw - cgroup2 cgroup2 rw\n")
	b.after(remount - time.Second)
	expect(t, "before a minute has passed", b.memory().Limit.Value, 256*mib)
	b.after(time.Second)
	expect(t, "after it", b.memory().Limit.Value, 128*mib)
	b.after(remount)
	generation := b.source.(*linux).memory.generation
	b.memory()
	expect(t, "what is as it was", b.source.(*linux).memory.generation, generation)
}
