//go:build linux

package guest

import (
	"os"
	"testing"
)

// TestChange changes the machine below a running monitor.
func TestChange(t *testing.T) {
	inside(t)
	check(t, "", "resize", testResize)
	check(t, "", "move", testMove)
	check(t, "", "removal", testRemoval)
	check(t, "", "controller disabled", testControllerDisabled)
	check(t, "", "pressure off", testPressureOff)
	check(t, "", "cpu offline", testCPUOffline)
}

// ceiling bounds what a counter of CPU seconds may rise by between two
// readings of one test: more would be a spike.
const ceiling = 60

func testResize(t *testing.T) {
	parent, children := pod(t, "c")
	g := children[0]
	// Without any limit the numbers are the machine's, of another scope.
	g.setMemory(80 * mebibyte)
	g.setQuota(0.8)
	probe := g.probe()
	first := probe.read()
	for _, step := range []struct {
		what  string
		group *group
		size  int // MiB, and hundredths of a core
	}{
		{"raised a little", g, 96},
		{"raised", g, 128},
		{"lowered", g, 64},
		{"a smaller one on the parent", parent, 48},
		{"the parent's raised above the child's", parent, 160},
	} {
		want, cores := float64(step.size*mebibyte), float64(step.size)/100
		step.group.setMemory(step.size * mebibyte)
		if step.group == parent && step.size < 64 && !unified() {
			cores = 0.64 // the CPU controller of v1 takes no quota below a child's
		} else {
			step.group.setQuota(cores)
		}
		if step.group == parent && step.size > 64 {
			want, cores = 64*mebibyte, 0.64
		}
		r := probe.until(step.what, limited(want, cores))
		rises(t, "cpu.usage_seconds", first, r, ceiling)
	}
	g.setMemory(-1)
	g.setQuota(0)
	parent.setMemory(-1)
	parent.setQuota(0)
	r := probe.until("no limits", func(r reply) bool {
		source, _ := r.text("memory.limit_source")
		cpu, _ := r.text("cpu.limit_source")
		return source != "cgroup_v1" && source != "cgroup_v2" && cpu != "cgroup_v1" && cpu != "cgroup_v2"
	})
	r.is(t, "memory.limit_bytes", memTotal(t), "/proc/meminfo")
}

func testMove(t *testing.T) {
	_, children := pod(t, "a", "b")
	a, b := children[0], children[1]
	a.setMemory(64 * mebibyte)
	b.setMemory(128 * mebibyte)
	a.setQuota(0.5)
	b.setQuota(1.5)
	probe := a.probe()
	probe.do("burn", 0.3, 1)
	before := probe.until("the first cgroup", limited(64*mebibyte, 0.5))
	b.move(probe)
	after := probe.until("the second cgroup", limited(128*mebibyte, 1.5))
	after.says(t, "memory.limit_cgroup", b.path)
	rises(t, "cpu.usage_seconds", before, after, ceiling)
	a.move(probe)
	last := probe.until("back in the first", limited(64*mebibyte, 0.5))
	rises(t, "cpu.usage_seconds", after, last, ceiling)
}

func limited(memory, cores float64) func(reply) bool {
	return func(r reply) bool {
		return equals("memory.limit_bytes", memory)(r) && equals("cpu.limit_cores", cores)(r)
	}
}

// testRemoval removes the cgroup that the monitor has open.
func testRemoval(t *testing.T) {
	_, children := pod(t, "a", "b")
	a, b := children[0], children[1]
	a.setMemory(64 * mebibyte)
	a.setQuota(0.5)
	b.setMemory(128 * mebibyte)
	b.setQuota(1.5)
	probe := a.probe()
	before := probe.until("the first cgroup", limited(64*mebibyte, 0.5))
	b.move(probe)
	for _, dir := range a.folders() {
		shell(t, "rmdir "+dir)
	}
	after := probe.until("the second cgroup", limited(128*mebibyte, 1.5))
	rises(t, "cpu.usage_seconds", before, after, ceiling)
	if after.must(t, "memory.usage_bytes") <= 0 {
		t.Error("no usage in the second cgroup")
	}
}

// testControllerDisabled takes the memory controller from the cgroup.
func testControllerDisabled(t *testing.T) {
	if !unified() {
		t.Skip("a v1 controller cannot be disabled while it is mounted")
	}
	parent, children := pod(t, "c")
	g := children[0]
	g.setMemory(64 * mebibyte)
	parent.setMemory(96 * mebibyte)
	probe := g.probe()
	before := probe.until("the limit", equals("memory.limit_bytes", 64*mebibyte))
	parent.write(parent.dirs["memory"]+"/cgroup.subtree_control", "-memory")
	r := probe.until("the parent's limit", equals("memory.limit_bytes", 96*mebibyte))
	rises(t, "cpu.usage_seconds", before, r, ceiling)
	parent.write(parent.dirs["memory"]+"/cgroup.subtree_control", "+memory")
	g.setMemory(72 * mebibyte)
	r = probe.until("the controller again", equals("memory.limit_bytes", 72*mebibyte))
	r.says(t, "memory.limit_cgroup", g.path)
}

func testPressureOff(t *testing.T) {
	if !unified() {
		t.Skip("cgroup v1 has no pressure files")
	}
	_, children := pod(t, "c")
	g := children[0]
	name := g.dirs["cpu"] + "/cgroup.pressure"
	if _, err := os.Stat(name); err != nil {
		t.Skip("this kernel cannot switch pressure off for one cgroup: cgroup.pressure came with 6.1")
	}
	g.setMemory(64 * mebibyte) // without any limit the pressure is the machine's
	probe := g.probe()
	has := func(r reply) bool { _, ok := r.get("memory.pressure"); return ok }
	probe.until("pressure", has)
	g.write(name, "0")
	r := probe.until("no pressure", func(r reply) bool { return !has(r) })
	r.says(t, "memory.scope", "container")
	g.write(name, "1")
	probe.until("pressure again", has)
}

func testCPUOffline(t *testing.T) {
	const online = "/sys/devices/system/cpu/cpu1/online"
	if _, err := os.Stat(online); err != nil {
		t.Skip("this machine has no CPU that can be taken offline")
	}
	parent, children := pod(t, "c")
	probe := children[0].probe()
	before := probe.read()
	before.is(t, "cpu.limit_cores", 2, "-smp")
	shell(t, "echo 0 >"+online)
	t.Cleanup(func() { shell(t, "echo 1 >"+online) })
	r := probe.until("one CPU", equals("cpu.limit_cores", 1))
	r.is(t, "cpu.available_cores", 1, online)
	rises(t, "cpu.usage_seconds", before, r, ceiling)
	shell(t, "echo 1 >"+online)
	if !unified() {
		// A v1 cpuset that lost a CPU does not get it back by itself.
		for _, g := range []*group{parent, children[0]} {
			g.write(g.dirs["cpuset"]+"/cpuset.cpus", "0-1")
		}
	}
	r = probe.until("two CPUs", equals("cpu.limit_cores", 2))
	rises(t, "cpu.usage_seconds", before, r, ceiling)
}
