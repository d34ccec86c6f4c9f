package engine

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestFUSEOverAFolderIsOverItsFiles(t *testing.T) {
	b := open(t, machine+`
-- proc/self/mountinfo --
30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
42 23 0:50 /sys/devices/system/cpu /sys/devices/system/cpu rw - fuse.lxcfs lxcfs rw
-- sys/devices/system/cpu/online --
0-1
`+self("0::/lxc/c1")+group(top+"/lxc")+group(top+"/lxc/c1", "cpuset.cpus.effective=4-5"))
	expect(t, "limited by", b.cpu().Limit.Source, sample.SourceCpuset)
	expect(t, "guarded", b.source.(*linux).place.mayHang("/sys/devices/system/cpu/online"), true)
}

func TestARemovedCgroupIsLookedUpAtOnce(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456")+group(top+"/b", "memory.max=268435456"))
	b.cpu() // looks where the process is
	b.Write("proc/self/cgroup", "0::/b\n")
	b.Remove(top + "/a") // the manager moved the process and removed the cgroup
	b.after(500 * time.Millisecond)
	m := b.memory() // in the cache for a second from now on
	expect(t, "limit", m.Limit.Value, 256*mib)
	expect(t, "own", m.Own, true)
}

func TestAMountUnderAnotherIsNotSeen(t *testing.T) {
	const own = "/docker/4b1f7de09c2a8356b0d4e7f1935ac86220d7be418f59c3a67e1408dbf2956a3c"
	b := open(t, machine+`
-- proc/self/mountinfo --
900 800 0:60 / / rw - overlay overlay rw
901 900 0:22 / /sys ro - sysfs sysfs rw
902 901 0:26 / /sys/fs/cgroup ro - cgroup2 cgroup2 rw
903 902 0:26 `+own+` /sys/fs/cgroup ro - cgroup2 cgroup rw
`+self("0::"+own)+group(top, "memory.max=268435456", "cpu.max=50000 100000"))
	b.source.(*linux).cfg.Containerized = true
	m, c := b.memory(), b.cpu()
	expect(t, "set by", m.Limit.Cgroup, own)
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "cpu usage", c.Cgroup.Usage, some(4_200_000_000))
}

func TestAMoveWithoutCpusetIsAMove(t *testing.T) {
	cpu := func(dir, usage string) string {
		dir = "-- sys/fs/cgroup/cpu,cpuacct/" + dir
		return dir + "/cpuacct.usage --\n" + usage + "\n" + dir + "/cpuacct.stat --\nuser 100\nsystem 20\n" + dir + "/cpu.cfs_quota_us --\n-1\n"
	}
	b := open(t, machine+`
-- proc/self/mountinfo --
41 23 0:41 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
-- sys/fs/cgroup/cpu,cpuacct/release_agent --
`+self("4:cpu,cpuacct:/a")+cpu("a", "4200000000")+cpu("b", "1000000000000"))
	b.usage()
	b.after(time.Second)
	b.usage()
	b.Write("proc/self/cgroup", "4:cpu,cpuacct:/b\n")
	b.after(time.Second)
	c, u := b.usage()
	expect(t, "usage", c.Cgroup.Usage, some(4_200_000_000))
	expect(t, "cores", u.cgroup, sample.Opt[float64]{})
}

func TestPressureTotalsSurviveAMove(t *testing.T) {
	pressure := func(n string) string { return "memory.pressure=some avg10=0.00 avg60=0.00 avg300=0.00 total=" + n }
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", pressure("2500000"))+group(top+"/b", pressure("7")))
	before, _ := b.memory().Cgroup.Pressure.Some.Get()
	b.Write("proc/self/cgroup", "0::/b\n")
	b.after(time.Second)
	if after, _ := b.memory().Cgroup.Pressure.Some.Get(); after.Total < before.Total {
		t.Errorf("the counter went from %d to %d", before.Total, after.Total)
	}
}

func TestAFileWhoseDaemonDiedIsOpenedAgain(t *testing.T) {
	b := open(t, machine+lxcfs+self("0::/c1")+group(top+"/c1"))
	_, unmount := b.Serve("proc/meminfo", fixture.Answer{Text: "MemTotal: 1048576 kB\nMemAvailable: 524288 kB\n"})
	expect(t, "served", b.memory().Limit.Value, 1024*mib)
	unmount() // LXCFS died; its mount was taken away, or that of its successor lies over it
	for range 3 {
		b.after(10 * time.Minute)
		b.memory()
	}
	m := b.memory()
	expect(t, "what the file shows now", m.Limit.Value, 8192*mib)
	t.Log(b.source.(*linux).memory.meminfo.Err())
}

func TestHeadroomUnderALimitThatIsNotVisible(t *testing.T) {
	b := open(t, machine+v1Memory+"-- proc/self/mountinfo --\n"+v1Mounts+self("4:memory:/a"))
	b.Replace("sys/fs/cgroup/memory/a/memory.stat", "hierarchical_memory_limit 268435456", "hierarchical_memory_limit 134217728")
	b.Write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n")
	m := b.memory()
	expect(t, "available", m.Available, some(128*mib-(100*mib-20*mib)))
	expect(t, "available by the convention", m.Cgroup.Available, some(128*mib-(100*mib-20*mib)))
}

func TestAnAncestorWithoutHierarchyLimitsNothing(t *testing.T) {
	const dir = "-- sys/fs/cgroup/memory/p/"
	b := open(t, machine+`
-- proc/self/mountinfo --
40 23 0:40 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
-- sys/fs/cgroup/memory/release_agent --
`+self("4:memory:/p/c")+dir+"memory.use_hierarchy --\n0\n"+dir+"memory.limit_in_bytes --\n67108864\n"+dir+"memory.usage_in_bytes --\n66060288\n"+
		dir+"c/memory.use_hierarchy --\n0\n"+dir+"c/memory.limit_in_bytes --\n1073741824\n"+dir+"c/memory.usage_in_bytes --\n524288000\n"+
		dir+"c/memory.stat --\ntotal_inactive_file 0\nhierarchical_memory_limit 1073741824\n")
	m := b.memory()
	expect(t, "limit", m.Limit.Value, 1024*mib)
	expect(t, "available", m.Available, some(524*mib))
}

func TestMinorFaultsNeverGoBack(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a")+"-- proc/vmstat --\npgfault 4294967290\npgmajfault 10\n")
	paging := func() (s sample.Paging) {
		if err := b.source.ReadPaging(context.Background(), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	group, host := b.memory().Cgroup.Faults.Minor.Or(0), paging().Faults.Minor.Or(0)
	b.Replace(top+"/a/memory.stat", "pgmajfault 10", "pgmajfault 11") // its pgfault was counted before the last reading
	b.Write("proc/vmstat", "pgfault 4294967290\npgmajfault 11\n")
	if n := b.memory().Cgroup.Faults.Minor.Or(0); n < group {
		t.Errorf("cgroup: %d, then %d", group, n)
	}
	if n := paging().Faults.Minor.Or(0); n < host {
		t.Errorf("machine: %d, then %d", host, n)
	}
	b.Write("proc/vmstat", "pgfault 500\npgmajfault 11\n") // 32-bit kernels: an unsigned long wraps
	if n := paging().Faults.Minor.Or(0); n < host {
		t.Errorf("machine, 32 bits: %d, then %d", host, n)
	}
}

func TestPerCPUTimesUnderLXCFS(t *testing.T) {
	const dir = "-- sys/fs/cgroup/cpu,cpuacct/lxc/c1/"
	b := open(t, machine+`
-- proc/self/mountinfo --
41 23 0:41 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
42 23 0:50 /sys/devices/system/cpu/online /sys/devices/system/cpu/online rw - fuse.lxcfs lxcfs rw
-- sys/fs/cgroup/cpu,cpuacct/release_agent --
-- sys/devices/system/cpu/online --
0-1
`+self("4:cpu,cpuacct:/lxc/c1")+dir+"cpuacct.usage --\n2000000000\n"+dir+"cpuacct.stat --\nuser 100\nsystem 100\n"+
		dir+"cpuacct.usage_percpu --\n0 0 1000000000 1000000000\n"+dir+"cpu.cfs_quota_us --\n200000\n"+dir+"cpu.cfs_period_us --\n100000\n")
	b.source.(*linux).cfg.Containerized = true
	b.want |= sample.PartPerCPU
	b.usage()
	b.after(time.Second)
	b.Write("sys/fs/cgroup/cpu,cpuacct/lxc/c1/cpuacct.usage_percpu", "0 0 2000000000 2000000000\n")
	b.Write("sys/fs/cgroup/cpu,cpuacct/lxc/c1/cpuacct.usage", "4000000000\n")
	c, u := b.usage()
	sum := 0.0
	for _, share := range u.cgroupCPUs {
		sum += share.Or(0)
	}
	if cores := u.cgroup.Or(0); cores == 0 || sum < cores-0.01 {
		t.Errorf("the CPUs listed are %v busy together, the cgroup uses %v cores: %+v", sum, cores, c.Cgroup.PerCPU)
	}
}

func TestALargeMountinfoIsRead(t *testing.T) {
	var text bytes.Buffer
	for text.Len() < 5<<20 {
		text.WriteString("99 23 0:99 / /merged rw - overlay overlay rw,lowerdir=")
		text.Write(bytes.Repeat([]byte("x"), 2000))
		text.WriteByte('\n')
	}
	text.WriteString("30 23 0:26 /docker/a /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	b := open(t, machine+self("0::/docker/a")+group(top, "memory.max=268435456"))
	b.Write("proc/self/mountinfo", text.String())
	m := b.memory()
	expect(t, "set by", m.Limit.Cgroup, "/docker/a")
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
}

func TestConcurrentReadingsOfAMove(t *testing.T) {
	limits := []string{"memory.max=268435456", "cpu.max=200000 100000"}
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", limits...)+group(top+"/b", limits...))
	bad := 0
	for n := range 100 {
		b.Write("proc/self/cgroup", "0::/"+[]string{"b", "a"}[n%2]+"\n")
		b.after(2 * time.Second)
		var wg sync.WaitGroup
		var m sample.Memory
		var c sample.CPU
		wg.Go(func() { _ = b.source.ReadMemory(context.Background(), direct, &m) })
		wg.Go(func() { _ = b.source.ReadCPU(context.Background(), direct, &c) })
		wg.Wait()
		if m.Err != nil || c.Err != nil {
			if bad++; bad == 1 {
				t.Log(m.Limit, m.Err, c.Limit, c.Err)
			}
		}
	}
	if bad > 0 {
		t.Errorf("%d of 100 rounds", bad)
	}
}

func TestFollowingADeadFileSystemEnds(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a")+"-- "+top+"/cgroup.type --\ndomain\n")
	d, _ := b.Serve(top+"/cgroup.type", fixture.Answer{Text: "domain\n"})
	d.Set(fixture.Answer{Silent: true})
	done := make(chan struct{})
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		_ = b.source.ReadMemory(ctx, direct, new(sample.Memory))
	}()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		t.Error("hangs")
		d.Set(fixture.Answer{Text: "domain\n"})
		<-done
	}
}

func TestAnotherReadingDoesNotWaitForTheMounts(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
	b.memory()
	b.cpu()
	d, _ := b.Serve("proc/self/mountinfo", fixture.Answer{})
	d.Set(fixture.Answer{Silent: true})
	b.after(2 * time.Minute) // the mounts are looked at again
	first := make(chan struct{})
	go func() {
		defer close(first)
		_ = b.source.ReadMemory(context.Background(), direct, new(sample.Memory))
	}()
	time.Sleep(20 * time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_ = b.source.ReadCPU(ctx, direct, new(sample.CPU))
	if took := time.Since(begin); took > 60*time.Millisecond {
		t.Errorf("a reading with a context of 20 ms took %v", took)
	}
	<-first
}
