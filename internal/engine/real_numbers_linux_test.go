package engine

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// rawNumbers are those of one reading that the kernel prints itself, by
// "controller file" or "controller file key"; what is absent is left out.
func rawNumbers(t *testing.T, source Source) map[string]uint64 {
	ctx, want := context.Background(), direct|sample.PartTasks|sample.PartDirect|sample.PartPerCPU
	var m sample.Memory
	var c sample.CPU
	var l sample.Limits
	for _, err := range []error{source.ReadMemory(ctx, want, &m), source.ReadCPU(ctx, want, &c), source.ReadLimits(ctx, &l)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	faults := sample.OptUint{}
	if minor, ok := m.Cgroup.Faults.Minor.Get(); ok {
		faults = sample.SomeUint(minor + m.Cgroup.Faults.Major.Or(0))
	}
	all := map[string]uint64{}
	for name, n := range map[string]sample.OptUint{
		"memory memory.usage_in_bytes":          m.Cgroup.Usage,
		"memory memory.max_usage_in_bytes":      m.Cgroup.Peak,
		"memory memory.stat total_rss":          m.Cgroup.RSS,
		"memory memory.stat total_cache":        m.Cgroup.Cache,
		"memory memory.stat total_pgfault":      faults,
		"memory memory.stat total_pgmajfault":   m.Cgroup.Faults.Major,
		"memory memory.failcnt":                 m.Cgroup.Events.Max,
		"memory memory.oom_control oom_kill":    m.Cgroup.Events.OOMKill,
		"cpuacct cpuacct.usage":                 c.Cgroup.Usage,
		"cpu cpu.shares":                        c.Cgroup.Shares,
		"cpu cpu.cfs_quota_us":                  c.Cgroup.Quota,
		"cpu cpu.cfs_period_us":                 c.Cgroup.Period,
		"cpu cpu.stat nr_periods":               c.Cgroup.Throttling.Periods,
		"cpu cpu.stat nr_throttled":             c.Cgroup.Throttling.Throttled,
		"cpu cpu.stat throttled_time":           c.Cgroup.Throttling.Time,
		"cpu cpu.stat nr_bursts":                c.Cgroup.Throttling.Bursts,
		"cpu cpu.stat burst_time":               c.Cgroup.Throttling.BurstTime,
		"pids pids.current":                     c.Cgroup.Tasks.Count,
		"pids pids.max":                         c.Cgroup.Tasks.Limit,
		"memory memory.limit_in_bytes":          some(m.Limit.Value),
		"cpuset cpuset.effective_cpus":          some(uint64(c.Available.Or(0))),
		"memory memory.memsw.limit_in_bytes":    swapLimit(&m),
		"cpuacct cpuacct.usage, user + system":  some(c.Cgroup.User.Or(0) + c.Cgroup.System.Or(0)),
		"hugetlb hugetlb.2MB.limit_in_bytes":    entry(&l, "hugetlb.2MB"),
		"hugetlb hugetlb.1GB.limit_in_bytes":    entry(&l, "hugetlb.1GB"),
		"cpuacct cpuacct.stat user, in seconds": some(c.Cgroup.User.Or(0) / uint64(time.Second)),
	} {
		if v, ok := n.Get(); ok {
			all[name] = v
		}
	}
	for _, cpu := range c.Cgroup.PerCPU {
		all["cpuacct cpuacct.usage_percpu #"+strconv.Itoa(cpu.Number)] = cpu.Usage.Or(0)
	}
	return all
}

// swapLimit is memory plus swap, as v1 limits them together.
func swapLimit(m *sample.Memory) sample.OptUint {
	n, ok := m.Cgroup.SwapLimit.Get()
	if !ok {
		return none
	}
	return some(n + m.Limit.Value)
}

func entry(l *sample.Limits, kind string) sample.OptUint {
	for _, e := range l.Entries {
		if e.Kind == kind && e.Source.Cgroup() {
			return some(uint64(e.Value))
		}
	}
	return none
}

// raw reads what name, as rawNumbers has it, says in the cgroup called sub.
func (g *cgroups) raw(sub, name string) (n uint64, ok bool) {
	g.t.Helper()
	name, note, _ := strings.Cut(name, ", ")
	words := strings.Fields(name)
	if g.dirs[words[0]] == "" {
		return 0, false
	}
	b, err := os.ReadFile(g.file(words[0], sub, words[1]))
	if err != nil {
		return 0, false
	}
	text := strings.TrimSpace(string(b))
	switch {
	case words[1] == "cpuset.effective_cpus":
		var set kernfs.CPUSet
		err := set.Parse(b)
		return uint64(set.Count()), err == nil
	case len(words) > 2 && words[2][0] == '#':
		i, err := strconv.Atoi(words[2][1:])
		columns := strings.Fields(text)
		if err != nil || i >= len(columns) {
			return 0, false
		}
		text = columns[i]
	case len(words) > 2:
		_, text, _ = strings.Cut("\n"+text, "\n"+words[2]+" ")
		text, _, _ = strings.Cut(text, "\n")
	}
	n, err = strconv.ParseUint(text, 10, 64)
	if note == "in seconds" {
		n /= 100 // ticks
	}
	return n, err == nil
}

// compare holds a reading against the raw files, read before and after it:
// a number lies between the two. A gauge can have been elsewhere in between, so
// that the comparison gets several tries. What is required must be there where
// its controller is.
func (g *cgroups) compare(c *child, sub string, required ...string) {
	g.t.Helper()
	var wrong []string
	compared := 0
	for range 20 {
		names := c.ask("numbers").Numbers
		before := map[string]uint64{}
		for name := range names {
			if n, ok := g.raw(sub, name); ok {
				before[name] = n
			}
		}
		got := c.ask("numbers").Numbers
		wrong, compared = nil, 0
		for name, n := range got {
			from, ok := before[name]
			to, ok2 := g.raw(sub, name)
			if !ok || !ok2 {
				continue
			}
			compared++
			if n < min(from, to) || n > max(from, to) {
				wrong = append(wrong, fmt.Sprintf("%s: %d, the file says %d before and %d after", name, n, from, to))
			}
		}
		for _, name := range required {
			controller, _, _ := strings.Cut(name, " ")
			if _, ok := got[name]; !ok && g.dirs[controller] != "" {
				wrong = append(wrong, "no "+name)
			}
		}
		if len(wrong) == 0 {
			g.t.Logf("%d numbers of %d agree with the files", compared, len(got))
			return
		}
	}
	g.t.Error(strings.Join(wrong, "\n"))
}

// TestRealNumbersAgreeWithTheRawFiles reads every source of the cgroup beside its file.
func TestRealNumbersAgreeWithTheRawFiles(t *testing.T) {
	g := newCgroups(t)
	g.make("a")
	g.write("memory", "a", "memory.limit_in_bytes", strconv.Itoa(256*mib))
	g.write("cpu", "a", "cpu.cfs_quota_us", "50000")
	g.write("cpu", "a", "cpu.shares", "333")
	if g.dirs["pids"] != "" {
		g.write("pids", "a", "pids.max", "500")
	}
	c := g.start("a")
	c.ask("hold 16")
	c.ask("burn 200")
	required := []string{
		"memory memory.usage_in_bytes", "memory memory.limit_in_bytes", "memory memory.stat total_rss", "memory memory.failcnt",
		"cpuacct cpuacct.usage", "cpu cpu.shares", "cpu cpu.cfs_quota_us", "cpu cpu.stat nr_periods", "cpuset cpuset.effective_cpus",
		"pids pids.current", "pids pids.max",
	}
	g.compare(c, "a", required...)
	// After what is counted and what is set has changed.
	g.write("memory", "a", "memory.limit_in_bytes", strconv.Itoa(128*mib))
	g.write("cpu", "a", "cpu.cfs_period_us", "200000")
	c.ask("burn 50")
	g.compare(c, "a", required...)
}

// TestRealMemoryTakenToTheLimit lets a process take memory until the kernel
// kills it, beside another of the same cgroup that tells of it.
func TestRealMemoryTakenToTheLimit(t *testing.T) {
	g := newCgroups(t)
	g.make("a")
	limit := strconv.Itoa(128 * mib)
	g.write("memory", "a", "memory.limit_in_bytes", limit)
	if _, ok := g.raw("a", "memory memory.memsw.limit_in_bytes"); ok {
		// Otherwise it would swap. A little more than the memory: at the same limit
		// the kernel counts in memory.memsw.failcnt alone.
		g.write("memory", "a", "memory.memsw.limit_in_bytes", strconv.Itoa(129*mib))
	}
	witness := g.start("a")
	before := witness.ask("numbers").Numbers
	if n, ok := before["memory memory.failcnt"]; !ok || n != 0 {
		t.Fatalf("failcnt %d %v before anything", n, ok)
	}
	killed, counts := before["memory memory.oom_control oom_kill"], false
	if _, ok := g.raw("a", "memory memory.oom_control oom_kill"); ok { // since Linux 4.13
		counts = true
	}

	eater := g.start("a")
	eater.ask("read")
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", eater.pid), []byte("1000"), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(eater.in, "hold 512"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		now := witness.ask("numbers").Numbers
		if now["memory memory.failcnt"] > 0 && (!counts || now["memory memory.oom_control oom_kill"] > killed) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing was killed, or it does not show: %v", now)
		}
	}
	if !counts {
		t.Log("this kernel counts no kills in memory.oom_control")
	}
	var r reading
	if err := eater.out.Decode(&r); err == nil {
		t.Errorf("the process holds 512 MiB under a limit of 128 MiB: %+v", r)
	}
	after := witness.ask("numbers").Numbers
	peak := after["memory memory.max_usage_in_bytes"]
	if peak < 128*mib*95/100 || peak > 128*mib*105/100 { // M7: a little above the limit is legal
		t.Errorf("peak %d of a limit of %s", peak, limit)
	}
	g.compare(witness, "a", "memory memory.usage_in_bytes", "memory memory.failcnt", "memory memory.max_usage_in_bytes")
}
