//go:build linux

package guest

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
)

const mebibyte = 1 << 20

// pod is a cgroup with a child, as Kubernetes has them.
func pod(t *testing.T, names ...string) (parent *group, children []*group) {
	t.Helper()
	path := "/" + strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	parent = newGroup(t, path)
	for _, name := range names {
		children = append(children, newGroup(t, path+"/"+name))
	}
	return parent, children
}

// TestCgroup holds limits, loads and counters of plain cgroups against the
// kernel's own files.
func TestCgroup(t *testing.T) {
	inside(t)
	check(t, "", "limits", testLimits)
	check(t, "", "cpuset", testCpuset)
	check(t, "", "affinity", testAffinity)
	check(t, "", "memory load", testMemoryLoad)
	check(t, "", "cpu load", testCPULoad)
	check(t, "", "throttling", testThrottling)
	check(t, "", "memory.high", testMemoryHigh)
	check(t, "", "oom kill", testOOMKill)
	check(t, "", "io load", testIOLoad)
	check(t, "", "pids", testPids)
	check(t, "", "network load", testNetworkLoad)
	check(t, "", "doctor", testDoctor)
}

func testLimits(t *testing.T) {
	for _, c := range []struct {
		name          string
		parent, child int // MiB of memory, and hundredths of a core; 0: none
		want          int
		binds         string
	}{
		{"child only", 0, 64, 64, "/c"},
		{"parent only", 80, 0, 80, ""},
		{"parent is less", 48, 96, 48, ""},
		{"child is less", 96, 48, 48, "/c"},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent, children := pod(t, "c")
			child := children[0]
			// The CPU controller of v1 takes no quota that is more than the parent's.
			quotas := unified() || c.parent == 0 || c.child <= c.parent
			for g, n := range map[*group]int{parent: c.parent, child: c.child} {
				if n > 0 {
					g.setMemory(n * mebibyte)
				}
				if n > 0 && quotas {
					g.setQuota(float64(n) / 100)
				}
			}
			probe := child.probe()
			binding := parent
			if c.binds != "" {
				binding = child
			}
			r := probe.read()
			want := key(t, binding.memoryFile(), "")
			if want != float64(c.want*mebibyte) {
				t.Fatalf("the kernel took %v for %d MiB", want, c.want)
			}
			r.is(t, "memory.limit_bytes", want, binding.memoryFile())
			r.says(t, "memory.limit_source", source())
			r.says(t, "memory.limit_file", binding.memoryFile())
			r.says(t, "memory.limit_cgroup", binding.path)
			r.is(t, "limits.memory.value", want, binding.memoryFile())
			r.says(t, "memory.scope", "container")
			r.says(t, "environment.cgroup.version", mode())
			if !quotas {
				return
			}
			r.is(t, "cpu.limit_cores", float64(c.want)/100, binding.quotaFile())
			r.says(t, "cpu.limit_source", source())
			r.says(t, "cpu.limit_file", binding.quotaFile())
			r.says(t, "cpu.limit_cgroup", binding.path)
			r.is(t, "cpu.quota_us", float64(c.want)*1000, binding.quotaFile())
			r.is(t, "cpu.quota_period_us", 100_000, binding.quotaFile())
		})
	}
}

func testCpuset(t *testing.T) {
	_, children := pod(t, "c")
	g := children[0]
	g.write(g.dirs["cpuset"]+"/cpuset.cpus", "1")
	g.write(g.dirs["cpuset"]+"/cpuset.mems", "0")
	probe := g.probe()
	r := probe.read()
	r.is(t, "cpu.limit_cores", 1, "cpuset.cpus")
	r.is(t, "cpu.available_cores", 1, "cpuset.cpus")
	// The kernel narrows the affinity by the cpuset: both say the same.
	r.says(t, "cpu.limit_source", "cpuset")
}

func testAffinity(t *testing.T) {
	_, children := pod(t, "c")
	probe := children[0].probe()
	shell(t, fmt.Sprintf("for task in /proc/%d/task/*; do taskset -p 1 ${task##*/}; done", probe.pid))
	r := probe.until("an affinity of one CPU", equals("cpu.limit_cores", 1))
	r.says(t, "cpu.limit_source", "affinity")
	r.is(t, "cpu.available_cores", 1, "taskset")
}

func testThrottling(t *testing.T) {
	parent, children := pod(t, "c")
	parent.setQuota(0.2)
	probe := children[0].probe()
	before := probe.read()
	probe.do("burn", 0.3, 2)
	lowPeriods, lowThrottled := parent.throttled()
	after := probe.read()
	highPeriods, highThrottled := parent.throttled()
	after.within(t, "cpu.throttling.periods", lowPeriods, highPeriods, "cpu.stat of the parent")
	after.within(t, "cpu.throttling.throttled_periods", lowThrottled, highThrottled, "cpu.stat of the parent")
	if after.must(t, "cpu.throttling.throttled_periods") <= before.must(t, "cpu.throttling.throttled_periods") {
		t.Error("two threads ran on a fifth of a core, and no period was throttled")
	}
	if after.must(t, "cpu.throttling.throttled_seconds") <= 0 {
		t.Error("no time was throttled")
	}
	if unified() {
		low := stall(t, children[0].dirs["cpu"]+"/cpu.pressure", "some")
		r := probe.read()
		r.within(t, "cpu.pressure.some.total_seconds", low, stall(t, children[0].dirs["cpu"]+"/cpu.pressure", "some"), "cpu.pressure")
		if low <= 0 {
			t.Error("the kernel saw no pressure")
		}
	}
}

// stall is the total of one line of a pressure file, in seconds.
func stall(t *testing.T, name, line string) float64 {
	t.Helper()
	text := shell(t, "grep ^"+line+" "+name)
	_, total, _ := strings.Cut(text, "total=")
	return parse(t, total) / 1e6
}

func testMemoryHigh(t *testing.T) {
	if !unified() {
		t.Skip("cgroup v1 has no memory.high")
	}
	_, children := pod(t, "c")
	g := children[0]
	g.setMemory(128 * mebibyte)
	g.write(g.dirs["memory"]+"/memory.high", "24M")
	probe := g.probe()
	probe.do("alloc", 28*mebibyte)
	low := key(t, g.dirs["memory"]+"/memory.events", "high")
	r := probe.read()
	r.within(t, "memory.events.high", low, key(t, g.dirs["memory"]+"/memory.events", "high"), "memory.events")
	if low <= 0 {
		t.Error("the kernel counted no crossing of memory.high")
	}
	if !hasLimit(r, "memory.high", 24*mebibyte) {
		t.Errorf("memory.high is not among the limits: %s", r)
	}
	if r.must(t, "memory.pressure.some.total_seconds") <= 0 {
		t.Error("no memory pressure")
	}
}

// hasLimit looks for one of all limits found.
func hasLimit(r reply, kind string, value float64) bool {
	all, _ := r.get("limits.all")
	list, _ := all.([]any)
	for _, entry := range list {
		if m, _ := entry.(map[string]any); m["kind"] == kind && m["value"] == value {
			return true
		}
	}
	return false
}

// testOOMKill lets the kernel kill a neighbor by the limit that both share.
func testOOMKill(t *testing.T) {
	parent, children := pod(t, "c", "neighbor")
	parent.setMemory(96 * mebibyte)
	probe := children[0].probe()
	before := probe.read()
	neighbor := children[1].probe()
	if _, err := neighbor.ask("alloc", 256*mebibyte); err == nil {
		t.Error("256 MiB fit into 96")
	}
	neighbor.stop()
	after := probe.read()
	rises(t, "cpu.usage_seconds", before, after, ceiling)
	after.is(t, "memory.limit_bytes", 96*mebibyte, parent.memoryFile())
	after.is(t, "memory.events.oom_kill", 0, "the own cgroup, in which nobody was killed")
	if unified() {
		events := parent.dirs["memory"] + "/memory.events"
		low := key(t, events, "oom")
		r := probe.read()
		r.is(t, "memory.events.oom", low, events)
		if low <= 0 || r.must(t, "memory.events.max") <= 0 {
			t.Errorf("the kernel counts %v OOMs", low)
		}
	} else if got := after.must(t, "memory.events.max"); got < 1 {
		t.Errorf("memory.failcnt of the parent was %v", got)
	}
	// And in the own cgroup: the probe's child is the one that goes.
	killed := exec.Command("/bin/sh", append([]string{"-c", `probe=$1; shift; for d; do echo $$ >$d/cgroup.procs; done; echo alloc 268435456 | $probe`, "sh", file("probe")}, children[0].folders()...)...)
	_ = killed.Run() // the shell says that its child was killed
	r := probe.until("the kill in the own cgroup", func(r reply) bool { n, _ := r.number("memory.events.oom_kill"); return n >= 1 })
	name := children[0].file("memory", "memory.events", "memory.oom_control")
	r.is(t, "memory.events.oom_kill", key(t, name, "oom_kill"), name)
}

func testDoctor(t *testing.T) {
	_, children := pod(t, "c")
	children[0].setMemory(64 * mebibyte)
	children[0].setQuota(0.5)
	r := children[0].probe().do("doctor")
	r.is(t, "memory.limit_bytes", 64*mebibyte, children[0].memoryFile())
	r.is(t, "cpu.limit_cores", 0.5, children[0].quotaFile())
	failures, _ := r.get("failures")
	list, _ := failures.([]any)
	for _, failure := range list {
		t.Errorf("doctor could not read: %v", failure)
	}
}

func testPids(t *testing.T) {
	_, children := pod(t, "c")
	g := children[0]
	if g.dirs["pids"] == "" {
		t.Skip("this kernel has no controller for pids")
	}
	g.write(g.dirs["pids"]+"/pids.max", "40")
	if r := g.probe().read(); !hasLimit(r, "pids", 40) {
		t.Errorf("pids.max is not among the limits: %s", r)
	}
}
