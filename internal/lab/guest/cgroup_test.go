//go:build linux

package guest

import (
	"fmt"
	"io"
	"math"
	"net"
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
	r := probe.until("an affinity of one CPU", func(r reply) bool { n, _ := r.number("cpu.limit_cores"); return n == 1 })
	r.says(t, "cpu.limit_source", "affinity")
	r.is(t, "cpu.available_cores", 1, "taskset")
}

func testMemoryLoad(t *testing.T) {
	parent, children := pod(t, "c")
	g := children[0]
	parent.setMemory(128 * mebibyte)
	probe := g.probe()
	before := probe.read()
	const load = 32 * mebibyte
	probe.do("alloc", load)
	after := probe.read()
	for _, path := range []string{"memory.usage_bytes", "memory.rss_bytes", "memory.working_set_bytes"} {
		grown := after.must(t, path) - before.must(t, path)
		// The kernel's statistics lag by up to a batch per CPU, and Go's heap moves.
		if grown < load-4*mebibyte || grown > load+8*mebibyte {
			t.Errorf("%s grew by %.0f; %d were allocated", path, grown, load)
		}
	}
	anon := g.anonymous()
	after.within(t, "memory.rss_bytes", anon-4*mebibyte, anon+4*mebibyte, "memory.stat")
	shrunk := before.must(t, "memory.available_bytes") - after.must(t, "memory.available_bytes")
	if shrunk < load-4*mebibyte || shrunk > load+8*mebibyte {
		t.Errorf("memory.available_bytes shrank by %.0f; %d were allocated", shrunk, load)
	}
	probe.do("free")
	last := probe.read()
	if got := last.must(t, "memory.rss_bytes"); got > after.must(t, "memory.rss_bytes")-load+4*mebibyte {
		t.Errorf("memory.rss_bytes is %.0f after the memory was given back", got)
	}
}

func testCPULoad(t *testing.T) {
	_, children := pod(t, "c")
	g := children[0]
	g.setQuota(1.5) // without any limit the numbers are the machine's
	probe := g.probe()
	before := probe.read()
	const seconds = 0.5
	probe.do("burn", seconds, 2)
	low := g.cpuSeconds()
	after := probe.read()
	high := g.cpuSeconds()
	after.within(t, "cpu.usage_seconds", low, high, "the kernel")
	if used := after.must(t, "cpu.usage_seconds") - before.must(t, "cpu.usage_seconds"); used < seconds*0.9 {
		t.Errorf("cpu.usage_seconds rose by %v; %v were burnt", used, seconds)
	}
	split, total := after.must(t, "cpu.user_seconds")+after.must(t, "cpu.system_seconds"), after.must(t, "cpu.usage_seconds")
	slack := total / 2 // v1 has files of their own for the two, in ticks
	if unified() {
		slack = 1e-5
	}
	if math.Abs(split-total) > slack {
		t.Errorf("user and system are %v together, and the total is %v", split, total)
	}
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

// testIOLoad reads from and writes to a disk inside the cgroup.
func testIOLoad(t *testing.T) {
	_, children := pod(t, "c")
	g := children[0]
	if g.dirs["io"] == "" {
		t.Skip("this kernel has no controller for I/O")
	}
	g.setMemory(64 * mebibyte) // without any limit the numbers are the machine's
	number := shell(t, "cat /sys/block/vda/dev")
	const rate = 16 * mebibyte
	if unified() {
		g.write(g.dirs["io"]+"/io.max", fmt.Sprint(number, " rbps=", rate))
	} else {
		g.write(g.dirs["io"]+"/blkio.throttle.read_bps_device", fmt.Sprint(number, " ", rate))
	}
	probe := g.probe()
	within := func(script string) {
		shell(t, fmt.Sprintf("for d in %s; do echo $$ >$d/cgroup.procs; done; %s 2>&1", strings.Join(g.folders(), " "), script))
	}
	// A cgroup that has done no I/O has no numbers: the first megabyte makes some.
	within("echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/vda of=/dev/null bs=1M count=1 skip=32")
	before := probe.until("disk I/O", func(r reply) bool { _, ok := r.number("io.read_bytes"); return ok })
	if !hasLimit(before, "io.rbps", rate) {
		t.Errorf("the limit of I/O is not among the limits: %s", before)
	}
	within("dd if=/dev/vda of=/dev/null bs=1M count=8")
	lowRead, lowWritten := g.disk(number)
	after := probe.read()
	highRead, highWritten := g.disk(number)
	after.within(t, "io.read_bytes", lowRead, highRead, "the kernel")
	if unified() || lowWritten > 0 {
		after.within(t, "io.write_bytes", lowWritten, highWritten, "the kernel")
	} else {
		after.absent(t, "io.write_bytes") // v1 prints a zero where it does not count
	}
	// The kernel reads ahead, on 7.3 by more than the load.
	if read := after.must(t, "io.read_bytes") - before.must(t, "io.read_bytes"); read < 8*mebibyte || read > 64*mebibyte {
		t.Errorf("io.read_bytes rose by %.0f; 8 MiB of a disk of 64 were read", read)
	}
	if after.must(t, "io.read_operations") <= before.must(t, "io.read_operations") {
		t.Error("io.read_operations did not rise")
	}
	if !unified() {
		return // a buffered write is the root's on v1, and there is no pressure
	}
	within("dd if=/dev/zero of=/dev/vda bs=1M count=4 conv=fsync")
	last := probe.read()
	if written := last.must(t, "io.write_bytes") - after.must(t, "io.write_bytes"); written < 4*mebibyte || written > 6*mebibyte {
		t.Errorf("io.write_bytes rose by %.0f; 4 MiB were written", written)
	}
	name := g.dirs["io"] + "/io.pressure"
	low := stall(t, name, "some")
	r := probe.read()
	r.within(t, "io.pressure.some.total_seconds", low, stall(t, name, "some"), "io.pressure")
}

// disk is what the cgroup has read from and written to a device.
func (g *group) disk(number string) (read, written float64) {
	g.t.Helper()
	if unified() {
		for field := range strings.FieldsSeq(shell(g.t, "grep '^"+number+" ' "+g.dirs["io"]+"/io.stat")) {
			if value, ok := strings.CutPrefix(field, "rbytes="); ok {
				read = parse(g.t, value)
			}
			if value, ok := strings.CutPrefix(field, "wbytes="); ok {
				written = parse(g.t, value)
			}
		}
		return read, written
	}
	name := g.dirs["io"] + "/blkio.throttle.io_service_bytes"
	sum := func(operation string) float64 {
		return parse(g.t, shell(g.t, "awk '$1 == \""+number+"\" && $2 == \""+operation+"\" { print $3 }' "+name))
	}
	return sum("Read"), sum("Write")
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

// testNetworkLoad sends over a veth from a network namespace of the probe's own.
func testNetworkLoad(t *testing.T) {
	_, children := pod(t, "c")
	g := children[0]
	g.setMemory(64 * mebibyte)
	probe := g.probe("unshare -n ")
	// The kernel calls the other end veth0.
	shell(t, fmt.Sprintf(`ip link add lab0 type veth && ip link set veth0 netns %[1]d && ip addr add 10.9.0.1/24 dev lab0 && ip link set lab0 up &&
		nsenter -t %[1]d -n /bin/sh -c 'ip addr add 10.9.0.2/24 dev veth0 && ip link set veth0 up'`, probe.pid))
	t.Cleanup(func() { _ = exec.Command("/bin/sh", "-c", "ip link del lab0").Run() }) // it goes with the namespace
	listener, err := net.Listen("tcp", "10.9.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }() // the machine ends soon
	go func() {
		if conn, err := listener.Accept(); err == nil {
			_, _ = io.Copy(io.Discard, conn) // what arrived, the kernel counts
		}
	}()
	// It counts from its first reading: what was sent before that is lost.
	before := probe.until("the interface", func(r reply) bool { return strings.Contains(r.String(), `"name":"veth0"`) })
	const load = 4 * mebibyte
	probe.do("send", listener.Addr(), load)
	after := probe.read()
	if sent := after.must(t, "network.transmit_bytes") - before.must(t, "network.transmit_bytes"); sent < load || sent > load*5/4 {
		t.Errorf("network.transmit_bytes rose by %.0f; %d were sent", sent, load)
	}
	for _, path := range []string{"network.receive_bytes", "network.transmit_packets"} {
		if after.must(t, path) <= before.must(t, path) {
			t.Errorf("%s did not rise", path)
		}
	}
	after.says(t, "network.scope", "container")
}
