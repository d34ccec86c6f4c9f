package engine

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// withoutMemory writes a v2 cgroup without a memory controller.
func withoutMemory(dir string, settings ...string) string {
	return group(dir, append([]string{
		"memory.current", "memory.max", "memory.high", "memory.swap.current", "memory.swap.max", "memory.peak", "memory.stat", "memory.events",
	}, settings...)...)
}

func TestMemoryHighBoundsTheProcess(t *testing.T) {
	for _, c := range []struct {
		name        string
		parent, own string
		high, left  sample.OptUint // memory.high, and what is available
		bounds      bool
	}{
		{"own", "memory.high=max", "memory.high=209715200", some(200 * mib), some(120 * mib), true},
		{"parent", "memory.high=209715200", "memory.high=max", some(200 * mib), some(120 * mib), true},
		{"both, the parent lower", "memory.high=157286400", "memory.high=209715200", some(150 * mib), some(70 * mib), true},
		{"zero", "memory.high=max", "memory.high=0", some(0), some(0), true},
		{"none", "memory.high=max", "memory.high=max", none, some(6144 * mib), false},
		{"as large as the machine", "memory.high=max", "memory.high=8589934592", some(8192 * mib), some(6144 * mib), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", c.parent)+group(top+"/p/l", c.own)).memory()
			expect(t, "own", m.Own, c.bounds)
			expect(t, "high", m.Cgroup.High, c.high)
			expect(t, "available", m.Available, c.left)
			expect(t, "limit is the machine's", m.Limit.Source, sample.SourceHost)
			expect(t, "no limit, nothing available by the convention", m.Cgroup.Available, none)
		})
	}
}

func TestEventsAreThoseOfTheBindingHighWithoutALimit(t *testing.T) {
	m := open(t, machine+mountV2+self("0::/p/l")+
		group(top+"/p", "memory.high=209715200", "memory.events=low 0\nhigh 7\nmax 0\noom 0\noom_kill 3")+group(top+"/p/l")).memory()
	expect(t, "high", m.Cgroup.Events.High, some(7))
	expect(t, "kills are the process's cgroup's", m.Cgroup.Events.OOMKill, some(0))
}

func TestAvailableCountsThePageCacheOfAnAncestor(t *testing.T) {
	const cache = "memory.stat=anon 1\nfile 1\ninactive_file 62914560\nactive_file 41943040\nslab_reclaimable 10485760\nfile_dirty 4194304\nfile_writeback 1048576"
	b := open(t, machine+mountV2+self("0::/g/p/l")+group(top+"/g", "memory.max=268435456", "memory.current=251658240", cache)+
		group(top+"/g/p")+group(top+"/g/p/l", "memory.max=536870912"))
	m := b.memory()
	expect(t, "available", m.Available, some(256*mib-(240*mib-(60+40+10-4-1)*mib)))
	expect(t, "available by the convention", m.Cgroup.Available, some(256*mib-(240*mib-60*mib)))
	if b.source.(*linux).memory.reader == nil || slices.Contains(descriptors(t), b.file(top+"/g/p/memory.stat")) {
		t.Error("memory.stat of an ancestor without a bound is read")
	}
}

func TestTheConventionsAvailableIsNotCappedByTheMachine(t *testing.T) {
	m := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=68719476736")).memory()
	expect(t, "by the convention", m.Cgroup.Available, some(65536*mib-80*mib))
	expect(t, "for decisions", m.Available, some(6144*mib))
}

func TestAvailableWithoutMemoryStat(t *testing.T) {
	m := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=268435456", "memory.stat")).memory()
	expect(t, "by the convention", m.Cgroup.Available, none)
	expect(t, "for decisions nothing is reclaimable", m.Available, some(156*mib))
}

func TestAnAncestorWhoseUsageIsNotReadableUsesAtLeastTheOwn(t *testing.T) {
	m := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", "memory.max=268435456", "memory.current")+group(top+"/p/l")).memory()
	expect(t, "available", m.Available, some(176*mib))
	expect(t, "available by the convention", m.Cgroup.Available, some(176*mib))
}

func TestUsageOfACgroupWithoutMemoryControllerIsItsAncestors(t *testing.T) {
	const peak = "memory.peak=123"
	for _, c := range []struct {
		name, path, groups string
		cgroup             string // whose usage it is; "" if it is the machine's
		limit              string
	}{
		{"limit on the ancestor", "/s/a", group(top+"/s", "memory.max=268435456", peak) + withoutMemory(top+"/s/a"), "/s", "/s"},
		{"memory.high on the ancestor", "/s/a", group(top+"/s", "memory.high=268435456", peak) + withoutMemory(top+"/s/a"), "/s", ""},
		{"threaded", "/s/a", group(top+"/s", "memory.max=268435456", "cgroup.type=domain threaded", peak) + withoutMemory(top+"/s/a", "cgroup.type=threaded"), "/s", "/s"},
		{
			"threaded below threaded", "/s/a/b",
			group(top+"/s", "memory.max=268435456", "cgroup.type=domain threaded", peak) + withoutMemory(top+"/s/a", "cgroup.type=threaded") + withoutMemory(top+"/s/a/b", "cgroup.type=threaded"),
			"/s", "/s",
		},
		{
			"limit above the nearest with a controller", "/l/s/a",
			group(top+"/l", "memory.max=268435456", "memory.current=209715200") + group(top+"/l/s", peak) + withoutMemory(top+"/l/s/a"), "/l/s", "/l",
		},
		{"no bound", "/s/a", group(top+"/s") + withoutMemory(top+"/s/a"), "", ""},
		{"limit above the machine", "/s/a", group(top+"/s", "memory.max=68719476736") + withoutMemory(top+"/s/a"), "", ""},
		{"no memory controller anywhere", "/s/a", withoutMemory(top+"/s") + withoutMemory(top+"/s/a"), "", ""},
		// The files of the real root are the machine's.
		{"only the real root", "/a", "-- " + top + "/memory.stat --\nanon 5\n" + withoutMemory(top+"/a"), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, machine+mountV2+self("0::"+c.path)+c.groups)
			for range 2 {
				m := b.memory()
				expect(t, "own", m.Own, c.cgroup != "")
				expect(t, "usage of", m.Cgroup.UsageCgroup, c.cgroup)
				expect(t, "limit of", m.Limit.Cgroup, c.limit)
				expect(t, "usage", m.Cgroup.Usage.Present(), c.cgroup != "")
				if c.cgroup == "" {
					expect(t, "available", m.Available, some(6144*mib))
					if !errors.Is(m.Err, ErrNoCgroup) || !errors.Is(m.Err, fs.ErrNotExist) {
						t.Errorf("error: got %v, want %v and %v", m.Err, ErrNoCgroup, fs.ErrNotExist)
					}
					continue
				}
				expect(t, "usage", m.Cgroup.Usage, some(100*mib))
				expect(t, "working set", m.Cgroup.WorkingSet, some(80*mib))
				expect(t, "peak", m.Cgroup.Peak, some(123))
				expect(t, "swap", m.Cgroup.SwapUsage, some(0))
				expect(t, "faults", m.Cgroup.Faults.Major, some(10))
				expect(t, "kills", m.Cgroup.Events.OOMKill, some(0))
			}
			if f := b.diag.Failures().List; len(f) > 0 {
				t.Errorf("failures: got %+v, want none", f)
			}
		})
	}
}

// A masked memory.current is no sign of a missing controller while there is a memory.max.
func TestAMissingUsageIsNotReplacedWhileTheControllerIsThere(t *testing.T) {
	m := open(t, machine+mountV2+self("0::/s/a")+group(top+"/s", "memory.max=268435456")+group(top+"/s/a", "memory.current")).memory()
	expect(t, "usage", m.Cgroup.Usage, none)
	expect(t, "own", m.Own, false)
}

func TestUsageFollowsAControllerThatIsEnabledLater(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/s/a")+group(top+"/s", "memory.max=268435456", "memory.current=209715200")+withoutMemory(top+"/s/a"))
	expect(t, "before", b.memory().Cgroup.UsageCgroup, "/s")
	for name, text := range map[string]string{"memory.current": "104857600\n", "memory.max": "max\n", "memory.stat": "anon 1\ninactive_file 0\n"} {
		b.Write(top+"/s/a/"+name, text)
	}
	for range 3 {
		b.after(10 * time.Minute) // an absent file is looked for again
		b.memory()
	}
	m := b.memory()
	expect(t, "after", m.Cgroup.UsageCgroup, "/s/a")
	expect(t, "usage", m.Cgroup.Usage, some(100*mib))
	expect(t, "available is the parent's", m.Available, some(256*mib-(200*mib-20*mib)))
}

// A removed cgroup has no files either. Until the process is found elsewhere, its ancestor's usage is not taken for it.
func TestARemovedCgroupDoesNotShowItsAncestorsUsage(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/s/a")+group(top+"/s", "memory.max=268435456", "memory.current=209715200")+
		group(top+"/s/a")+group(top+"/s/b", "memory.current=52428800"))
	b.memory()
	b.Write("proc/self/cgroup", "0::/s/b\n")
	b.source.(*linux).memory.reader.Close() // a fake file outlives its name, a kernel file does not
	b.Remove(top + "/s/a")
	m := b.memory()
	expect(t, "usage of", m.Cgroup.UsageCgroup, "/s/b")
	expect(t, "usage", m.Cgroup.Usage, some(50*mib))
}

func TestALimitWhoseUsageIsNotReadableStaysInTheListOfLimits(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/s/a")+group(top+"/s", "memory.max=268435456", "memory.current")+withoutMemory(top+"/s/a"))
	m := b.memory()
	expect(t, "own", m.Own, false)
	expect(t, "effective limit", m.Limit.Cgroup, "/s")
	expect(t, "the machine's", m.SystemLimit, sample.Limit[uint64]{Value: 8192 * mib, Source: sample.SourceHost, File: b.file("proc/meminfo")})
	expect(t, "available is the machine's", m.Available, some(6144*mib))
	var l sample.Limits
	if err := b.source.ReadLimits(context.Background(), &l); err != nil {
		t.Fatal(err)
	}
	expect(t, "listed", l.Memory.Cgroup, "/s")
}

// v1Chain is a process in /p/c, with a limit of memory and of memory plus swap at both, in MiB.
func v1Chain(parent, parentSum, own, ownSum string, stat string) string {
	text := func(dir, limit, sum, usage, sumUsage string) string {
		dir = "-- sys/fs/cgroup/memory" + dir
		return dir + "/memory.use_hierarchy --\n1\n" + dir + "/memory.usage_in_bytes --\n" + usage + "\n" + dir + "/memory.limit_in_bytes --\n" + limit + "\n" +
			dir + "/memory.memsw.usage_in_bytes --\n" + sumUsage + "\n" + dir + "/memory.memsw.limit_in_bytes --\n" + sum + "\n" +
			dir + "/memory.stat --\ntotal_rss 5\ntotal_inactive_file 20971520\ntotal_active_file 10485760\ntotal_dirty 1048576\ntotal_writeback 0\n" + stat + "\n"
	}
	return machine + "-- proc/self/mountinfo --\n31 23 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n" + self("4:memory:/p/c") +
		"-- sys/fs/cgroup/memory/release_agent --\n" +
		text("/p", parent, parentSum, "209715200", "419430400") + text("/p/c", own, ownSum, "104857600", "209715200")
}

func TestV1SwapLimitIsTheSmallestSumLessTheSmallestLimit(t *testing.T) {
	const no, m512, m768, m1024 = "9223372036854771712", "536870912", "805306368", "1073741824"
	for _, c := range []struct {
		name                           string
		parent, parentSum, own, ownSum string
		stat                           string
		want                           sample.OptUint
	}{
		{"a chain", m1024, m1024, m512, m1024, "", some(512 * mib)},
		{"one level only", no, no, m512, m1024, "", some(512 * mib)},
		{"each at another level", no, m1024, m512, no, "", some(512 * mib)},
		{"memory only", m1024, no, m512, no, "", none},
		{"memory plus swap only", no, m1024, no, no, "", none},
		{"the sum below the limit of another level", no, m512, m1024, no, "", some(0)},
		{"a hidden sum", no, no, m512, m1024, "hierarchical_memory_limit 536870912\nhierarchical_memsw_limit 805306368", some(256 * mib)},
		{"a hidden limit and sum", no, no, no, no, "hierarchical_memory_limit 536870912\nhierarchical_memsw_limit 805306368", some(256 * mib)},
		{"a hidden limit only", no, no, no, m1024, "hierarchical_memory_limit 805306368\nhierarchical_memsw_limit 1073741824", some(256 * mib)},
		{"no limit hidden", m1024, m1024, m512, m768, "hierarchical_memory_limit 536870912\nhierarchical_memsw_limit 805306368", some(256 * mib)},
	} {
		got := open(t, v1Chain(c.parent, c.parentSum, c.own, c.ownSum, c.stat)).memory().Cgroup.SwapLimit
		expect(t, c.name, got, c.want)
	}
}

func TestV1MemoryPlusSwapBoundsWhatIsAvailable(t *testing.T) {
	const no, reclaimable = "9223372036854771712", 20 + 10 - 1
	for _, c := range []struct {
		name                           string
		parent, parentSum, own, ownSum string
		stat                           string
		want                           uint64
	}{
		{"memory is less", no, no, "268435456", "1073741824", "", 256 - (100 - reclaimable)},
		{"memory plus swap is less", no, no, "268435456", "272629760", "", 260 - (200 - reclaimable)},
		{"of the parent", no, "450887680", "536870912", "536870912", "", 430 - (400 - reclaimable)},
		{"hidden", no, no, no, no, "hierarchical_memory_limit 1073741824\nhierarchical_memsw_limit 272629760", 260 - (200 - reclaimable)},
	} {
		m := open(t, v1Chain(c.parent, c.parentSum, c.own, c.ownSum, c.stat)).memory()
		expect(t, c.name, m.Available, some(c.want*mib))
	}
}

func TestNoMachineMemoryWithoutATotal(t *testing.T) {
	for name, text := range map[string]string{
		"0":          "MemTotal: 0 kB\nMemFree: 10 kB\nMemAvailable: 10 kB\nSwapTotal: 5 kB\nSwapFree: 5 kB\n",
		"negative":   "MemTotal: -5 kB\nMemFree: 10 kB\nMemAvailable: 10 kB\n",
		"no number":  "MemTotal: x kB\nMemFree: 10 kB\n",
		"too large":  "MemTotal: 99999999999999999999999 kB\nMemFree: 10 kB\n",
		"no line":    "MemFree: 10 kB\nMemAvailable: 10 kB\n",
		"empty file": "",
	} {
		b := open(t, machine+mountV2+self("0::/a")+group(top+"/a"))
		b.want |= sample.PartUtilization | sample.PartSystem
		b.Write("proc/meminfo", text)
		m := b.memory()
		expect(t, name+": machine", m.System, sample.SystemMemory{})
		expect(t, name+": limit", m.Limit, sample.Limit[uint64]{})
		expect(t, name+": available", m.Available, none)
		expect(t, name+": utilization", m.Cgroup.Utilization, sample.Opt[float64]{})
		expect(t, name+": usage", m.Cgroup.Usage, some(100*mib))
	}
}

func TestANegativeNumberOfTheMachineIsAbsent(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/"))
	b.want |= sample.PartSystem
	b.Write("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: -766260 kB\nMemAvailable: -766260 kB\n")
	m := b.memory()
	expect(t, "machine", m.System, sample.SystemMemory{Total: some(1024 * mib)})
	expect(t, "available", m.Available, none)
}

func TestTheMachinesAvailableIsAtMostItsTotal(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/"))
	b.want |= sample.PartSystem
	b.Write("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 900000 kB\nMemAvailable: 1400000 kB\n")
	m := b.memory()
	expect(t, "of the machine", m.System.Available, some(1024*mib))
	expect(t, "for decisions", m.Available, some(1024*mib))
	expect(t, "used", m.System.Used, some(0))
}

// A limit of memory plus swap is listed as its file contains it.
func TestV1LimitsListMemoryPlusSwap(t *testing.T) {
	b := open(t, v1Chain("1073741824", "1073741824", "536870912", "9223372036854771712", "hierarchical_memory_limit 536870912\nhierarchical_memsw_limit 805306368"))
	var l sample.Limits
	if err := b.source.ReadLimits(context.Background(), &l); err != nil {
		t.Fatal(err)
	}
	var got []sample.LimitEntry
	for _, e := range l.Entries {
		if e.Kind == "memory+swap" || e.Kind == "swap" {
			got = append(got, e)
		}
	}
	want := []sample.LimitEntry{
		{Kind: "memory+swap", Value: 1 << 30, Unit: "By", Source: sample.SourceCgroupV1, Cgroup: "/p", File: b.file("sys/fs/cgroup/memory/p/memory.memsw.limit_in_bytes")},
		{Kind: "memory+swap", Value: 768 * mib, Unit: "By", Source: sample.SourceCgroupV1, File: b.file("sys/fs/cgroup/memory/p/c/memory.stat")},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
