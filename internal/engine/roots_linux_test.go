package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const mib = 1 << 20

// machine is a host of 8 GiB and 4 CPUs, without its place in the cgroups.
const machine = `
-- proc/meminfo --
MemTotal:        8388608 kB
MemFree:         1048576 kB
MemAvailable:    6291456 kB
Buffers:          102400 kB
Cached:          4194304 kB
-- proc/stat --
cpu  1000 0 500 8000 100 0 20 0 0 0
cpu0 250 0 125 2000 25 0 5 0 0 0
cpu1 250 0 125 2000 25 0 5 0 0 0
cpu2 250 0 125 2000 25 0 5 0 0 0
cpu3 250 0 125 2000 25 0 5 0 0 0
-- sys/devices/system/cpu/online --
0-3
`

const mountV2 = `
-- proc/self/mountinfo --
30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
`

// group writes one v2 cgroup. Settings are "memory.max=max" and the like, for
// what differs from a cgroup without limits.
func group(dir string, settings ...string) string {
	files := map[string]string{
		"cgroup.type": "domain", "cgroup.events": "populated 1\nfrozen 0",
		"memory.current": "104857600", "memory.max": "max", "memory.high": "max",
		"memory.swap.current": "0", "memory.swap.max": "max", "memory.peak": "209715200",
		"memory.stat":   "anon 52428800\nfile 41943040\ninactive_file 20971520\npgfault 1000\npgmajfault 10",
		"memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0",
		"cpu.stat":      "usage_usec 4200000\nuser_usec 3000000\nsystem_usec 1200000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0",
		"cpu.max":       "max 100000", "cpu.weight": "100", "cpuset.cpus.effective": "0-3",
	}
	for _, s := range settings {
		name, text, ok := strings.Cut(s, "=")
		if files[name] = text; !ok {
			delete(files, name)
		}
	}
	var out strings.Builder
	for name, text := range files {
		fmt.Fprintf(&out, "-- %s/%s --\n%s\n", dir, name, text)
	}
	return out.String()
}

const top = "sys/fs/cgroup"

// bench is a source over a fake root, with a clock that stands still until told.
type bench struct {
	*fixture.Root
	t       *testing.T
	source  Source
	diag    *Diagnostics
	meter   *meter
	now     time.Time
	want    sample.Parts
	wantErr bool
}

func open(t *testing.T, archive string) *bench {
	t.Helper()
	b := &bench{Root: fixture.Unpack(t, archive), t: t, diag: NewDiagnostics(nil), now: time.Now(), want: direct}
	b.meter = newMeter(b.now, time.Second)
	var err error
	b.source, err = New(Config{
		Root: b.Hostfs(), Interval: time.Second, CgroupPaths: []string{"/sys/fs/cgroup", "/proc/cgroups", "/proc/self/cgroup"},
		Diagnostics: b.diag, Now: func() time.Time { return b.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.source.Close)
	return b
}

func (b *bench) after(d time.Duration) { b.now = b.now.Add(d) }

func (b *bench) memory() *sample.Memory {
	b.t.Helper()
	s := new(sample.Memory)
	if err := b.source.ReadMemory(context.Background(), b.want, s); (err != nil) != b.wantErr {
		b.t.Fatalf("memory: %v", err)
	}
	return s
}

func (b *bench) cpu() *sample.CPU {
	b.t.Helper()
	s := new(sample.CPU)
	if err := b.source.ReadCPU(context.Background(), b.want, s); (err != nil) != b.wantErr {
		b.t.Fatalf("cpu: %v", err)
	}
	return s
}

// usage reads the CPUs and computes their usage.
func (b *bench) usage() (*sample.CPU, cpuUsage) {
	b.t.Helper()
	s := b.cpu()
	return s, b.meter.cpu(s)
}

func (b *bench) file(name string) string { return b.Dir() + "/" + name }

func self(text string) string { return "-- proc/self/cgroup --\n" + text + "\n" }

func TestV2Leaf(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a/b")+"-- "+top+"/cpu.stat --\nusage_usec 99\n"+group(top+"/a")+
		group(top+"/a/b", "memory.max=268435456", "memory.high=201326592", "memory.swap.max=536870912", "memory.swap.current=4096",
			"cpu.max=150000 100000", "memory.events=low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6",
			"cpu.stat=usage_usec 4200000\nuser_usec 3000000\nsystem_usec 1200000\nnr_periods 100\nnr_throttled 7\nthrottled_usec 900"))
	m := b.memory()
	expect(t, "limit", m.Limit, sample.Limit[uint64]{Value: 256 * mib, Source: sample.SourceCgroupV2, Cgroup: "/a/b", File: b.file(top + "/a/b/memory.max")})
	expect(t, "own", m.Own, true)
	expect(t, "available under memory.high", m.Available, some(192*mib-80*mib))
	expect(t, "available by the convention", m.Cgroup.Available, some(256*mib-80*mib))
	g := m.Cgroup
	expect(t, "usage", g.Usage, some(100*mib))
	expect(t, "working set", g.WorkingSet, some(80*mib))
	expect(t, "rss", g.RSS, some(50*mib))
	expect(t, "cache", g.Cache, some(40*mib))
	expect(t, "high", g.High, some(192*mib))
	expect(t, "peak", g.Peak, some(200*mib))
	expect(t, "swap limit", g.SwapLimit, some(512*mib))
	expect(t, "swap", g.SwapUsage, some(4096))
	expect(t, "faults", g.Faults, sample.Faults{Minor: some(990), Major: some(10)})
	expect(t, "events", g.Events, sample.MemoryEvents{Low: some(1), High: some(2), Max: some(3), OOM: some(4), OOMKill: some(5), OOMGroupKill: some(6)})
	expect(t, "host total", m.System.Total, some(8192*mib))

	c := b.cpu()
	expect(t, "cpu limit", c.Limit, sample.Limit[float64]{Value: 1.5, Source: sample.SourceCgroupV2, Cgroup: "/a/b", File: b.file(top + "/a/b/cpu.max")})
	expect(t, "cpu limit of the cgroup", c.CgroupLimit, c.Limit)
	expect(t, "cpu usage", c.Cgroup.Usage, some(4_200_000_000))
	expect(t, "user", c.Cgroup.User, some(3_000_000_000))
	expect(t, "system", c.Cgroup.System, some(1_200_000_000))
	expect(t, "weight", c.Cgroup.Weight, some(100))
	expect(t, "shares", c.Cgroup.Shares, some(1024))
	expect(t, "quota", c.Cgroup.Quota, some(150000))
	expect(t, "period", c.Cgroup.Period, some(100000))
	expect(t, "throttling", c.Cgroup.Throttling, sample.Throttling{Periods: some(100), Throttled: some(7), Time: some(900_000)})
	expect(t, "available cores", c.Available, sample.Some(4.0))
	expect(t, "logical", c.System.Logical, some(4))
	if c.Cgroup.PerCPU != nil {
		t.Error("per-CPU times of a v2 cgroup (C8)")
	}
	if f := b.diag.Failures().List; len(f) > 0 {
		t.Errorf("failures: %+v", f)
	}
}

// The leaf says max, its parent limits it (R21b, R22c, F17); in the case of
// crun the leaf is the folder "container" below the container's scope (F16).
func TestALimitOnTheParentBinds(t *testing.T) {
	for _, path := range []string{"/jobs/w1", "/machine.slice/libpod-0a1b.scope/container"} {
		t.Run(path, func(t *testing.T) {
			parent := path[:strings.LastIndexByte(path, '/')]
			b := open(t, machine+mountV2+self("0::"+path)+
				group(top+parent, "memory.max=268435456", "cpu.max=50000 100000", "memory.current=200000000",
					"memory.events=low 0\nhigh 0\nmax 9\noom 8\noom_kill 7",
					"cpu.stat=usage_usec 9\nnr_periods 40\nnr_throttled 4\nthrottled_usec 5")+
				group(top+path, "memory.events=low 0\nhigh 0\nmax 1\noom 1\noom_kill 1"))
			m, c := b.memory(), b.cpu()
			expect(t, "limit", m.Limit, sample.Limit[uint64]{Value: 256 * mib, Source: sample.SourceCgroupV2, Cgroup: parent, File: b.file(top + parent + "/memory.max")})
			expect(t, "usage is the leaf's", m.Cgroup.Usage, some(100*mib))
			expect(t, "headroom is the parent's", m.Available, some(256*mib-(200000000-20*mib)))
			expect(t, "events are the parent's", m.Cgroup.Events.Max, some(9))
			expect(t, "kills are the leaf's", m.Cgroup.Events.OOMKill, some(1))
			expect(t, "cores", c.Limit, sample.Limit[float64]{Value: 0.5, Source: sample.SourceCgroupV2, Cgroup: parent, File: b.file(top + parent + "/cpu.max")})
			expect(t, "throttling is the parent's", c.Cgroup.Throttling, sample.Throttling{Periods: some(40), Throttled: some(4), Time: some(5000)})
			expect(t, "usage is the leaf's", c.Cgroup.Usage, some(4_200_000_000))

			// A neighbor takes what this process does not use.
			b.Write(top+parent+"/memory.current", "260000000\n")
			expect(t, "headroom beside a neighbor", b.memory().Available, some(256*mib-(260000000-20*mib)))
			// For a moment usage may pass the limit (M7).
			b.Write(top+parent+"/memory.current", "289410000\n")
			expect(t, "headroom past the limit", b.memory().Available, some(0))
		})
	}
}

func TestUtilizationIsTheHighestOfTheLevels(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+
		group(top+"/p", "memory.max=209715200", "memory.current=178257920", "memory.stat=anon 1\nfile 1\ninactive_file 20971520")+
		group(top+"/p/l", "memory.max=167772160"))
	b.want |= sample.PartUtilization
	m := b.memory()
	expect(t, "utilization", m.Cgroup.Utilization, sample.Some(150.0/200)) // the leaf: 80 of 160
	expect(t, "limit", m.Limit.Cgroup, "/p/l")
	expect(t, "headroom", m.Available, some(50*mib))
}

const v1Memory = `
-- sys/fs/cgroup/memory/release_agent --
-- sys/fs/cgroup/memory/memory.usage_in_bytes --
999999999999
-- sys/fs/cgroup/memory/a/memory.usage_in_bytes --
104857600
-- sys/fs/cgroup/memory/a/memory.limit_in_bytes --
268435456
-- sys/fs/cgroup/memory/a/memory.memsw.usage_in_bytes --
104861696
-- sys/fs/cgroup/memory/a/memory.memsw.limit_in_bytes --
536870912
-- sys/fs/cgroup/memory/a/memory.max_usage_in_bytes --
268439552
-- sys/fs/cgroup/memory/a/memory.failcnt --
6
-- sys/fs/cgroup/memory/a/memory.use_hierarchy --
1
-- sys/fs/cgroup/memory/a/memory.oom_control --
oom_kill_disable 0
under_oom 0
oom_kill 2
-- sys/fs/cgroup/memory/a/memory.stat --
cache 1
rss 2
inactive_file 3
hierarchical_memory_limit 268435456
hierarchical_memsw_limit 536870912
total_cache 41943040
total_rss 52428800
total_pgfault 1000
total_pgmajfault 10
total_inactive_file 20971520
`

const v1CPU = `
-- sys/fs/cgroup/cpu,cpuacct/release_agent --
-- sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us --
50000
-- sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us --
100000
-- sys/fs/cgroup/cpu,cpuacct/a/cpu.shares --
512
-- sys/fs/cgroup/cpu,cpuacct/a/cpu.stat --
nr_periods 10
nr_throttled 2
throttled_time 3000
-- sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage --
12000000000
-- sys/fs/cgroup/cpu,cpuacct/a/cpuacct.stat --
user 1000
system 200
-- sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage_percpu --
6000000000 2000000000 2000000000 2000000000 0 0 0 0 
-- sys/fs/cgroup/cpuset/release_agent --
-- sys/fs/cgroup/cpuset/a/cpuset.effective_cpus --
0-1
`

const v1Mounts = `31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 23 0:29 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
`

func checkV1(t *testing.T, b *bench) {
	t.Helper()
	b.want |= sample.PartPerCPU
	m, c := b.memory(), b.cpu()
	expect(t, "limit", m.Limit, sample.Limit[uint64]{Value: 256 * mib, Source: sample.SourceCgroupV1, Cgroup: "/a", File: b.file("sys/fs/cgroup/memory/a/memory.limit_in_bytes")})
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "working set", m.Cgroup.WorkingSet, some(80*mib))
	expect(t, "rss", m.Cgroup.RSS, some(50*mib))
	expect(t, "swap", m.Cgroup.SwapUsage, some(4096))
	expect(t, "swap limit", m.Cgroup.SwapLimit, some(256*mib))
	expect(t, "peak may pass the limit (M7)", m.Cgroup.Peak, some(268439552))
	expect(t, "events", m.Cgroup.Events, sample.MemoryEvents{Max: some(6), OOMKill: some(2)})
	expect(t, "no high", m.Cgroup.High, none)
	expect(t, "cores", c.Limit, sample.Limit[float64]{Value: 0.5, Source: sample.SourceCgroupV1, Cgroup: "/a", File: b.file("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us")})
	expect(t, "available", c.Available, sample.Some(2.0))
	expect(t, "cpu usage", c.Cgroup.Usage, some(12_000_000_000))
	expect(t, "user (R11)", c.Cgroup.User, some(10_000_000_000))
	expect(t, "shares", c.Cgroup.Shares, some(512))
	expect(t, "no weight", c.Cgroup.Weight, none)
	expect(t, "throttling", c.Cgroup.Throttling, sample.Throttling{Periods: some(10), Throttled: some(2), Time: some(3000)})
	if n := len(c.Cgroup.PerCPU); n != 4 { // possible CPUs that are not online are left out
		t.Errorf("%d CPUs", n)
	}
}

func TestV1(t *testing.T) {
	checkV1(t, open(t, machine+v1Memory+v1CPU+"-- proc/self/mountinfo --\n"+v1Mounts+self("4:memory:/a\n3:cpuset:/a\n2:cpu,cpuacct:/a")))
}

func TestHybridTakesEachControllerFromWhereItIs(t *testing.T) {
	checkV1(t, open(t, machine+v1Memory+v1CPU+"-- proc/self/mountinfo --\n"+v1Mounts+
		"34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"+self("4:memory:/a\n3:cpuset:/a\n2:cpu,cpuacct:/a\n0::/")+
		"-- sys/fs/cgroup/unified/cgroup.procs --\n"))
}

func TestWithoutMountinfoTheConfiguredFoldersAreAsked(t *testing.T) {
	b := open(t, machine+v1Memory+v1CPU+self("4:memory:/a\n3:cpuset:/a\n2:cpu,cpuacct:/a")+
		"-- sys/fs/cgroup/memory/cgroup.procs --\n-- sys/fs/cgroup/cpu,cpuacct/cgroup.procs --\n-- sys/fs/cgroup/cpuset/cgroup.procs --\n")
	checkV1(t, b)
}

// v1 tells of limits on ancestors that are not visible (F19), but only with use_hierarchy.
func TestAHiddenAncestorsLimitOnV1(t *testing.T) {
	for use, want := range map[string]uint64{"1": 128 * mib, "0": 256 * mib} {
		b := open(t, machine+v1Memory+"-- proc/self/mountinfo --\n"+v1Mounts+self("4:memory:/a"))
		b.want |= sample.PartUtilization
		b.Replace("sys/fs/cgroup/memory/a/memory.stat", "hierarchical_memory_limit 268435456", "hierarchical_memory_limit 134217728")
		b.Write("sys/fs/cgroup/memory/a/memory.use_hierarchy", use+"\n")
		m := b.memory()
		expect(t, "limit with use_hierarchy "+use, m.Limit.Value, want)
		expect(t, "events", m.Cgroup.Events.Max, some(6))
		expect(t, "utilization", m.Cgroup.Utilization, sample.Some(float64(80*mib)/float64(want)))
	}
}

func TestPrivateNamespace(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+group(top, "memory.max=268435456", "cpu.max=200000 100000"))
	m, c := b.memory(), b.cpu()
	expect(t, "limit", m.Limit, sample.Limit[uint64]{Value: 256 * mib, Source: sample.SourceCgroupV2, Cgroup: "/", File: b.file(top + "/memory.max")})
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "cores", c.Limit.Value, 2)
}

func TestTheRootCgroupHasNoNumbersOfItsOwn(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+"-- "+top+"/cpu.stat --\nusage_usec 99000000\n-- "+top+"/memory.stat --\nanon 5\n")
	m, c := b.memory(), b.cpu()
	expect(t, "own", m.Own || c.Own, false)
	expect(t, "usage", m.Cgroup.Usage, none)
	expect(t, "cpu usage is the machine's (C11)", c.Cgroup.Usage, none)
	expect(t, "limit", m.Limit.Source, sample.SourceHost)
	if !errors.Is(m.Err, ErrNoCgroup) || !errors.Is(c.Err, ErrNoCgroup) {
		t.Errorf("%v, %v", m.Err, c.Err)
	}
	expect(t, "host usage", c.System.Times.Busy(), some(1520*10_000))
}

// A folder stands where a file should be, as a denied file would: the
// grandparent's limit is found all the same (R23).
func TestAnUnreadableLevelHidesNoOther(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/g/p/l")+group(top+"/g", "memory.max=402653184", "memory.current=1048576")+
		group(top+"/g/p", "memory.max", "cpu.max")+group(top+"/g/p/l", "memory.max=536870912")+"-- "+top+"/g/p/memory.max/ --\n")
	m := b.memory()
	expect(t, "limit", m.Limit.Value, 384*mib)
	expect(t, "bound by", m.Limit.Cgroup, "/g")
	want := []sample.Failure{{Source: "memory.max", Type: "not_regular", Count: 1}}
	if got := failures(t, b.diag); !slices.Equal(got, want) {
		t.Errorf("failures %+v", got)
	}
}

func TestALimitAboveTheMachine(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=68719476736", "cpu.max=1600000 100000"))
	m, c := b.memory(), b.cpu()
	expect(t, "limit (M3)", m.Limit, sample.Limit[uint64]{Value: 8192 * mib, Source: sample.SourceHost, File: b.file("proc/meminfo")})
	expect(t, "available", m.Available, some(6144*mib))
	expect(t, "cores", c.Limit, sample.Limit[float64]{Value: 4, Source: sample.SourceHost, File: b.file("sys/devices/system/cpu/online")})
}

func TestALimitOfZeroIsALimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=0"))
	b.want |= sample.PartUtilization
	m := b.memory()
	expect(t, "limit (R7b)", m.Limit.Source, sample.SourceCgroupV2)
	expect(t, "value", m.Limit.Value, 0)
	expect(t, "available", m.Available, some(0))
	expect(t, "utilization of nothing", m.Cgroup.Utilization, sample.Opt[float64]{})
}

func TestTheCpusetBindsBelowTheQuota(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", "cpuset.cpus.effective=1,3")+
		group(top+"/p/l", "cpu.max=300000 100000", "cpuset.cpus.effective=")) // empty: the parent's apply (C7, R6a)
	c := b.cpu()
	expect(t, "limit", c.Limit, sample.Limit[float64]{Value: 2, Source: sample.SourceCpuset, Cgroup: "/p", File: b.file(top + "/p/cpuset.cpus.effective")})
	expect(t, "available", c.Available, sample.Some(2.0))
	expect(t, "quota is still known", c.Cgroup.Quota, some(300000))
	b.Write(top+"/p/cpuset.cpus.effective", "9-3\n") // R6b
	c = b.cpu()
	expect(t, "limit with a broken cpuset", c.Limit.Value, 3)
}

func TestNoQuotaNoThrottling(t *testing.T) {
	// The counts of a quota that was removed stand still (C4).
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.stat=usage_usec 1\nnr_periods 50\nnr_throttled 5\nthrottled_usec 7"))
	c := b.cpu()
	expect(t, "throttling", c.Cgroup.Throttling, sample.Throttling{})
	expect(t, "quota", c.Cgroup.Quota, none)
}

// A bound of the process's cgroup that is there and cannot be read may be lower
// than all others. Theirs, or the machine's size, would be a guess.
func TestABoundThatCannotBeReadIsUnknown(t *testing.T) {
	v2 := machine + mountV2 + self("0::/p/a") +
		group(top+"/p", "memory.max=536870912", "cpu.max=300000 100000", "cpuset.cpus.effective=0-2") +
		group(top+"/p/a", "memory.max=268435456", "cpu.max=150000 100000", "cpuset.cpus.effective=0-1")
	for _, file := range []string{"memory.max", "memory.high", "cpu.max", "cpuset.cpus.effective"} {
		for _, broken := range []string{"nonsense\n", "-5\n", "", "1 2 3\n"} {
			if file == "cpuset.cpus.effective" && (broken == "" || broken == "1 2 3\n") {
				continue // an empty cpuset has its parent's; blanks separate
			}
			b := open(t, v2)
			b.want |= sample.PartUtilization
			b.Write(top+"/p/a/"+file, broken)
			m, c := b.memory(), b.cpu()
			var limits sample.Limits
			if err := b.source.ReadLimits(t.Context(), &limits); err != nil {
				t.Fatal(err)
			}
			ofMemory, ofCPU := file == "memory.max", file[0] == 'c'
			expect(t, fmt.Sprintf("%s %q: available memory", file, broken), m.Available.Present(), ofCPU)
			for what, known := range map[string]bool{
				"memory limit": m.Limit.Known(), "limit less working set": m.Cgroup.Available.Present(),
				"memory utilization": m.Cgroup.Utilization.Present(), "memory of GetLimits": limits.Memory.Known(),
			} {
				expect(t, fmt.Sprintf("%s %q: %s", file, broken, what), known, !ofMemory)
			}
			for what, known := range map[string]bool{
				"limit": c.Limit.Known(), "cgroup's limit": c.CgroupLimit.Known(), "available CPUs": c.Available.Present(), "CPU of GetLimits": limits.CPU.Known(),
			} {
				expect(t, fmt.Sprintf("%s %q: %s", file, broken, what), known, !ofCPU)
			}
			expect(t, "usage of memory", m.Cgroup.Usage.Present(), true)
			expect(t, "usage of CPU", c.Cgroup.Usage.Present(), true)
			if len(b.diag.Failures().List) == 0 {
				t.Errorf("%s %q: no failure is counted", file, broken)
			}
		}
	}
}

func TestWhatIsMissingIsAbsentAndTakesNothingDown(t *testing.T) {
	whole := machine + mountV2 + self("0::/a") + group(top+"/a", "memory.max=268435456", "cpu.max=150000 100000")
	for name, check := range map[string]func(*sample.Memory, *sample.CPU) bool{
		"memory.stat": func(m *sample.Memory, _ *sample.CPU) bool {
			return m.Cgroup.WorkingSet.Present() || m.Cgroup.RSS.Present()
		},
		"memory.peak":         func(m *sample.Memory, _ *sample.CPU) bool { return m.Cgroup.Peak.Present() },
		"memory.events":       func(m *sample.Memory, _ *sample.CPU) bool { return m.Cgroup.Events != sample.MemoryEvents{} },
		"memory.swap.current": func(m *sample.Memory, _ *sample.CPU) bool { return m.Cgroup.SwapUsage.Present() },
		"memory.swap.max":     func(m *sample.Memory, _ *sample.CPU) bool { return m.Cgroup.SwapLimit.Present() },
		"memory.high":         func(m *sample.Memory, _ *sample.CPU) bool { return m.Cgroup.High.Present() },
		"memory.current": func(m *sample.Memory, _ *sample.CPU) bool {
			return m.Cgroup.Usage.Present() || m.Cgroup.WorkingSet.Present()
		},
		"memory.max": func(m *sample.Memory, _ *sample.CPU) bool {
			return m.Limit.Known() && m.Limit.Source != sample.SourceHost
		},
		"cpu.stat": func(_ *sample.Memory, c *sample.CPU) bool {
			return c.Cgroup.Usage.Present() || c.Cgroup.User.Present() || c.Cgroup.Throttling != sample.Throttling{}
		},
		"cpu.max": func(_ *sample.Memory, c *sample.CPU) bool {
			return c.Limit.Known() && c.Limit.Source != sample.SourceHost
		},
		"cpu.weight": func(_ *sample.Memory, c *sample.CPU) bool {
			return c.Cgroup.Weight.Present() || c.Cgroup.Shares.Present()
		},
		"cpuset.cpus.effective": func(_ *sample.Memory, c *sample.CPU) bool { return c.Available.Or(4) != 4 },
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, whole)
			b.Remove(top + "/a/" + name)
			m, c := b.memory(), b.cpu()
			if check(m, c) {
				t.Errorf("something is still there: %+v %+v", m.Cgroup, c.Cgroup)
			}
			if f := b.diag.Failures().List; len(f) > 0 {
				t.Errorf("an absence counts as a failure: %+v", f)
			}
			for _, broken := range []string{"", "\xff\x00", "nonsense\n", "-5\n"} {
				b := open(t, whole)
				b.Write(top+"/a/"+name, broken)
				if m, c := b.memory(), b.cpu(); check(m, c) {
					t.Errorf("%q: something is there: %+v %+v", broken, m.Cgroup, c.Cgroup)
				}
			}
		})
	}
}

func TestOnlyAReadingWithNothingInItFails(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
	b.Remove("proc/meminfo")
	b.Remove("proc/stat")
	b.Remove("sys/devices")
	m, c := b.memory(), b.cpu()
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "limit is unknown", m.Limit.Known(), false)
	expect(t, "cpu usage", c.Cgroup.Usage, some(4_200_000_000))
	expect(t, "cpuset", c.Limit.Value, 4)

	b = open(t, "")
	b.wantErr = true
	b.memory()
	b.cpu()
	if err := b.source.ReadLimits(context.Background(), new(sample.Limits)); errors.Is(err, ErrNoCgroup) || !named(err, b.Hostfs().Path("/proc/meminfo")) {
		t.Errorf("limits: got %v, want an error of /proc/meminfo", err)
	}
}

func TestLimitsAreReadAgainEachTime(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456", "cpu.max=50000 100000"))
	b.memory()
	b.cpu()
	b.Write(top+"/a/memory.max", "536870912\n")
	b.Write(top+"/a/cpu.max", "250000 100000\n")
	expect(t, "memory", b.memory().Limit.Value, 512*mib)
	expect(t, "cores", b.cpu().Limit.Value, 2.5)
	b.Write(top+"/a/memory.max", "max\n")
	b.Write(top+"/a/cpu.max", "max 100000\n")
	m, c := b.memory(), b.cpu()
	expect(t, "memory", m.Limit.Source, sample.SourceHost)
	expect(t, "cores", c.Limit.Source, sample.SourceHost)
	expect(t, "own", b.memory().Own, false)
	b.Replace("proc/meminfo", "8388608", "4194304") // a balloon (M16)
	expect(t, "total", b.memory().Limit.Value, 4096*mib)
}

func TestAMoveIsFollowedWithinTheInterval(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/x")+group(top+"/x", "memory.max=268435456", "cpu.max=50000 100000")+
		group(top+"/y", "memory.max=536870912", "memory.current=5", "cpu.max=100000 100000", "cpu.stat=usage_usec 9000000\nuser_usec 0\nsystem_usec 0"))
	expect(t, "before", b.memory().Limit.Value, 256*mib)
	before := b.cpu().Cgroup.Usage
	b.Write("proc/self/cgroup", "0::/y\n")
	b.after(time.Second)
	m, c := b.memory(), b.cpu()
	expect(t, "limit (R29)", m.Limit.Value, 512*mib)
	expect(t, "usage", m.Cgroup.Usage, some(5))
	expect(t, "cores", c.Limit.Value, 1)
	expect(t, "CPU time does not jump (T3)", c.Cgroup.Usage, before)
	b.Write(top+"/y/cpu.stat", "usage_usec 9000500\nuser_usec 0\nsystem_usec 500\n")
	expect(t, "and goes on", b.cpu().Cgroup.Usage, some(before.Or(0)+500_000))
}

func TestAfterItsCgroupVanishedNothingIsMadeUp(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/x")+group(top+"/x", "memory.max=268435456"))
	b.memory()
	b.Remove("proc/self/cgroup")
	b.source.(*linux).place.free() // a fake file outlives its name, a kernel file does not
	b.after(time.Second)
	m := b.memory()
	expect(t, "limit", m.Limit.Source, sample.SourceHost)
	expect(t, "usage", m.Cgroup.Usage, none)
	if !errors.Is(m.Err, cgroup.ErrUnresolved) || !errors.Is(m.Err, ErrNoCgroup) {
		t.Errorf("%v", m.Err)
	}
}

// A reader that gives up says nothing about where the process is.
func TestAReaderThatGivesUpLeavesThePlaceAlone(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/x")+group(top+"/x", "memory.max=268435456"))
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	var s sample.Memory
	if err := b.source.ReadMemory(ended, direct, &s); !errors.Is(err, context.Canceled) {
		t.Errorf("first: %v", err)
	}
	expect(t, "limit", b.memory().Limit.Value, 256*mib)
	b.after(time.Second)
	_ = b.source.ReadMemory(ended, direct, &s)
	expect(t, "limit", b.memory().Limit.Value, 256*mib)
	if f := b.diag.Failures().List; len(f) > 0 {
		t.Errorf("failures: %+v", f)
	}
}

func TestUsageOverTheWindow(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.max=200000 100000"))
	b.want |= sample.PartUtilization
	_, u := b.usage()
	expect(t, "before the window is full", u.cgroup, sample.Opt[float64]{})
	b.after(2 * time.Second)
	b.Write(top+"/a/cpu.stat", "usage_usec 5200000\nuser_usec 3000000\nsystem_usec 2200000\n")
	_, u = b.usage()
	expect(t, "cores", u.cgroup, sample.Some(0.5))
	expect(t, "utilization", u.utilization, sample.Some(0.25))
	// Not read is not idle.
	b.after(2 * time.Second)
	b.Write(top+"/a/cpu.stat", "")
	c, u := b.usage()
	expect(t, "cores when unread", u.cgroup, sample.Opt[float64]{})
	expect(t, "the times are held", c.Cgroup.Held, true)
	expect(t, "the counter stays", c.Cgroup.Usage, some(5_200_000_000))
	b.after(2 * time.Second)
	b.Write(top+"/a/cpu.stat", "usage_usec 7200000\nuser_usec 3000000\nsystem_usec 4200000\n")
	c, u = b.usage()
	expect(t, "cores after that", u.cgroup, sample.Some(0.5))
	expect(t, "the times are read", c.Cgroup.Held, false)
}

func TestLimitsListEveryTerm(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", "memory.max=268435456", "cpu.max=50000 100000",
		"memory.high=2097152", "pids.max=40", "hugetlb.2MB.max=4194304")+
		group(top+"/p/l", "memory.max=536870912", "memory.high=1048576", "cpuset.cpus.effective=0-2", "pids.max=50",
			"hugetlb.2MB.max=max", "hugetlb.2MB.rsvd.max=5", "hugetlb.1GB.max=0"))
	var l sample.Limits
	if err := b.source.ReadLimits(context.Background(), &l); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range l.Entries {
		got = append(got, fmt.Sprintf("%s %g %s %s %s %s", e.Kind, e.Value, e.Unit, e.Source, e.Cgroup, strings.TrimPrefix(e.File, b.Dir())))
	}
	for _, want := range []string{
		"memory 5.36870912e+08 By cgroup_v2 /p/l /sys/fs/cgroup/p/l/memory.max",
		"memory 2.68435456e+08 By cgroup_v2 /p /sys/fs/cgroup/p/memory.max",
		"memory.high 1.048576e+06 By cgroup_v2 /p/l /sys/fs/cgroup/p/l/memory.high",
		"memory.high 2.097152e+06 By cgroup_v2 /p /sys/fs/cgroup/p/memory.high",
		"memory 8.589934592e+09 By host  /proc/meminfo",
		"hugetlb.2MB 4.194304e+06 By cgroup_v2 /p /sys/fs/cgroup/p/hugetlb.2MB.max",
		"hugetlb.1GB 0 By cgroup_v2 /p/l /sys/fs/cgroup/p/l/hugetlb.1GB.max",
		"pids 50 {thread} cgroup_v2 /p/l /sys/fs/cgroup/p/l/pids.max",
		"pids 40 {thread} cgroup_v2 /p /sys/fs/cgroup/p/pids.max",
		"cpu.quota 0.5 {cpu} cgroup_v2 /p /sys/fs/cgroup/p/cpu.max",
		"cpuset 3 {cpu} cpuset /p/l /sys/fs/cgroup/p/l/cpuset.cpus.effective",
		"cpu 4 {cpu} host  /sys/devices/system/cpu/online",
	} {
		if !slices.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, strings.Join(got, "\n"))
		}
	}
	expect(t, "memory", l.Memory.Cgroup, "/p")
	expect(t, "cpu", l.CPU.Value, 0.5)
}

func TestWhereabouts(t *testing.T) {
	b := open(t, machine+v1Memory+"-- proc/self/mountinfo --\n"+v1Mounts+"34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"+
		self("4:memory:/a\n2:cpu,cpuacct:/c\n0::/u")+"-- sys/fs/cgroup/unified/u/cgroup.controllers --\npids io\n")
	w := b.source.Cgroup(context.Background())
	expect(t, "version", w.Version, "hybrid")
	if want := []string{"cpu", "cpuacct", "cpuset", "io", "memory", "pids"}; !slices.Equal(w.Controllers, want) {
		t.Errorf("controllers %q", w.Controllers)
	}
	expect(t, "memory", w.Dirs["memory"], b.file("sys/fs/cgroup/memory/a"))
	expect(t, "v2", w.Paths[""], "/u")
	if _, ok := w.Paths["cpuset"]; ok {
		t.Error("a path without a line")
	}
}

func TestAClosedSourceReadsNothing(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
	b.memory()
	b.source.Close()
	b.source.Close()
	for _, err := range []error{
		b.source.ReadMemory(context.Background(), direct, new(sample.Memory)),
		b.source.ReadCPU(context.Background(), direct, new(sample.CPU)),
		b.source.ReadLimits(context.Background(), new(sample.Limits)),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%v", err)
		}
	}
	b.source.Cgroup(context.Background())
}

// A quota on the CPU says nothing about a memory controller in whose root the
// process is: outside a container its memory is the machine's.
func TestAControllerWithoutNumbersOfTheProcessLeavesTheMachines(t *testing.T) {
	b := open(t, machine+`-- proc/self/cgroup --
2:memory:/
1:cpu,cpuacct:/x
-- proc/self/mountinfo --
31 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
32 23 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct
-- sys/fs/cgroup/memory/release_agent --
-- sys/fs/cgroup/memory/memory.usage_in_bytes --
12345
-- sys/fs/cgroup/cpu/release_agent --
-- sys/fs/cgroup/cpu/x/cpu.cfs_quota_us --
50000
-- sys/fs/cgroup/cpu/x/cpu.cfs_period_us --
100000
-- sys/fs/cgroup/cpu/x/cpuacct.usage --
4200000000
-- sys/fs/cgroup/cpu/x/cpuacct.stat --
user 300
system 120
`)
	c := b.cpu()
	expect(t, "CPU is the cgroup's", c.Own, true)
	m := b.memory()
	expect(t, "memory is the cgroup's", m.Own, false)
	expect(t, "usage of the root", m.Cgroup.Usage, none)
	if !m.System.Total.Present() {
		t.Error("no numbers of the machine")
	}
}
