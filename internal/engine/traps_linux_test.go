package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// R2: swap is limited where memory is not; the two are never added.
func TestR2SwapLimitWithoutAMemoryLimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.swap.max=536870912"))
	m := b.memory()
	expect(t, "swap", m.Cgroup.SwapLimit, some(512*mib))
	expect(t, "memory", m.Limit, sample.Limit[uint64]{Value: 8192 * mib, Source: sample.SourceHost, File: b.file("proc/meminfo")})
}

// R10b: without memory.stat there is no working set, and usage is memory.current, not the machine's.
func TestR10bWithoutStatUsageIsStillTheCgroups(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.stat"))
	m := b.memory()
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "working set", m.Cgroup.WorkingSet, none)
}

// R12: without a quota nr_periods stands still. Half a core is used, and there is no throttling to divide.
func TestR12UsageWithoutAQuota(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
	b.want |= sample.PartUtilization
	b.usage()
	b.after(time.Second)
	b.Replace(top+"/a/cpu.stat", "usage_usec 4200000", "usage_usec 4700000")
	c, u := b.usage()
	expect(t, "cores", u.cgroup, sample.Some(0.5))
	expect(t, "share of four CPUs", u.utilization, sample.Some(0.125))
	expect(t, "throttling", c.Cgroup.Throttling, sample.Throttling{})
}

// R13: the sentinel of 64 KiB pages is no limit; a resize while the process runs is one.
func TestR13UnlimitedThenResized(t *testing.T) {
	b := open(t, machine+v1Memory+"-- proc/self/mountinfo --\n"+v1Mounts+self("4:memory:/a"))
	b.Write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854710272\n")
	b.Replace("sys/fs/cgroup/memory/a/memory.stat", "hierarchical_memory_limit 268435456", "hierarchical_memory_limit 9223372036854710272")
	expect(t, "before", b.memory().Limit.Source, sample.SourceHost)
	b.Write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "268435456\n")
	expect(t, "after", b.memory().Limit.Value, 256*mib)
}

// M13: gVisor charges a program's memory as shared memory: what counts is the usage, never anon.
func TestM13UsageIsNotAnon(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456", "memory.stat=anon 4096\nfile 104853504\nshmem 104853504\ninactive_file 0"))
	m := b.memory()
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "working set", m.Cgroup.WorkingSet, some(100*mib))
	expect(t, "available", m.Available, some(156*mib))
}

// M7: the peak may pass the limit by a page, and is told as it is.
func TestM7ThePeakMayPassTheLimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=67108864", "memory.peak=67112960"))
	expect(t, "peak", b.memory().Cgroup.Peak, some(67112960))
}

// C3: GOMAXPROCS is what the program chose, not what it is granted.
func TestC3GOMAXPROCSIsNoLimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.max=150000 100000"))
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	expect(t, "one", b.cpu().Limit.Value, 1.5)
	runtime.GOMAXPROCS(7)
	c := b.cpu()
	expect(t, "seven", c.Limit.Value, 1.5)
	expect(t, "available", c.Available, sample.Some(4.0))
}

// C5: throttled time is summed over CPUs: four may lose 3 s in one.
func TestC5ThrottledTimeMayPassTheWallClock(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.max=50000 100000",
		"cpu.stat=usage_usec 1000000\nnr_periods 10\nnr_throttled 1\nthrottled_usec 1000"))
	b.cpu()
	b.after(time.Second)
	b.Replace(top+"/a/cpu.stat", "throttled_usec 1000", "throttled_usec 3001000")
	expect(t, "time", b.cpu().Cgroup.Throttling.Time, some(3_001_000_000))
}

// C7: a cgroup without the file has its nearest ancestor's CPUs.
func TestC7WithoutTheFileTheAncestorsCpusetCounts(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/g/p/l")+group(top+"/g", "cpuset.cpus.effective=0-2")+
		group(top+"/g/p", "cpuset.cpus.effective=2-3")+group(top+"/g/p/l", "cpuset.cpus.effective"))
	c := b.cpu()
	expect(t, "limit", c.Limit, sample.Limit[float64]{Value: 2, Source: sample.SourceCpuset, Cgroup: "/g/p", File: b.file(top + "/g/p/cpuset.cpus.effective")})
}

// F20: a controller that is not delegated to the leaf limits it all the same, through its parent.
func TestF20AMissingFileIsNotMax(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/user.slice/libpod.scope")+group(top+"/user.slice", "cpu.max=50000 100000", "memory.max=268435456")+
		group(top+"/user.slice/libpod.scope", "cpu.max", "memory.max", "cpuset.cpus.effective"))
	m, c := b.memory(), b.cpu()
	expect(t, "memory", m.Limit.Value, 256*mib)
	expect(t, "cores", c.Limit.Value, 0.5)
	expect(t, "which is the parent's", c.Limit.Cgroup, "/user.slice")
}

// P5: stalls that a quota causes are shown beside the throttling, each by its own name.
func TestP5PressureStandsBesideThrottling(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.max=50000 100000",
		"cpu.stat=usage_usec 1000000\nnr_periods 10\nnr_throttled 9\nthrottled_usec 4000",
		"cpu.pressure=some avg10=90.00 avg60=0.00 avg300=0.00 total=4000\nfull avg10=90.00 avg60=0.00 avg300=0.00 total=4000"))
	g := b.cpu().Cgroup
	expect(t, "throttled", g.Throttling.Throttled, some(9))
	expect(t, "stalled", g.Pressure.Some.Or(sample.Stall{}).Total, 4000)
}

// A cgroup that is removed and made again under the same path starts to count
// anew, and may have counted more than the old one when it is read.
func TestACgroupThatWasMadeAgainIsAnotherOne(t *testing.T) {
	dir := cgroup2(t, "otelresource-test-again")
	work := func(d time.Duration) {
		t.Helper()
		script := fmt.Sprintf("echo $$ >%s/cgroup.procs; exec timeout %v sh -c 'while :; do :; done'", dir, d.Seconds())
		if err := exec.Command("sh", "-c", script).Run(); err != nil && err.Error() != "exit status 124" {
			t.Fatal(err)
		}
	}
	real, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	c := &real.(*linux).cpu
	read := func() uint64 {
		var s sample.CPU
		if err := real.ReadCPU(context.Background(), direct, &s); err != nil {
			t.Fatal(err)
		}
		return s.Cgroup.Usage.Or(0)
	}
	// The process itself stays where it is: only the reader is pointed here.
	read()
	c.usage = timeCounter{}
	c.reader = cgroup.NewCPUReader(&c.opener, cgroup.CPUGroups{CPU: cgroup.Group{Version: cgroup.V2, Levels: []cgroup.Level{{Dir: dir, Path: "/again"}}}})
	c.cgroupFiles = c.reader
	work(100 * time.Millisecond)
	first := read()
	if first == 0 {
		t.Fatal("the cgroup counted nothing")
	}
	if err := errors.Join(os.Remove(dir), os.Mkdir(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	work(400 * time.Millisecond)
	if got := read(); got != first {
		t.Errorf("the usage grew from %d to %d at the first reading of another cgroup", first, got)
	}
	work(100 * time.Millisecond)
	if got := read(); got <= first {
		t.Errorf("the usage is %d, as before another cgroup was read", got)
	}
}

// cgroup2 makes a cgroup of the v2 hierarchy for the time of a test.
func cgroup2(t *testing.T, name string) (dir string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can make cgroups")
	}
	for _, at := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var st unix.Statfs_t
		if unix.Statfs(at, &st) == nil && uint32(st.Type) == unix.CGROUP2_SUPER_MAGIC {
			dir = filepath.Join(at, name)
		}
	}
	if dir == "" {
		t.Skip("no cgroup2 is mounted here")
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	return dir
}

// P1, P2: PSI of one cgroup switched off while its files are open is an absence,
// and comes back when it is switched on.
func TestP1PressureSwitchedOff(t *testing.T) {
	dir := cgroup2(t, "otelresource-test-pressure")
	if _, err := os.Stat(dir + "/cgroup.pressure"); err != nil {
		t.Skipf("this kernel switches no single cgroup's pressure off: %v", err)
	}
	b := open(t, machine)
	if _, err := os.Stat(dir + "/cpu.pressure"); err != nil {
		t.Skip(err)
	}
	real, err := New(Config{Interval: time.Second, Now: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	c := &real.(*linux).cpu
	// The process itself stays where it is: only the reader is pointed here.
	var first sample.CPU
	if err := real.ReadCPU(context.Background(), direct, &first); err != nil {
		t.Fatal(err)
	}
	c.pressure.own = c.opener.File(dir + "/cpu.pressure")
	read := func() bool {
		var s sample.CPU
		if err := real.ReadCPU(context.Background(), direct, &s); err != nil {
			t.Fatal(err)
		}
		return s.Cgroup.Pressure.Some.Present()
	}
	set := func(text string) {
		if err := os.WriteFile(dir+"/cgroup.pressure", []byte(text), 0); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, "on", read(), true)
	set("0")
	expect(t, "off", read(), false)
	expect(t, "failures", len(real.(*linux).cfg.Diagnostics.Failures().List), 0)
	set("1")
	b.after(time.Minute)
	expect(t, "on again", read(), true)
}

// K4: on v1 a cgroup can be renamed under the process; it is found by its new name.
func TestK4ARenamedCgroupIsFound(t *testing.T) {
	b := open(t, machine+v1Memory+"-- proc/self/mountinfo --\n"+v1Mounts+self("4:memory:/a"))
	expect(t, "before", b.memory().Limit.Value, 256*mib)
	dir := filepath.Join(b.Dir(), "sys/fs/cgroup/memory")
	if err := os.Rename(dir+"/a", dir+"/renamed"); err != nil {
		t.Fatal(err)
	}
	b.Write("proc/self/cgroup", "4:memory:/renamed\n")
	b.Write("sys/fs/cgroup/memory/renamed/memory.limit_in_bytes", "134217728\n")
	b.after(time.Second)
	m := b.memory()
	expect(t, "after", m.Limit.Value, 128*mib)
	expect(t, "by its new name", m.Limit.Cgroup, "/renamed")
}

// R30: no collector reads smaps_rollup, which holds the mmap lock for tens of milliseconds.
func TestR30NothingReadsSmaps(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}", "../...")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("the packages cannot be listed: %v", err)
	}
	for dir := range strings.FieldsSeq(string(out)) {
		files, _ := filepath.Glob(dir + "/*.go")
		for _, f := range files {
			if b, _ := os.ReadFile(f); !strings.HasSuffix(f, "_test.go") && strings.Contains(string(b), `/smaps`) {
				t.Errorf("%s speaks of smaps", f)
			}
		}
	}
}
