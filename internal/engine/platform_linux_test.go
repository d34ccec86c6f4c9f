package engine

import (
	"context"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// lxcfs mounts a FUSE file system over what LXCFS shows another content of.
const lxcfs = `
-- proc/self/mountinfo --
30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
40 23 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw
41 23 0:50 /proc/stat /proc/stat rw - fuse.lxcfs lxcfs rw
42 23 0:50 /sys/devices/system/cpu/online /sys/devices/system/cpu/online rw - fuse.lxcfs lxcfs rw
`

// X1: the size that LXCFS shows is the cgroup's limit: where the cgroup is
// visible it is what binds, and where it is not the size is not the machine's.
func TestX1WhatLXCFSShowsIsNotTheMachinesSize(t *testing.T) {
	const shown = "-- proc/meminfo --\nMemTotal: 524288 kB\nMemFree: 262144 kB\nMemAvailable: 393216 kB\n-- sys/devices/system/cpu/online --\n0-1\n"
	b := open(t, machine+lxcfs+self("0::/lxc/c1")+shown+group(top+"/lxc")+
		group(top+"/lxc/c1", "memory.max=536870912", "cpuset.cpus.effective=4-5"))
	m, c := b.memory(), b.cpu()
	expect(t, "memory", m.Limit, sample.Limit[uint64]{Value: 512 * mib, Source: sample.SourceCgroupV2, Cgroup: "/lxc/c1", File: b.file(top + "/lxc/c1/memory.max")})
	expect(t, "CPU", c.Limit, sample.Limit[float64]{Value: 2, Source: sample.SourceCpuset, Cgroup: "/lxc/c1", File: b.file(top + "/lxc/c1/cpuset.cpus.effective")})

	hidden := open(t, machine+"-- proc/self/mountinfo --\n40 23 0:50 /proc/meminfo /proc/meminfo rw - fuse.lxcfs lxcfs rw\n"+self("0::/lxc/c1")+shown)
	expect(t, "cgroup not visible", hidden.memory().Limit, sample.Limit[uint64]{Value: 512 * mib, Source: sample.SourcePlatform, File: hidden.file("proc/meminfo")})
	expect(t, "the CPUs are still the machine's", hidden.cpu().Limit.Source, sample.SourceHost)
}

// The mount can vanish; then the kernel's own file shows the machine.
func TestX1LXCFSVanishes(t *testing.T) {
	b := open(t, machine+lxcfs+self("0::/c1")+group(top+"/c1"))
	expect(t, "mounted", b.memory().Limit.Source, sample.SourcePlatform)
	b.Write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	b.Write("proc/self/cgroup", "0::/\n") // what makes the mounts be read again
	b.after(time.Second)
	expect(t, "unmounted", b.memory().Limit.Source, sample.SourceHost)
}

// X2: old gVisor prints zeros for the machine's CPUs, newer releases divide the total evenly.
func TestX2GVisorMeasuresNoSingleCPU(t *testing.T) {
	b := open(t, machine)
	b.source.(*linux).cfg.Sandbox = "gvisor"
	b.want = direct | wholeMachine | sample.PartPerCPU
	s := b.cpu().System
	expect(t, "the total is measured", s.Times.Busy().Present(), true)
	expect(t, "CPUs", len(s.PerCPU), 0)

	b = open(t, machine+"-- proc/stat --\ncpu  0 0 0 0 0 0 0 0 0 0\ncpu0 0 0 0 0 0 0 0 0 0 0\n")
	b.want = direct | wholeMachine | sample.PartPerCPU
	s = b.cpu().System
	expect(t, "zeros are no usage", s.Times.Busy().Present(), false)
	expect(t, "zeros are no times", s.Times, sample.CPUTimes{})
}

// X6: a function on AWS Lambda has less than its virtual machine.
func TestX6ThePlatformsLimitBinds(t *testing.T) {
	b := open(t, machine)
	platform := sample.Limit[uint64]{Value: 512 * mib, Source: sample.SourcePlatform, File: "$AWS_LAMBDA_FUNCTION_MEMORY_SIZE"}
	b.source.(*linux).cfg.PlatformMemory = platform
	m := b.memory()
	expect(t, "limit", m.Limit, platform)
	expect(t, "available", m.Available, some(512*mib))
	var l sample.Limits
	if err := b.source.ReadLimits(context.Background(), &l); err != nil {
		t.Fatal(err)
	}
	expect(t, "GetLimits", l.Memory, platform)
	expect(t, "the machine's size is still listed", l.Entries[0].Value, 8<<30)

	b.source.(*linux).cfg.PlatformMemory.Value = 16 << 30
	expect(t, "not above the machine", b.memory().Limit.Source, sample.SourceHost)
}

// M10: memory.events counts the subtree, .local the cgroup alone.
func TestM10LocalAndSwapEventsAreReadOnDemand(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.events=low 0\nhigh 0\nmax 9\noom 2\noom_kill 3",
		"memory.events.local=low 0\nhigh 0\nmax 1\noom 0\noom_kill 0\nsock_throttled 4", "memory.swap.events=high 1\nmax 2\nfail 3"))
	b.want = sample.PartCgroup
	expect(t, "not asked for", b.memory().Cgroup.LocalEvents, sample.MemoryEvents{})
	b.want |= sample.PartDirect
	g := b.memory().Cgroup
	expect(t, "subtree", g.Events.Max, some(9))
	expect(t, "local", g.LocalEvents, sample.MemoryEvents{Low: some(0), High: some(0), Max: some(1), OOM: some(0), OOMKill: some(0)})
	expect(t, "swap", g.SwapEvents, sample.SwapEvents{High: some(1), Max: some(2), Fail: some(3)})

	b.Remove(top + "/a/memory.swap.events") // M8: no swap accounting
	b.source.(*linux).memory.free()
	b.after(time.Minute)
	expect(t, "what was counted stays", b.memory().Cgroup.SwapEvents, g.SwapEvents)
	expect(t, "failures", len(b.diag.Failures().List), 0)
}
