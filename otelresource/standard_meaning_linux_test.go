package otelresource_test

import (
	"bytes"
	"math"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// meaning is what a data point of a standard metric must be. Of a counter it is the growth
// between two states of the files, because it does not matter here at which value it begins.
type meaning struct{ least, most float64 }

func exactly(v float64) meaning { return meaning{v, v} }

func between(a, b float64) meaning { return meaning{min(a, b), max(a, b)} }

// meanings hold, for each data point of each standard metric, the formula of the semantic
// conventions, in numbers of the files that the tests write or read.
type meanings map[string]meaning

// TestStandardMetricsMeanWhatTheConventionsSay computes every standard metric from the kernel's
// files by the formula in the note of the semantic conventions, and compares it with what is exported.
func TestStandardMetricsMeanWhatTheConventionsSay(t *testing.T) {
	checked := map[string]bool{}
	t.Run("container", func(t *testing.T) { containerMeanings(t, checked) })
	t.Run("system", func(t *testing.T) { systemMeanings(t, checked) })
	t.Run("process", func(t *testing.T) { processMeanings(t, checked) })
	for name, m := range table() {
		if m.Standard && !checked[name] {
			t.Errorf("%s is standard and has no formula in this test", name)
		}
	}
}

// compare compares the points with their meanings, and notes which metrics have one. A
// point of a standard metric without a meaning is an error too.
func (want meanings) compare(t *testing.T, checked map[string]bool, before, after map[string]float64) {
	t.Helper()
	for key, m := range want {
		name, _, _ := strings.Cut(key, "{")
		checked[name] = true
		got, ok := after[key]
		was, counted := before[key]
		if table()[name].Kind == instruments.Counter {
			if ok && !counted {
				t.Errorf("%s: exported only by the second collection", key)
			}
			got -= was
		}
		tolerance := 1e-9 * math.Max(1, math.Abs(m.most))
		if !ok || got < m.least-tolerance || got > m.most+tolerance {
			t.Errorf("%s: got %v (exported: %v), want %v to %v", key, got, ok, m.least, m.most)
		}
	}
	for key := range after {
		name, _, _ := strings.Cut(key, "{")
		if _, ok := want[key]; !ok && table()[name].Standard {
			t.Errorf("%s is exported and has no formula in this test", key)
		}
	}
}

// twoStates writes one state of the files of root, starts, collects, writes the other state and
// collects again. The window of usage between the collections is no shorter than least, and no longer than most.
func twoStates(t *testing.T, root *fixture.Root, scope otelresource.Scope, first, second map[string]string) (before, after map[string]float64, least, most time.Duration) {
	t.Helper()
	write := func(files map[string]string) {
		for name, text := range files {
			root.Write(name, text)
		}
	}
	write(first)
	began := time.Now()
	_, reader := started(t, root, otelresource.WithScopes(scope), otelresource.WithUtilization())
	before, _ = emitted(collect(t, reader))
	collected := time.Now()
	time.Sleep(300 * time.Millisecond)
	write(second)
	least = time.Since(collected)
	after, _ = emitted(collect(t, reader))
	return before, after, least, time.Since(began)
}

func containerMeanings(t *testing.T, checked map[string]bool) {
	const parent = "sys/fs/cgroup/work.slice"
	const interfaces = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	before, after, least, most := twoStates(t, fixture.Load(t, "testdata/docker-v2.txtar"), otelresource.ScopeContainer,
		map[string]string{
			ownDir + "/cpu.stat":    "usage_usec 4200000\nuser_usec 3000000\nsystem_usec 1200000\n",
			ownDir + "/memory.stat": "anon 1\nfile 2\ninactive_file 3\npgfault 5000\npgmajfault 12\n",
			ownDir + "/io.stat":     "8:0 rbytes=1048576 wbytes=2097152 rios=100 wios=200 dbytes=4096 dios=1\n",
			"proc/self/net/dev":     interfaces + "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 1500000 1200 3 4 0 0 0 0 700000 900 1 2 0 0 0 0\n",
		},
		map[string]string{
			ownDir + "/cpu.stat":       "usage_usec 4290000\nuser_usec 3060000\nsystem_usec 1230000\n",
			ownDir + "/memory.max":     "536870912\n",
			ownDir + "/memory.current": "300000000\n",
			ownDir + "/memory.stat":    "anon 150000000\nfile 120000000\ninactive_file 40000000\nactive_file 30000000\nslab_reclaimable 9000000\npgfault 6000\npgmajfault 20\n",
			parent + "/memory.max":     "1073741824\n",
			parent + "/memory.current": "1000000000\n",
			parent + "/memory.stat":    "anon 800000000\nfile 150000000\ninactive_file 100000000\nactive_file 50000000\n",
			ownDir + "/io.stat":        "8:0 rbytes=1049600 wbytes=2099200 rios=110 wios=220 dbytes=9999 dios=5\n",
			"proc/self/net/dev":        interfaces + "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 1500700 1207 3 4 0 0 0 0 700300 903 1 2 0 0 0 0\n",
			"proc/uptime":              "5000.25 19000.00\n",
			"proc/1/stat":              "1 (sh) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 438000 2904064 400\n",
		})
	cores := func(window time.Duration) float64 { return (4290000 - 4200000) / 1e6 / window.Seconds() }
	meanings{
		// "CPU time consumed by the specific container on all available CPU cores"
		"container.cpu.time{cpu.mode=user}":   exactly((3060000 - 3000000) / 1e6),
		"container.cpu.time{cpu.mode=system}": exactly((1230000 - 1200000) / 1e6),
		// "CPU usage of the specific container on all available CPU cores, averaged over the sample window"
		"container.cpu.usage{}": between(cores(most), cores(least)),
		// "Memory usage of the container."
		"container.memory.usage{}": exactly(300000000),
		// container_memory_working_set_bytes of cAdvisor: usage - inactive_file
		"container.memory.working_set{}": exactly(300000000 - 40000000),
		// container_memory_rss of cAdvisor: anonymous memory
		"container.memory.rss{}": exactly(150000000),
		// "This is defined as the memory limit - workingSetBytes", here of the level with the least left
		"container.memory.available{}": exactly(min(536870912-(300000000-40000000), 1073741824-(1000000000-100000000))),
		// pgfault counts the major faults too
		"container.memory.paging.faults{system.paging.fault.type=minor}": exactly((6000 - 20) - (5000 - 12)),
		"container.memory.paging.faults{system.paging.fault.type=major}": exactly(20 - 12),
		// "The total number of bytes read/written successfully (aggregated from all disks)."
		"container.disk.io{disk.io.direction=read}":  exactly(1049600 - 1048576),
		"container.disk.io{disk.io.direction=write}": exactly(2099200 - 2097152),
		// "The number of bytes sent/received on all network interfaces by the container."
		"container.network.io{network.io.direction=receive}":  exactly(1500700 - 1500000),
		"container.network.io{network.io.direction=transmit}": exactly(700300 - 700000),
		// "The time the container has been running": since its init began
		"container.uptime{}": exactly(5000.25 - 438000/100.),
	}.compare(t, checked, before, after)
}

func systemMeanings(t *testing.T, checked map[string]bool) {
	const interfaces = "Inter-|   Receive                                                |  Transmit\n" +
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
	before, after, _, _ := twoStates(t, fixture.Load(t, "testdata/host.txtar"), otelresource.ScopeSystem,
		map[string]string{
			// user nice system idle iowait irq softirq steal guest guest_nice
			"proc/stat":         "cpu  1000 50 300 8000 20 4 6 10 400 5\ncpu0 600 30 200 3900 10 2 3 5 200 3\ncpu1 400 20 100 4100 10 2 3 5 200 2\n",
			"proc/vmstat":       "nr_free_pages 1\npgfault 70000\npgmajfault 300\n",
			"proc/diskstats":    "   8       0 sda 1000 10 4000 500 2000 20 8000 700 1 900 1200 5 6 7 8 9 10\n",
			"proc/self/net/dev": interfaces + "    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 9000000 8000 5 6 0 0 0 0 2000000 3000 7 8 0 0 0 0\n",
		},
		map[string]string{
			"proc/stat":                     "cpu  1016 54 310 8025 21 5 8 11 403 6\ncpu0 608 32 205 3912 11 3 4 6 202 4\ncpu1 408 22 105 4113 10 2 4 5 201 2\n",
			"proc/vmstat":                   "nr_free_pages 1\npgfault 70900\npgmajfault 307\n",
			"proc/diskstats":                "   8       0 sda 1003 11 4050 540 2009 22 8200 790 1 950 1300 9 9 9 9 12 13\n",
			"proc/self/net/dev":             interfaces + "    lo: 9 9 0 0 0 0 0 0 9 9 0 0 0 0 0 0\n  eth0: 9004000 8040 7 9 0 0 0 0 2005000 3050 12 14 0 0 0 0\n",
			"proc/meminfo":                  "MemTotal: 8192000 kB\nMemFree: 1024000 kB\nMemAvailable: 5120000 kB\nBuffers: 102400 kB\nCached: 3072000 kB\nSwapTotal: 2048000 kB\nSwapFree: 1948000 kB\n",
			"proc/uptime":                   "5000.25 19000.00\n",
			"sys/devices/system/cpu/online": "0-1\n",
		})
	// What grew in /proc/stat, in ticks. Guest time is inside user.
	const user, nice, system, idle, iowait, interrupt, steal = 1016 - 1000, 54 - 50, 310 - 300, 8025 - 8000, 21 - 20, (5 + 8) - (4 + 6), 11 - 10
	const all = user + nice + system + idle + iowait + interrupt + steal
	const used, free, buffers, total = (8192000 - 5120000) * 1024, 1024000 * 1024, 102400 * 1024, 8192000 * 1024
	want := meanings{
		// "Total virtual memory available in the system."
		"system.memory.limit{}": exactly(total),
		// "See also MemAvailable in /proc/meminfo."
		"system.memory.linux.available{}": exactly(5120000 * 1024),
		// The states add up to the limit; used is what is not available.
		"system.memory.usage{system.memory.state=used}":          exactly(used),
		"system.memory.usage{system.memory.state=free}":          exactly(free),
		"system.memory.usage{system.memory.state=buffers}":       exactly(buffers),
		"system.memory.usage{system.memory.state=cached}":        exactly(total - used - free - buffers),
		"system.memory.utilization{system.memory.state=used}":    exactly(float64(used) / total),
		"system.memory.utilization{system.memory.state=free}":    exactly(float64(free) / total),
		"system.memory.utilization{system.memory.state=buffers}": exactly(float64(buffers) / total),
		"system.memory.utilization{system.memory.state=cached}":  exactly(float64(total-used-free-buffers) / total),
		// "Unix swap or windows pagefile usage."
		"system.paging.usage{system.paging.state=used}": exactly((2048000 - 1948000) * 1024),
		"system.paging.usage{system.paging.state=free}": exactly(1948000 * 1024),
		// pgfault counts the major faults too
		"system.paging.faults{system.paging.fault.type=minor}": exactly((70900 - 307) - (70000 - 300)),
		"system.paging.faults{system.paging.fault.type=major}": exactly(307 - 300),
		"system.cpu.logical.count{}":                           exactly(2),
		"system.uptime{}":                                      exactly(5000.25),
		// Sectors have 512 bytes, whatever the disk.
		"system.disk.io{disk.io.direction=read}":          exactly((4050 - 4000) * 512),
		"system.disk.io{disk.io.direction=write}":         exactly((8200 - 8000) * 512),
		"system.disk.operations{disk.io.direction=read}":  exactly(1003 - 1000),
		"system.disk.operations{disk.io.direction=write}": exactly(2009 - 2000),
		"system.disk.merged{disk.io.direction=read}":      exactly(11 - 10),
		"system.disk.merged{disk.io.direction=write}":     exactly(22 - 20),
		// "The sum of time each request took": fields 7 and 11 of procfs-diskstats, milliseconds
		"system.disk.operation_time{disk.io.direction=read}":  exactly((540 - 500) / 1e3),
		"system.disk.operation_time{disk.io.direction=write}": exactly((790 - 700) / 1e3),
		// "The real elapsed time used in the I/O path": field 13, milliseconds
		"system.disk.io_time{}": exactly((950 - 900) / 1e3),
		// Without the loopback, which does not leave the machine.
		"system.network.io{network.io.direction=receive}":            exactly(9004000 - 9000000),
		"system.network.io{network.io.direction=transmit}":           exactly(2005000 - 2000000),
		"system.network.packet.count{network.io.direction=receive}":  exactly(8040 - 8000),
		"system.network.packet.count{network.io.direction=transmit}": exactly(3050 - 3000),
		// The columns errs and drop of /proc/net/dev.
		"system.network.errors{network.io.direction=receive}":          exactly(7 - 5),
		"system.network.errors{network.io.direction=transmit}":         exactly(12 - 7),
		"system.network.packet.dropped{network.io.direction=receive}":  exactly(9 - 6),
		"system.network.packet.dropped{network.io.direction=transmit}": exactly(14 - 8),
	}
	for mode, ticks := range map[string]float64{"user": user, "nice": nice, "system": system, "idle": idle, "iowait": iowait, "interrupt": interrupt, "steal": steal} {
		// "Seconds each logical CPU spent on each mode": summed over the CPUs, 100 ticks a second
		want["system.cpu.time{cpu.mode="+mode+"}"] = exactly(ticks / 100)
		// "the change in cumulative CPU time over a measurement interval, divided by the elapsed time".
		// The elapsed time is what all modes took together.
		want["system.cpu.utilization{cpu.mode="+mode+"}"] = exactly(ticks / all)
	}
	want.compare(t, checked, before, after)
}

// processState is what the kernel says of this process, read without the package under test.
type processState struct {
	at                 time.Time
	usage              syscall.Rusage
	resident, virtual  float64
	read, write        float64
	threads, files     float64
	sinceBoot, started float64 // seconds
}

func readProcess(t *testing.T) (s processState) {
	t.Helper()
	s.at = time.Now()
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &s.usage); err != nil {
		t.Fatal(err)
	}
	fields := func(name string) []string {
		b, err := os.ReadFile("/proc/self/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:])) // of stat: what follows the name in parentheses
	}
	number := func(text string) float64 {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	statm, stat, io := fields("statm"), fields("stat"), fields("io")
	s.virtual, s.resident = number(statm[0])*float64(os.Getpagesize()), number(statm[1])*float64(os.Getpagesize())
	s.threads, s.started = number(stat[20-3]), number(stat[22-3])/100
	for i := 0; i < len(io); i += 2 {
		switch io[i] {
		case "read_bytes:":
			s.read = number(io[i+1])
		case "write_bytes:":
			s.write = number(io[i+1])
		}
	}
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	s.files = float64(len(names) - 1) // without the one that lists
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &now); err != nil {
		t.Fatal(err)
	}
	s.sinceBoot = float64(now.Nano()) / 1e9
	return s
}

// processMeanings compares with what the kernel says of this very process just before and just after
// each collection, because the process scope has no other root.
func processMeanings(t *testing.T, checked map[string]bool) {
	c := otelresource.DefaultConfig()
	c.EnableCaching, c.UpdateInterval = false, 10*time.Millisecond
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	began := readProcess(t)
	_, reader := startedOn(t, m, otelresource.WithScopes(otelresource.ScopeProcess), otelresource.WithUtilization())
	before, _ := emitted(collect(t, reader))
	r1 := readProcess(t)
	ballast := make([]byte, 8<<20)
	for begun := time.Now(); time.Since(begun) < 300*time.Millisecond; {
		for i := 0; i < len(ballast); i += 4096 {
			ballast[i]++
		}
		runtime.Gosched()
	}
	r2 := readProcess(t)
	after, _ := emitted(collect(t, reader))
	r3 := readProcess(t)

	grown := func(of func(*processState) float64) meaning {
		return between(of(&r2)-of(&r1), of(&r3)-of(&began))
	}
	around := func(of func(*processState) float64, slack float64) meaning {
		return meaning{min(of(&r2), of(&r3)) - slack, max(of(&r2), of(&r3)) + slack}
	}
	user := func(s *processState) float64 { return float64(s.usage.Utime.Nano()) / 1e9 }
	system := func(s *processState) float64 { return float64(s.usage.Stime.Nano()) / 1e9 }
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	share := func(of func(*processState) float64) meaning {
		g, cpus := grown(of), float64(set.Count())
		return meaning{g.least / cpus / r3.at.Sub(began.at).Seconds(), g.most / cpus / r2.at.Sub(r1.at).Seconds()}
	}
	const mib = 1 << 20
	meanings{
		// "Total CPU seconds broken down by different CPU modes."
		"process.cpu.time{cpu.mode=user}":   grown(user),
		"process.cpu.time{cpu.mode=system}": grown(system),
		// "Difference in process.cpu.time since the last measurement, divided by the elapsed time and number of CPUs"
		"process.cpu.utilization{cpu.mode=user}":   share(user),
		"process.cpu.utilization{cpu.mode=system}": share(system),
		// "The amount of physical memory in use." The garbage collector may give some back in between.
		"process.memory.usage{}": around(func(s *processState) float64 { return s.resident }, 16*mib),
		// "The amount of committed virtual memory." A new thread maps a stack and an arena.
		"process.memory.virtual{}": around(func(s *processState) float64 { return s.virtual }, 256*mib),
		// "Disk bytes transferred."
		"process.disk.io{disk.io.direction=read}":  grown(func(s *processState) float64 { return s.read }),
		"process.disk.io{disk.io.direction=write}": grown(func(s *processState) float64 { return s.write }),
		// "Process threads count." The runtime may start some in between.
		"process.thread.count{}": around(func(s *processState) float64 { return s.threads }, 2),
		// "Number of unix file descriptors in use by the process."
		"process.unix.file_descriptor.count{}": around(func(s *processState) float64 { return s.files }, 1),
		// "Number of times the process has been context switched."
		"process.context_switches{process.context_switch.type=voluntary}":   grown(func(s *processState) float64 { return float64(s.usage.Nvcsw) }),
		"process.context_switches{process.context_switch.type=involuntary}": grown(func(s *processState) float64 { return float64(s.usage.Nivcsw) }),
		// "Number of page faults the process has made."
		"process.paging.faults{system.paging.fault.type=minor}": grown(func(s *processState) float64 { return float64(s.usage.Minflt) }),
		"process.paging.faults{system.paging.fault.type=major}": grown(func(s *processState) float64 { return float64(s.usage.Majflt) }),
		// "The time the process has been running."
		"process.uptime{}": between(r2.sinceBoot-r2.started, r3.sinceBoot-r3.started),
	}.compare(t, checked, before, after)
	runtime.KeepAlive(ballast)
}
