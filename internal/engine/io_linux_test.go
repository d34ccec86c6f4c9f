package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

func (b *bench) io() *sample.IO {
	b.t.Helper()
	s := new(sample.IO)
	if err := b.source.ReadIO(context.Background(), b.want, s); (err != nil) != b.wantErr {
		b.t.Fatalf("io: %v", err)
	}
	return s
}

// blocks writes /sys/class/block: "sda 8:0", a partition "sda/sda1 8:1", what
// lies on others "dm-0 253:0 sda1 sdb", and a hidden path "nvme0c0n1 -".
func blocks(devices ...string) string {
	var out strings.Builder
	for _, d := range devices {
		f := strings.Fields(d)
		dir, name := "sys/devices/x/"+f[0], path.Base(f[0])
		fmt.Fprintf(&out, "-- sys/class/block/%s -> ../../devices/x/%s --\n-- %s/uevent --\n", name, f[0], dir)
		if f[1] != "-" {
			fmt.Fprintf(&out, "-- %s/dev --\n%s\n", dir, f[1])
		}
		for _, slave := range f[2:] {
			fmt.Fprintf(&out, "-- %s/slaves/%s -> ../../%s --\n", dir, slave, slave)
		}
	}
	return out.String()
}

// diskstats has a line for each "8:0 sda 100 200": bytes read and written, in units of 512.
func diskstats(devices ...string) string {
	var out strings.Builder
	for _, d := range devices {
		f := strings.Fields(d)
		major, minor, _ := strings.Cut(f[0], ":")
		fmt.Fprintf(&out, "%4s %7s %s 1 0 %s 3 2 0 %s 4 0 5 6\n", major, minor, f[1], f[2], f[3])
	}
	return out.String()
}

// numbers are the bytes read and written of each device, and of the total as "".
func numbers(d *sample.Disks) string {
	text := func(d *sample.Disk) string {
		r, ok := d.Read.Bytes.Get()
		w, ok2 := d.Write.Bytes.Get()
		if !ok && !ok2 {
			return "absent"
		}
		return fmt.Sprintf("%d/%d", r, w)
	}
	all := []string{"total " + text(&d.Total)}
	for i := range d.Devices {
		all = append(all, d.Devices[i].Name+" "+text(&d.Devices[i]))
	}
	return strings.Join(all, ", ")
}

func TestDisksOfAV2Cgroup(t *testing.T) {
	for _, c := range []struct{ name, stat, blocks, proc, want string }{
		{"no I/O yet (I11)", "", "", "", "total absent"},
		{"one device", "8:0 rbytes=10 wbytes=20 rios=1 wios=2", blocks("sda 8:0"), "", "total 10/20, sda 10/20"},
		{"two devices (R24)", "8:0 rbytes=10 wbytes=20\n8:16 rbytes=1 wbytes=2", blocks("sda 8:0", "sdb 8:16"), "", "total 11/22, sda 10/20, sdb 1/2"},
		{
			"device-mapper on a disk (I5, R6c)", "253:0 rbytes=1048576 wbytes=0\n8:16 rbytes=1048576 wbytes=0",
			blocks("sdb 8:16", "dm-0 253:0 sdb"), "", "total 1048576/0, dm-0 1048576/0, sdb 1048576/0",
		},
		{
			"device-mapper on a partition, which io.stat never lists (I9)", "253:0 rbytes=5 wbytes=6\n8:0 rbytes=5 wbytes=6",
			blocks("sda 8:0", "sda/sda1 8:1", "dm-0 253:0 sda1"), "", "total 5/6, dm-0 5/6, sda 5/6",
		},
		{"device-mapper whose disk the cgroup is not charged for", "253:0 rbytes=5 wbytes=6", blocks("sda 8:0", "dm-0 253:0 sda"), "", "total 5/6, dm-0 5/6"},
		{
			"the numbers belong to the last device (I1, R4)", "253:4 253:3 253:2 rbytes=81920 wbytes=0 rios=20 wios=0 dbytes=0 dios=0",
			blocks("dm-4 253:4", "dm-3 253:3", "dm-2 253:2"), "", "total 81920/0, dm-2 81920/0",
		},
		{"unknown devices beside a known one (I2)", "(unknown) rbytes=1 wbytes=2\n(unknown) rbytes=3 wbytes=4\n8:0 rbytes=10 wbytes=20", blocks("sda 8:0"), "", "total 14/26, unknown 4/6, sda 10/20"},
		{
			"the unknown are the paths of NVMe multipath (I2)", "(unknown) rbytes=10 wbytes=20\n259:0 rbytes=10 wbytes=20",
			blocks("nvme0n1 259:0", "nvme0c0n1 -", "nvme0c1n1 -"), "", "total 10/20, unknown 10/20, nvme0n1 10/20",
		},
		{"a torn line (I3)", "252:0 \n8:0 rbytes=10 wbytes=20", blocks("sda 8:0"), "", "total 10/20, sda 10/20"},
		{"floats (I4)", "8:0 cost.vrate=100.50 rbytes=10 wbytes=20", blocks("sda 8:0"), "", "total 10/20, sda 10/20"},
		{"a loop device over a disk", "7:0 rbytes=10 wbytes=20\n8:0 rbytes=10 wbytes=21", blocks("sda 8:0", "loop0 7:0"), "", "total 10/21, loop0 10/20, sda 10/21"},
		{"a loop device alone", "7:0 rbytes=10 wbytes=20", blocks("sda 8:0", "loop0 7:0"), "", "total 10/20, loop0 10/20"},
		{"a name with a slash", "104:0 rbytes=10 wbytes=20", blocks("cciss!c0d0 104:0"), "", "total 10/20, cciss/c0d0 10/20"},
		{"names of /proc/diskstats where /sys is masked (I8)", "253:0 rbytes=10 wbytes=20\n8:0 rbytes=10 wbytes=20", "", diskstats("8:0 sda 1 1", "253:0 dm-0 1 1"), "total 10/20, dm-0 10/20, sda 10/20"},
		{"numbers where nothing tells a name (I8)", "8:16 rbytes=10 wbytes=20", "", "", "total 10/20, 8:16 10/20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=1048576", "io.stat="+c.stat)+c.blocks+"-- proc/diskstats --\n"+c.proc)
			b.want |= sample.PartDevices
			b.memory() // which says that the cgroup limits the process
			s := b.io()
			expect(t, "own", s.Own, true)
			expect(t, "disks", numbers(&s.Cgroup), c.want)
			if s.Err != nil {
				t.Error(s.Err)
			}
			if f := b.diag.Failures().List; len(f) > 0 {
				t.Errorf("failures: %+v", f)
			}
		})
	}
}

// What a disk did while only the device above it was listed is in the total already.
func TestADiskThatIsListedAfterTheDeviceAboveIt(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=1048576", "io.stat=253:0 rbytes=3000 wbytes=0")+blocks("sda 8:0", "dm-0 253:0 sda"))
	b.memory()
	read := func(stat string) sample.OptUint {
		b.Write(top+"/a/io.stat", stat+"\n")
		b.after(time.Second)
		return b.io().Cgroup.Total.Read.Bytes
	}
	expect(t, "the upper device", read("253:0 rbytes=3000 wbytes=0"), some(3000))
	expect(t, "both", read("253:0 rbytes=3100 wbytes=0\n8:0 rbytes=3100 wbytes=0"), some(3000))
	expect(t, "growth", read("253:0 rbytes=3200 wbytes=0\n8:0 rbytes=3207 wbytes=0"), some(3107))
}

func TestOperationsDiscardsAndLatencyOfAV2Cgroup(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a",
		"io.stat=8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6 use_delay=1 delay_nsec=20 depth=7 avg_lat=1500 cost.wait=8")+blocks("sda 8:0"))
	b.want |= sample.PartDevices
	s := b.io()
	total := sample.Disk{
		Read:    sample.Transfer{Bytes: some(1), Operations: some(3)},
		Write:   sample.Transfer{Bytes: some(2), Operations: some(4)},
		Discard: sample.Transfer{Bytes: some(5), Operations: some(6)},
		Latency: sample.Latency{CostWait: some(8000)},
	}
	expect(t, "total", s.Cgroup.Total, total)
	device := total
	device.Name, device.Number, device.Series = "sda", "8:0", 1
	device.Latency = sample.Latency{Average: some(1_500_000), Delay: some(20), QueueDepth: some(7), CostWait: some(8000)}
	expect(t, "device", s.Cgroup.Devices[0], device)
}

const v1Blkio = `-- sys/fs/cgroup/blkio/release_agent --
-- sys/fs/cgroup/blkio/a/blkio.throttle.io_service_bytes --
8:0 Read 1
8:0 Write 2
Total 3
-- sys/fs/cgroup/blkio/a/blkio.throttle.io_serviced --
8:0 Read 3
8:0 Write 4
Total 7
`

const (
	mountV1Blkio = "-- proc/self/mountinfo --\n35 23 0:32 / /sys/fs/cgroup/blkio rw - cgroup cgroup rw,blkio\n" +
		"34 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
	recursive = "-- sys/fs/cgroup/blkio/a/blkio.throttle.io_service_bytes_recursive --\n" +
		"8:0 Read 100\n8:0 Write 200\n8:0 Sync 250\n8:0 Async 50\n8:0 Discard 30\n8:0 Total 330\nTotal 330\n"
)

func TestDisksOfAV1Cgroup(t *testing.T) {
	for _, c := range []struct {
		name, archive string
		want          sample.Disk
	}{
		{"without descendants, where the kernel has no more", v1Blkio, sample.Disk{
			Read: sample.Transfer{Bytes: some(1), Operations: some(3)}, Write: sample.Transfer{Bytes: some(2), Operations: some(4)},
		}},
		{"with descendants; Sync, Async and totals repeat (I7)", v1Blkio + recursive, sample.Disk{
			Read: sample.Transfer{Bytes: some(100), Operations: some(3)}, Write: sample.Transfer{Bytes: some(200), Operations: some(4)},
			Discard: sample.Transfer{Bytes: some(30)},
		}},
		{"times of BFQ", v1Blkio + "-- sys/fs/cgroup/blkio/a/blkio.bfq.io_service_time --\n8:0 Read 1000\n8:0 Write 2000\nTotal 3000\n" +
			"-- sys/fs/cgroup/blkio/a/blkio.bfq.io_wait_time_recursive --\n8:0 Read 10\n8:0 Write 20\nTotal 30\n", sample.Disk{
			Read:  sample.Transfer{Bytes: some(1), Operations: some(3), Time: some(1010), Wait: some(10)},
			Write: sample.Transfer{Bytes: some(2), Operations: some(4), Time: some(2020), Wait: some(20)},
		}},
		{"times of CFQ", v1Blkio + "-- sys/fs/cgroup/blkio/a/blkio.io_service_time --\n8:0 Read 1000\nTotal 1000\n" +
			"-- sys/fs/cgroup/blkio/a/blkio.io_wait_time --\n8:0 Read 10\nTotal 10\n", sample.Disk{
			Read:  sample.Transfer{Bytes: some(1), Operations: some(3), Time: some(1010), Wait: some(10)},
			Write: sample.Transfer{Bytes: some(2), Operations: some(4)},
		}},
		{"counts of BFQ where the throttle files have none", strings.ReplaceAll(v1Blkio, "8:0 ", "9:9 x") +
			"-- sys/fs/cgroup/blkio/a/blkio.bfq.io_service_bytes --\n8:0 Read 100\n8:0 Write 200\nTotal 300\n", sample.Disk{
			Read: sample.Transfer{Bytes: some(100)}, Write: sample.Transfer{Bytes: some(200)},
		}},
		{"counts of BFQ where the throttle files have the same", v1Blkio +
			"-- sys/fs/cgroup/blkio/a/blkio.bfq.io_service_bytes --\n8:0 Read 1\n8:0 Write 2\nTotal 3\n", sample.Disk{
			Read: sample.Transfer{Bytes: some(1), Operations: some(3)}, Write: sample.Transfer{Bytes: some(2), Operations: some(4)},
		}},
		{"zeros, which newer kernels print for what they do not count", strings.NewReplacer("Write 2", "Write 0", "Write 4", "Write 0").Replace(v1Blkio), sample.Disk{
			Read: sample.Transfer{Bytes: some(1), Operations: some(3)},
		}},
		{"nothing but zeros", strings.NewReplacer("Read 1", "Read 0", "Read 3", "Read 0", "Write 2", "Write 0", "Write 4", "Write 0").Replace(v1Blkio), sample.Disk{}},
		{"nothing but a total (I6)", "-- sys/fs/cgroup/blkio/release_agent --\n-- sys/fs/cgroup/blkio/a/blkio.throttle.io_service_bytes --\nTotal 0\n" +
			"-- sys/fs/cgroup/blkio/a/blkio.throttle.io_serviced --\nTotal 0\n", sample.Disk{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, machine+mountV1Blkio+self("7:blkio:/a\n0::/u")+blocks("sda 8:0")+c.archive+
				"-- sys/fs/cgroup/unified/u/cgroup.type --\ndomain\n-- sys/fs/cgroup/unified/u/io.pressure --\nsome avg10=1.00 avg60=0.00 avg300=0.00 total=5\n")
			s := b.io()
			expect(t, "disks", s.Cgroup.Total, c.want)
			expect(t, "pressure of the v2 hierarchy (P6)", s.Cgroup.Pressure.Some.Or(sample.Stall{}).Total, 5)
			if s.Err != nil {
				t.Error(s.Err)
			}
			if f := b.diag.Failures().List; len(f) > 0 {
				t.Errorf("failures: %+v", f)
			}
		})
	}
}

func TestDisksOfAMachine(t *testing.T) {
	many, manyBlocks, manyWant := []string{}, []string{}, []string{"total 30720/61440"}
	for i := range 60 { // far over the 40 that one read returns (K6)
		many = append(many, fmt.Sprintf("66:%d sd%c%c 1 2", i, 'a'+i/26, 'a'+i%26))
		manyBlocks = append(manyBlocks, fmt.Sprintf("sd%c%c 66:%d", 'a'+i/26, 'a'+i%26, i))
		manyWant = append(manyWant, fmt.Sprintf("sd%c%c 512/1024", 'a'+i/26, 'a'+i%26))
	}
	for _, c := range []struct{ name, proc, blocks, want string }{
		{"sixty disks (K6)", diskstats(many...), blocks(manyBlocks...), strings.Join(manyWant, ", ")},
		{"partitions", diskstats("8:0 sda 3 4", "8:1 sda1 2 3", "8:2 sda2 1 1"), blocks("sda 8:0", "sda/sda1 8:1", "sda/sda2 8:2"), "total 1536/2048, sda 1536/2048, sda1 1024/1536, sda2 512/512"},
		{"partitions where /sys is masked", diskstats("8:0 sda 3 4", "8:1 sda1 2 3", "259:0 nvme0n1 1 1", "259:1 nvme0n1p1 1 1"), "", "total 2048/2560, sda 1536/2048, sda1 1024/1536, nvme0n1 512/512, nvme0n1p1 512/512"},
		{"a partition alone, as a guest of Xen has it", diskstats("202:1 xvda1 2 3"), blocks("xvda1 202:1"), "total 1024/1536, xvda1 1024/1536"},
		{
			"RAID of partitions, and volumes on it (I5)", diskstats("8:0 sda 2 4", "8:1 sda1 2 4", "8:16 sdb 2 4", "8:17 sdb1 2 4", "9:0 md0 4 4", "253:0 dm-0 3 3", "253:1 dm-1 1 1", "253:2 dm-2 1 1"),
			blocks("sda 8:0", "sda/sda1 8:1", "sdb 8:16", "sdb/sdb1 8:17", "md0 9:0 sda1 sdb1", "dm-0 253:0 md0", "dm-1 253:1 md0", "dm-2 253:2 dm-1"),
			"total 2048/4096, sda 1024/2048, sda1 1024/2048, sdb 1024/2048, sdb1 1024/2048, md0 2048/2048, dm-0 1536/1536, dm-1 512/512, dm-2 512/512",
		},
		{"multipath of SCSI", diskstats("8:0 sda 1 1", "8:16 sdb 2 2", "253:0 dm-0 3 3"), blocks("sda 8:0", "sdb 8:16", "dm-0 253:0 sda sdb"), "total 1536/1536, sda 512/512, sdb 1024/1024, dm-0 1536/1536"},
		{
			"multipath of NVMe", diskstats("0:0 nvme0c0n1 1 1", "0:0 nvme0c1n1 2 2", "259:0 nvme0n1 3 3", "259:2 nvme0n1p1 3 3"),
			blocks("nvme0n1 259:0", "nvme0n1/nvme0n1p1 259:2", "nvme0c0n1 -", "nvme0c1n1 -"), "total 1536/1536, nvme0c0n1 512/512, nvme0c1n1 1024/1024, nvme0n1 1536/1536, nvme0n1p1 1536/1536",
		},
		{
			"multipath of NVMe where the paths have numbers", diskstats("259:1 nvme0c0n1 1 1", "259:0 nvme0n1 1 1"),
			blocks("nvme0n1 259:0", "nvme0c0n1 -"), "total 512/512, nvme0c0n1 512/512, nvme0n1 512/512",
		},
		{"multipath of NVMe where /sys is masked", diskstats("0:0 nvme0c0n1 1 1", "259:0 nvme0n1 1 1"), "", "total 512/512, nvme0c0n1 512/512, nvme0n1 512/512"},
		{"loop devices", diskstats("7:0 loop0 5 0", "8:0 sda 5 1"), blocks("loop0 7:0", "sda 8:0"), "total 2560/512, loop0 2560/0, sda 2560/512"},
		{"loop devices alone", diskstats("7:0 loop0 5 0", "7:1 loop1 1 0"), blocks("loop0 7:0", "loop1 7:1"), "total 3072/0, loop0 2560/0, loop1 512/0"},
		{"no disk", "", "", "total absent"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := open(t, machine+mountV2+self("0::/")+c.blocks+"-- proc/diskstats --\n"+c.proc)
			b.want |= sample.PartDevices
			s := b.io()
			expect(t, "own", s.Own, false)
			expect(t, "disks", numbers(&s.System), c.want)
			if !errors.Is(s.Err, ErrNoCgroup) || s.SystemErr != nil {
				t.Errorf("%v, %v", s.Err, s.SystemErr)
			}
			if f := b.diag.Failures().List; len(f) > 0 {
				t.Errorf("failures: %+v", f)
			}
			b.want &^= sample.PartDevices
			if d := b.io().System.Devices; d != nil {
				t.Errorf("devices that nobody asked for: %+v", d)
			}
		})
	}
}

func TestAllNumbersOfADisk(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("sda 8:0")+"-- proc/diskstats --\n   8       0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n")
	const ms = 1_000_000
	expect(t, "disk", b.io().System.Total, sample.Disk{
		Read:    sample.Transfer{Operations: some(1), Merged: some(2), Bytes: some(3 * 512), Time: some(4 * ms)},
		Write:   sample.Transfer{Operations: some(5), Merged: some(6), Bytes: some(7 * 512), Time: some(8 * ms)},
		Discard: sample.Transfer{Operations: some(12), Merged: some(13), Bytes: some(14 * 512), Time: some(15 * ms)},
		Flushes: some(16), FlushTime: some(17 * ms),
		InProgress: some(9), IOTime: some(10 * ms), QueueTime: some(11 * ms),
	})
}

func TestDisksComeAndGo(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("sda 8:0", "sdb 8:16")+"-- proc/diskstats --\n"+diskstats("8:0 sda 10 10", "8:16 sdb 5 5"))
	b.want |= sample.PartDevices
	read := func(want string, disks ...string) {
		t.Helper()
		b.Write("proc/diskstats", diskstats(disks...))
		s := b.io()
		expect(t, "disks", numbers(&s.System), want)
	}
	read("total 7680/7680, sda 5120/5120, sdb 2560/2560", "8:0 sda 10 10", "8:16 sdb 5 5")
	read("total 8192/8192, sda 5632/5632", "8:0 sda 11 11")
	for name, text := range map[string]string{"dev": "8:16", "slaves/sda": ""} {
		b.Write("sys/devices/x/sdc/"+name, text) // sdc, on sda, has the number that sdb had
	}
	b.Symlink("../../devices/x/sdc", "sys/class/block/sdc")
	read("total 8704/8704, sda 6144/6144, sdc 512000/512000", "8:0 sda 12 12", "8:16 sdc 1000 1000")
	read("total 520704/520704, sda 6144/6144, sdc 1024000/1024000", "8:0 sda 12 12", "8:16 sdc 2000 2000")
	// A file that cannot be read leaves all counters as they were.
	b.Write("proc/diskstats", "nonsense\n")
	s := b.io()
	expect(t, "unread", numbers(&s.System), "total 520704/520704, sda 6144/6144, sdc 1024000/1024000")
	expect(t, "gauge", s.System.Total.InProgress, none)
}

// Device-mapper tables change under the same name: sysfs is asked again now and then.
func TestWhatADiskLiesOnIsAskedAgain(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("sda 8:0", "virtual/dm-0 253:0")+"-- proc/diskstats --\n"+diskstats("8:0 sda 10 10", "253:0 dm-0 1 1"))
	expect(t, "disks", numbers(&b.io().System), "total 5632/5632")
	b.Symlink("../../../sda", "sys/devices/x/virtual/dm-0/slaves/sda")
	b.Write("proc/diskstats", diskstats("8:0 sda 11 11", "253:0 dm-0 2 2"))
	b.after(time.Second)
	expect(t, "not yet known", numbers(&b.io().System), "total 6656/6656")
	b.Write("proc/diskstats", diskstats("8:0 sda 12 12", "253:0 dm-0 3 3"))
	b.after(relook)
	expect(t, "known", numbers(&b.io().System), "total 7168/7168")
	looked := b.source.(*linux).io.topology.generation
	b.after(relook)
	b.io()
	expect(t, "looks at all, where nothing has changed", b.source.(*linux).io.topology.generation, looked)
}

// Disks and their partitions stay what they are: sysfs is not asked again.
func TestPlainDisksAreLookedAtOnce(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("sda 8:0", "sda/sda1 8:1", "virtual/loop0 7:0", "virtual/zram0 252:0")+
		"-- proc/diskstats --\n"+diskstats("8:0 sda 10 10", "8:1 sda1 10 10", "7:0 loop0 1 1", "252:0 zram0 1 1"))
	b.io()
	expect(t, "devices that may change", len(b.source.(*linux).io.topology.stacked), 0)
	b.Remove("sys/class/block")
	b.after(relook)
	expect(t, "disks", numbers(&b.io().System), "total 5632/5632")
	expect(t, "looks", b.source.(*linux).io.topology.generation, 1)
}

func TestIOOfAProcessThatMoves(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/x")+blocks("sda 8:0")+group(top+"/x", "io.stat=8:0 rbytes=10 wbytes=10")+group(top+"/y", "io.stat=8:0 rbytes=9000 wbytes=9000"))
	move := func(to string) string {
		b.Write("proc/self/cgroup", "0::/"+to+"\n")
		b.after(time.Second)
		return numbers(&b.io().Cgroup)
	}
	expect(t, "at first", move("x"), "total 10/10")
	expect(t, "moved (K2)", move("y"), "total 10/10")
	b.Write(top+"/x/io.stat", "8:0 rbytes=500 wbytes=500\n")
	b.Write(top+"/y/io.stat", "8:0 rbytes=9001 wbytes=9002\n")
	expect(t, "growth there", move("y"), "total 11/12")
	expect(t, "what others did meanwhile does not count", move("x"), "total 11/12")
	b.Write(top+"/x/io.stat", "8:0 rbytes=501 wbytes=501\n")
	expect(t, "growth here", move("x"), "total 12/13")
}

func TestIOThatCannotBeRead(t *testing.T) {
	inAGroup := machine + mountV2 + self("0::/a") + group(top+"/a", "memory.max=1048576", "io.stat=8:0 rbytes=1 wbytes=1") + blocks("sda 8:0")
	t.Run("the controller is not enabled", func(t *testing.T) {
		b := open(t, inAGroup+"-- proc/diskstats --\n"+diskstats("8:0 sda 1 1"))
		b.Remove(top + "/a/io.stat")
		b.memory()
		s := b.io()
		expect(t, "own", s.Own, false)
		expect(t, "cgroup", numbers(&s.Cgroup), "total absent")
		expect(t, "machine", numbers(&s.System), "total 512/512")
		if !errors.Is(s.Err, ErrNoCgroup) || !strings.Contains(fmt.Sprint(s.Err), "io.stat") {
			t.Errorf("%v", s.Err)
		}
		if f := b.diag.Failures().List; len(f) > 0 {
			t.Errorf("an absence counts as a failure: %+v", f)
		}
	})
	t.Run("rubbish and denial are counted, and take nothing else down", func(t *testing.T) {
		b := open(t, inAGroup+"-- proc/diskstats/ --\n")
		b.want |= wholeMachine
		b.Write(top+"/a/io.stat", "\xff\xfe\n")
		s := b.io()
		expect(t, "cgroup", numbers(&s.Cgroup), "total absent")
		if s.Err == nil || s.SystemErr == nil {
			t.Errorf("%v, %v", s.Err, s.SystemErr)
		}
		got := map[string]string{}
		for _, f := range b.diag.Failures().List {
			got[f.Source] = f.Type
		}
		if want := map[string]string{"io.stat": "malformed", "diskstats": "not_regular"}; !maps.Equal(got, want) {
			t.Errorf("failures %v", got)
		}
	})
	t.Run("later it stays as it was", func(t *testing.T) {
		b := open(t, inAGroup)
		b.memory()
		b.io()
		b.Write(top+"/a/io.stat", "rubbish\n")
		s := b.io()
		expect(t, "own", s.Own, true)
		expect(t, "cgroup", numbers(&s.Cgroup), "total 1/1")
		if s.Err != nil {
			t.Error(s.Err)
		}
	})
	t.Run("nothing at all", func(t *testing.T) {
		b := open(t, "")
		s := b.io()
		if s.Err == nil || s.SystemErr == nil {
			t.Errorf("%v, %v", s.Err, s.SystemErr)
		}
	})
	t.Run("one file of v1", func(t *testing.T) {
		b := open(t, machine+mountV1Blkio+self("7:blkio:/a")+blocks("sda 8:0")+v1Blkio)
		b.Write("sys/fs/cgroup/blkio/a/blkio.throttle.io_serviced", "rubbish\n")
		d := b.io().Cgroup.Total
		expect(t, "disks", d, sample.Disk{Read: sample.Transfer{Bytes: some(1)}, Write: sample.Transfer{Bytes: some(2)}})
	})
}

func TestIOLimitsOfEveryLevel(t *testing.T) {
	list := func(b *bench) (all []string) {
		var l sample.Limits
		if err := b.source.ReadLimits(context.Background(), &l); err != nil {
			t.Fatal(err)
		}
		for _, e := range l.Entries {
			if strings.HasPrefix(e.Kind, "io.") {
				all = append(all, fmt.Sprintf("%s %g %s %s %s %s %s", e.Kind, e.Value, e.Unit, e.Source, e.Device, e.Cgroup, strings.TrimPrefix(e.File, b.Dir())))
			}
		}
		return all
	}
	b := open(t, machine+mountV2+self("0::/p/l")+blocks("sda 8:0")+
		group(top+"/p", "io.max=8:0 rbps=max wbps=5242880 riops=max wiops=max\n8:16 rbps=max wbps=max riops=100 wiops=max")+
		group(top+"/p/l", "io.max=8:0 rbps=10485760 wbps=max riops=max wiops=500"))
	want := []string{
		"io.rbps 1.048576e+07 By/s cgroup_v2 sda /p/l /sys/fs/cgroup/p/l/io.max",
		"io.wiops 500 {operation}/s cgroup_v2 sda /p/l /sys/fs/cgroup/p/l/io.max",
		"io.wbps 5.24288e+06 By/s cgroup_v2 sda /p /sys/fs/cgroup/p/io.max",
		"io.riops 100 {operation}/s cgroup_v2 8:16 /p /sys/fs/cgroup/p/io.max",
	}
	if got := list(b); !slices.Equal(got, want) {
		t.Errorf("v2: %s", strings.Join(got, "\n"))
	}
	v1 := open(t, machine+mountV1Blkio+self("7:blkio:/a/b")+blocks("sda 8:0")+"-- sys/fs/cgroup/blkio/release_agent --\n"+
		"-- sys/fs/cgroup/blkio/a/b/blkio.throttle.read_bps_device --\n8:0 1000\n-- sys/fs/cgroup/blkio/a/b/blkio.throttle.write_iops_device --\n8:0 0\n"+
		"-- sys/fs/cgroup/blkio/a/blkio.throttle.write_iops_device --\n8:0 20\n")
	want = []string{
		"io.rbps 1000 By/s cgroup_v1 sda /a/b /sys/fs/cgroup/blkio/a/b/blkio.throttle.read_bps_device",
		"io.wiops 20 {operation}/s cgroup_v1 sda /a /sys/fs/cgroup/blkio/a/blkio.throttle.write_iops_device",
	}
	if got := list(v1); !slices.Equal(got, want) {
		t.Errorf("v1: %s", strings.Join(got, "\n"))
	}
}
