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
