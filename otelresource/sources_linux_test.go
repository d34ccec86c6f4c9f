package otelresource_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestAnotherDiskOfTheSameNameAndNumberIsAnotherSource(t *testing.T) {
	r := newRestarts(t)
	const written = "system.disk.io{disk.io.direction=write,system.device=sda}"
	disk := func(sectors int) {
		r.root.Write("proc/diskstats", fmt.Sprintf("   8       0 sda 1000 10 4000 500 2000 20 %d 700 1 900 1200 5 6 7 8 9 10\n", sectors))
	}
	r.root.Write("sys/devices/pci/block/sda/diskseq", "7\n")
	disk(1000)
	r.start()
	disk(1002)
	r.expect("first disk", written, 1024, 1024)
	r.root.Write("sys/devices/pci/block/sda/diskseq", "8\n")
	r.now = r.now.Add(2 * time.Minute)
	disk(2_000_000_000)
	r.expect("another disk", written, 0, 1024)
	disk(2_000_000_001)
	r.expect("another disk", written, 512, 1536)
	r.stop()
}

// levels writes cgroups with what each used, and what the others of a level need.
func (r *restarts) levels(used map[string]int, files map[string]string) {
	r.root.Write("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
	for d, n := range used {
		dir := "sys/fs/cgroup/" + d
		for file, text := range map[string]string{
			"cgroup.controllers": "cpu memory io pids", "cgroup.type": "domain", "memory.current": "1000000", "memory.max": "100000000", "cpu.max": "100000 100000",
			"memory.events": fmt.Sprintf("low 0\nhigh 0\nmax %d\noom 0\noom_kill 0", n), "memory.stat": "anon 1\nfile 1\ninactive_file 1",
			"cpu.stat": fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec 0\nnr_periods %d\nnr_throttled %d\nthrottled_usec %d", n, n, n, n, n),
		} {
			r.root.Write(dir+"/"+file, text+"\n")
		}
	}
	for name, text := range files {
		r.root.Write("sys/fs/cgroup/"+name, text)
	}
}

func (r *restarts) utilization(when string, want float64) {
	r.Helper()
	r.now = r.now.Add(10 * time.Second)
	points, _ := emitted(collect(r.T, r.totals))
	if got, ok := points["container.cpu.limit.utilization{}"]; !ok || math.Abs(got-want) > 1e-9 {
		r.Errorf("%s: got %v %v, want %v", when, got, ok, want)
	}
}

// The grandparent's quota is nearly used up, and that of the parent is removed.
func TestUtilizationOfAnAncestorWhileTheQuotaOfAnotherIsRemoved(t *testing.T) {
	r := newRestarts(t)
	n := 0
	set := func(quota string) {
		n++
		r.levels(map[string]int{"g": n * 9_500_000, "g/p": n * 2_000_000, "g/p/a": n * 1_000_000}, map[string]string{"g/p/cpu.max": quota})
	}
	r.root.Write("proc/self/cgroup", "0::/g/p/a\n")
	set("100000 100000\n")
	r.start(otelresource.WithUtilization())
	for _, quota := range []string{"100000 100000\n", "max 100000\n", "max 100000\n"} {
		set(quota)
		r.utilization(quota, 0.95)
	}
	r.stop()
}

// The own usage is torn once.
func TestUtilizationOfALevelAfterATornReading(t *testing.T) {
	r := newRestarts(t)
	handled(t)
	n := 0
	set := func(files map[string]string) {
		n++
		r.levels(map[string]int{"p": n * 2_500_000, "p/a": n * 9_000_000}, files)
	}
	r.root.Write("proc/self/cgroup", "0::/p/a\n")
	set(nil)
	r.start(otelresource.WithUtilization())
	set(nil)
	r.utilization("before", 0.9)
	set(map[string]string{"p/a/cpu.stat": ""})
	r.now = r.now.Add(10 * time.Second)
	collect(t, r.totals)
	set(nil)
	r.utilization("after", 0.9)
	r.stop()
}

// The own limits are torn once; the parent's are higher.
func TestATornLimitLosesNoEventsAndNoPeriods(t *testing.T) {
	r := newRestarts(t)
	handled(t)
	r.root.Write("proc/self/cgroup", "0::/p/a\n")
	set := func(n int, memory, cpu string) {
		r.levels(map[string]int{"p": n, "p/a": n}, map[string]string{"p/a/memory.max": memory, "p/a/cpu.max": cpu})
	}
	const memory, cpu = "50000000\n", "50000 100000\n"
	set(1000, memory, cpu)
	r.start()
	set(2000, memory, cpu)
	collect(t, r.totals)
	r.now = r.now.Add(10 * time.Second)
	set(3000, "", "")
	collect(t, r.totals)
	r.now = r.now.Add(10 * time.Second)
	set(4000, memory, cpu)
	r.now = r.now.Add(10 * time.Second)
	got := counts(collect(t, r.totals))
	for _, series := range []string{"container.memory.linux.events{otelresource.memory.event=max}", "container.cpu.throttling.periods{}"} {
		if got[series] != 3000 {
			t.Errorf("%s is %v, want 3000", series, got[series])
		}
	}
	r.stop()
}

// /proc/self/cgroup is torn once.
func TestATornMembershipLosesNoPressure(t *testing.T) {
	r := newRestarts(t)
	handled(t)
	b, _ := r.root.Hostfs().ReadFile("/proc/self/cgroup", 1<<20)
	read := func(seconds int, self string) map[string]float64 {
		r.root.Write("proc/self/cgroup", self)
		r.root.Write(ownDir+"/memory.pressure", fmt.Sprintf("some avg10=0.00 avg60=0.00 avg300=0.00 total=%d000000\n", seconds))
		r.root.Write(ownDir+"/cpu.stat", fmt.Sprintf("usage_usec %d000000\nuser_usec %d000000\nsystem_usec 0\n", seconds, seconds))
		r.now = r.now.Add(10 * time.Second)
		return counts(collect(t, r.totals))
	}
	r.root.Write(ownDir+"/memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n")
	r.root.Write(ownDir+"/cpu.stat", "usage_usec 1000000\nuser_usec 1000000\nsystem_usec 0\n")
	r.start()
	read(2, string(b))
	read(3, "")
	got := read(4, string(b))
	for _, series := range []string{"container.cpu.time{cpu.mode=user}", "container.memory.linux.pressure.time{otelresource.pressure.stall=some}"} {
		if got[series] != 3 {
			t.Errorf("%s is %v, want 3", series, got[series])
		}
	}
	r.stop()
}

// CPUs are added, and Views drop what reads their number.
func TestTheTimeOfAddedCPUsCountsWhereNothingElseAsksForTheirNumber(t *testing.T) {
	r := newRestarts(t)
	r.deltas, r.totals = metric.NewManualReader(metric.WithTemporalitySelector(metric.DeltaTemporalitySelector)), metric.NewManualReader()
	options := []metric.Option{metric.WithReader(r.deltas), metric.WithReader(r.totals)}
	for _, name := range []string{"system.cpu.logical.count", "system.uptime", "container.*", "otelresource.*"} {
		options = append(options, metric.WithView(metric.NewView(metric.Instrument{Name: name}, metric.Stream{Aggregation: metric.AggregationDrop{}})))
	}
	r.provider = metric.NewMeterProvider(options...)
	set := func(n, idle int) {
		r.root.Write("proc/stat", fmt.Sprintf("cpu  0 0 0 %d 0 0 0 0 0 0\n", idle))
		r.root.Write("sys/devices/system/cpu/online", fmt.Sprintf("0-%d\n", n-1))
	}
	const idle = "system.cpu.time{cpu.mode=idle}"
	set(2, 2000)
	r.start()
	set(2, 4000)
	r.expect("2 CPUs", idle, 20, 20)
	set(16, 20000)
	r.expect("16 CPUs", idle, 160, 180)
	set(16, 36000)
	r.expect("and on", idle, 160, 340)
	r.stop()
}
