package engine

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Whatever stands in the files, nothing panics and no reading contradicts itself.
func TestAnyContentYieldsAConsistentReading(t *testing.T) {
	v2 := machine + mountV2 + self("0::/p/l") + "-- " + top + "/cpu.stat --\nusage_usec 99\n" +
		group(top+"/p", "memory.max=268435456", "cpu.max=50000 100000") + group(top+"/p/l", "memory.max=536870912", "cpu.max=150000 100000")
	v1 := machine + v1Memory + v1CPU + "-- proc/self/mountinfo --\n" + v1Mounts + self("4:memory:/a\n3:cpuset:/a\n2:cpu,cpuacct:/a")
	disks := blocks("sda 8:0", "sda/sda1 8:1", "dm-0 253:0 sda1") + "-- proc/diskstats --\n" + diskstats("8:0 sda 2 2", "8:1 sda1 1 1", "253:0 dm-0 1 1")
	v2 += disks + "-- " + top + "/p/l/io.stat --\n8:0 rbytes=5 wbytes=6\n253:0 rbytes=1 wbytes=1\n"
	v1 = strings.Replace(v1, v1Mounts, v1Mounts+"35 23 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n", 1) + disks + v1Blkio
	v1 = strings.Replace(v1, "4:memory:/a\n", "4:memory:/a\n7:blkio:/a\n", 1)
	random := rand.New(rand.NewPCG(5, 6))
	texts := []string{
		"", "\n", "0\n", "1\n", "max\n", "-1\n", "18446744073709551615\n", "9223372036854771712\n", "268435456", "x y z\n", "0 0\n", "100000 1\n",
		"usage_usec 5\nuser_usec 18446744073709551615\nsystem_usec 1\n", "usage_usec 9223372036854775\nuser_usec 0\nsystem_usec 0\nnr_periods 1\n",
		"inactive_file 18446744073709551615\nanon 1\n", "total_inactive_file 1\nhierarchical_memory_limit 4096\n", "hierarchical_memory_limit 0\n",
		"cpu 0 0 0 0\n", "cpu 1 2 3 4 5\ncpu7 1 2 3 4\n", "cpu 900000000000 1 1 1 1 1 1 1 1 1\n", "user 3\nsystem 922337203685\n", "0-16383\n", "0-3,7\n",
		"MemTotal: 1 kB\nMemFree: 5 kB\nMemAvailable: 9 kB\n", "MemTotal: 0 kB\n", "\xff\xfe\x00", "0::/p\n", "0::/\n4:memory:/\n", "0::/../x\n",
		"8:0 rbytes=9223372036854775807 wbytes=1\n", "253:0 253:1 8:0 rbytes=7", "8:0 Read 18446744073709551615\n8:0 Write 3\n8:0 Write 3\n",
		"8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n", "8 0 sda 9 9 18014398509481983 9 9 9 9 9 9 9 9\n", "8:0\n", "253:0\n",
		"1 2 0:3 /p /sys/fs/cgroup rw - cgroup2 c rw\n", strings.Repeat("7 ", 9000),
	}
	for round := range 24 {
		archive := v2
		if round%2 == 1 {
			archive = v1
		}
		b := open(t, archive)
		b.meter.least = 0
		_, files := fixture.Parse(archive)
		files = slices.DeleteFunc(files, func(f fixture.Entry) bool { return strings.Contains(f.Name, " -> ") })
		ctx := context.Background()
		var lastUsage, lastUser, lastSystem uint64
		var lastDisks [2]uint64
		for range 12 {
			b.after(time.Duration(random.IntN(1500)) * time.Millisecond)
			w := sample.Parts(random.Uint32())
			var m sample.Memory
			var c sample.CPU
			var l sample.Limits
			_ = b.source.ReadMemory(ctx, w, &m)
			_ = b.source.ReadCPU(ctx, w, &c)
			_ = b.source.ReadLimits(ctx, &l)
			u := b.meter.cpu(&c)
			var d sample.IO
			_ = b.source.ReadIO(ctx, w, &d)
			for i, disks := range []*sample.Disks{&d.Cgroup, &d.System} {
				n, ok := disks.Total.Read.Bytes.Get()
				if ok && n < lastDisks[i] {
					t.Fatalf("the total of disks went from %d to %d", lastDisks[i], n)
				}
				lastDisks[i] = max(lastDisks[i], n)
			}

			if m.Limit.Source.Cgroup() && m.Available.Or(0) > m.Limit.Value && m.Available.Present() && m.System.Available.Or(math.MaxUint64) > m.Limit.Value {
				// A level without a readable usage cannot bound the headroom.
				if m.Cgroup.Usage.Present() && m.Limit.Cgroup == "/p/l" {
					t.Fatalf("available %v over the limit %+v", m.Available, m.Limit)
				}
			}
			if ws, ok := m.Cgroup.WorkingSet.Get(); ok && ws > m.Cgroup.Usage.Or(0) {
				t.Fatalf("working set %d of %v", ws, m.Cgroup.Usage)
			}
			if s := m.System; s.Used.Present() && s.Used.Or(0)+s.Free.Or(0)+s.Buffers.Or(0)+s.Cached.Or(0) != s.Total.Or(0) {
				t.Fatalf("states %+v", s)
			}
			for _, f := range []sample.Opt[float64]{m.Cgroup.Utilization, u.cgroup, u.utilization, u.machine, c.Available} {
				if v, ok := f.Get(); ok && (math.IsNaN(v) || math.IsInf(v, 0) || v < 0) {
					t.Fatalf("%v in %+v %+v", v, m, c)
				}
			}
			if c.Limit.Known() && (c.Limit.Value <= 0 || math.IsInf(c.Limit.Value, 0) || c.Limit.Value > c.CgroupLimit.Value) {
				t.Fatalf("limit %+v, of the cgroup %+v", c.Limit, c.CgroupLimit)
			}
			g := c.Cgroup
			if g.Usage.Present() && g.User.Present() && g.User.Or(0)+g.System.Or(0) != g.Usage.Or(0) {
				t.Fatalf("user %v + system %v is not %v", g.User, g.System, g.Usage)
			}
			if g.Usage.Present() && g.Usage.Or(0) < lastUsage || g.User.Present() && (g.User.Or(0) < lastUser || g.System.Or(0) < lastSystem) {
				t.Fatalf("a counter went back: %+v after %d %d %d", g, lastUsage, lastUser, lastSystem)
			}
			lastUsage, lastUser, lastSystem = max(lastUsage, g.Usage.Or(0)), max(lastUser, g.User.Or(0)), max(lastSystem, g.System.Or(0))

			f := files[random.IntN(len(files))]
			text := texts[random.IntN(len(texts))]
			if random.IntN(3) == 0 {
				text = f.Text // mended again
			}
			b.Write(f.Name, text)
		}
	}
}
