package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// diskBench is a machine whose disks are read once a second.
type diskBench struct{ *bench }

func openDisks(t *testing.T) *diskBench {
	b := &diskBench{open(t, machine+mountV2+self("0::/")+blocks("sda 8:0")+"-- proc/diskstats --\n")}
	b.want = sample.PartSystem | sample.PartDevices
	return b
}

// setDisk makes sysfs show a disk; without diskseq before Linux 5.15.
func (b *diskBench) setDisk(name, number, seq string) {
	dir := "sys/devices/x/" + name
	b.Write(dir+"/dev", number+"\n")
	if seq != "" {
		b.Write(dir+"/diskseq", seq+"\n")
	}
	if _, err := b.Hostfs().Readlink("/sys/class/block/" + name); err != nil {
		b.Symlink("../../"+strings.TrimPrefix(dir, "sys/"), "sys/class/block/"+name)
	}
}

// read reads lines as diskstats takes them, beside a disk that stays, and
// returns what was written, in units of 512 bytes, to the disk of a name and in all.
func (b *diskBench) read(name string, lines ...string) (disk, total sample.OptUint) {
	b.t.Helper()
	b.after(time.Second)
	b.Write("proc/diskstats", diskstats(append([]string{"8:0 sda 0 1000"}, lines...)...))
	s := b.io()
	units := func(d *sample.Disk) sample.OptUint {
		n, ok := d.Write.Bytes.Get()
		if !ok {
			return none
		}
		return some(n / 512)
	}
	for i := range s.System.Devices {
		if d := &s.System.Devices[i]; d.Name == name {
			disk = units(d)
		}
	}
	return disk, units(&s.System.Total)
}

// The series of a disk is that of its name: another disk under the name
// continues it, and what the disk counted before is not added.
func TestAnotherDiskOfTheSameNameContinuesItsSeries(t *testing.T) {
	type step struct {
		number, seq string // of nvme1n1; "" if it is not there
		written     uint64
		disk, total uint64
	}
	for name, steps := range map[string][]step{
		"another number, counted less":                      {{"259:4", "", 500, 500, 1500}, {"259:5", "", 5, 500, 1500}, {"259:5", "", 9, 504, 1504}},
		"another number, counted more":                      {{"259:4", "", 500, 500, 1500}, {"259:5", "", 9000, 500, 1500}, {"259:5", "", 9004, 504, 1504}},
		"another number, counted as much":                   {{"259:4", "", 500, 500, 1500}, {"259:5", "", 500, 500, 1500}, {"259:5", "", 504, 504, 1504}},
		"another number and diskseq":                        {{"259:4", "7", 500, 500, 1500}, {"259:5", "8", 9000, 500, 1500}, {"259:5", "8", 9004, 504, 1504}},
		"another number after being away":                   {{"259:4", "7", 500, 500, 1500}, {"", "", 0, 0, 1500}, {"259:5", "8", 9000, 500, 1500}, {"259:5", "8", 9004, 504, 1504}},
		"another number, and the first one again":           {{"259:4", "7", 500, 500, 1500}, {"259:5", "8", 5, 500, 1500}, {"259:4", "9", 7000, 500, 1500}, {"259:4", "9", 7001, 501, 1501}},
		"another diskseq after being away, counted less":    {{"259:4", "7", 500, 500, 1500}, {"", "", 0, 0, 1500}, {"259:4", "8", 5, 500, 1500}, {"259:4", "8", 9, 504, 1504}},
		"another diskseq after being away, counted more":    {{"259:4", "7", 500, 500, 1500}, {"", "", 0, 0, 1500}, {"259:4", "8", 9000, 500, 1500}, {"259:4", "8", 9004, 504, 1504}},
		"the same disk after being away":                    {{"259:4", "7", 500, 500, 1500}, {"", "", 0, 0, 1500}, {"259:4", "7", 520, 520, 1520}, {"259:4", "7", 521, 521, 1521}},
		"the same disk after being away, by number":         {{"259:4", "", 500, 500, 1500}, {"", "", 0, 0, 1500}, {"259:4", "", 520, 520, 1520}},
		"the same disk, which the driver started anew":      {{"259:4", "7", 500, 500, 1500}, {"259:4", "7", 5, 500, 1500}, {"259:4", "7", 9, 504, 1504}},
		"the same disk, whose count was torn for a reading": {{"259:4", "7", 500, 500, 1500}, {"259:4", "7", 5, 500, 1500}, {"259:4", "7", 510, 510, 1510}},
		"a disk that did nothing, and another one":          {{"259:4", "7", 0, 0, 1000}, {"", "", 0, 0, 1000}, {"259:4", "8", 9000, 0, 1000}, {"259:4", "8", 9004, 4, 1004}},
		"a disk that did nothing, and another number":       {{"259:4", "7", 0, 0, 1000}, {"259:5", "8", 9000, 0, 1000}, {"259:5", "8", 9004, 4, 1004}},
	} {
		t.Run(name, func(t *testing.T) {
			b := openDisks(t)
			for i, s := range steps {
				var lines []string
				want := none
				if s.number != "" {
					b.setDisk("nvme1n1", s.number, s.seq)
					lines, want = append(lines, fmt.Sprintf("%s nvme1n1 0 %d", s.number, s.written)), some(s.disk)
				}
				disk, total := b.read("nvme1n1", lines...)
				expect(t, fmt.Sprintf("step %d: disk", i), disk, want)
				expect(t, fmt.Sprintf("step %d: total", i), total, some(s.total))
			}
		})
	}
}

// io.stat has numbers and no names. A disk that is given the number of one that
// left has a series of its own, and all that the cgroup used of it is new.
func TestANumberThatAnotherDiskOfTheCgroupTakes(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "io.stat="))
	b.want = sample.PartCgroup | sample.PartDevices
	d := &diskBench{b}
	read := func(stat string) string {
		b.Write(top+"/a/io.stat", stat+"\n")
		b.after(time.Second)
		s := b.io()
		return numbers(&s.Cgroup)
	}
	d.setDisk("sda", "8:0", "1")
	d.setDisk("nvme1n1", "259:4", "7")
	expect(t, "at first", read("8:0 rbytes=10 wbytes=10\n259:4 rbytes=500 wbytes=50"), "total 510/60, sda 10/10, nvme1n1 500/50")
	expect(t, "one left", read("8:0 rbytes=10 wbytes=10"), "total 510/60, sda 10/10")
	b.Remove("sys/class/block/nvme1n1")
	b.Remove("sys/devices/x/nvme1n1")
	d.setDisk("nvme2n1", "259:4", "8")
	expect(t, "another one", read("8:0 rbytes=10 wbytes=10\n259:4 rbytes=30 wbytes=3"), "total 540/63, sda 10/10, nvme2n1 30/3")
	expect(t, "and on", read("8:0 rbytes=10 wbytes=10\n259:4 rbytes=31 wbytes=3"), "total 541/63, sda 10/10, nvme2n1 31/3")
	d.setDisk("nvme1n1", "259:5", "9")
	expect(t, "the first name", read("8:0 rbytes=10 wbytes=10\n259:4 rbytes=31 wbytes=3\n259:5 rbytes=4 wbytes=4"),
		"total 541/63, sda 10/10, nvme2n1 31/3, nvme1n1 500/50")
	expect(t, "continues", read("8:0 rbytes=10 wbytes=10\n259:4 rbytes=31 wbytes=3\n259:5 rbytes=6 wbytes=4"),
		"total 543/63, sda 10/10, nvme2n1 31/3, nvme1n1 502/50")
}

// A disk that appears later shows what the kernel counted, and the total counts from its first reading.
func TestADiskThatAppearsCountsInTheTotalFromItsFirstReading(t *testing.T) {
	b := openDisks(t)
	b.read("")
	b.setDisk("sdb", "8:16", "9")
	disk, total := b.read("sdb", "8:16 sdb 0 7000")
	expect(t, "disk", disk, some(7000))
	expect(t, "total", total, some(1000))
	disk, total = b.read("sdb", "8:16 sdb 0 7004")
	expect(t, "disk", disk, some(7004))
	expect(t, "total", total, some(1004))
}

// A partition has no diskseq: that of its disk tells it from another one.
func TestAPartitionOfAnotherDiskCountsAnew(t *testing.T) {
	b := openDisks(t)
	b.setDisk("sdb", "8:16", "7")
	b.Write("sys/devices/x/sdb/sdb1/dev", "8:17\n")
	b.Symlink("../../devices/x/sdb/sdb1", "sys/class/block/sdb1")
	disk, _ := b.read("sdb1", "8:16 sdb 0 500", "8:17 sdb1 0 400")
	expect(t, "at first", disk, some(400))
	b.read("sdb1")
	b.setDisk("sdb", "8:16", "8")
	disk, total := b.read("sdb1", "8:16 sdb 0 900", "8:17 sdb1 0 800")
	expect(t, "of another disk", disk, some(400))
	expect(t, "total", total, some(1500))
	b.read("sdb1")
	disk, total = b.read("sdb1", "8:16 sdb 0 950", "8:17 sdb1 0 850")
	expect(t, "of the same disk", disk, some(450))
	expect(t, "total of the same disk", total, some(1550))
}

// Two disks that swap their numbers keep their series, which go by name.
func TestDisksThatSwapTheirNumbersKeepTheirSeries(t *testing.T) {
	b := openDisks(t)
	b.setDisk("nvme0n1", "259:0", "1")
	b.setDisk("nvme1n1", "259:1", "2")
	b.read("nvme0n1", "259:0 nvme0n1 0 100", "259:1 nvme1n1 0 5000")
	b.setDisk("nvme0n1", "259:1", "3")
	b.setDisk("nvme1n1", "259:0", "4")
	lines := []string{"259:1 nvme0n1 0 7000", "259:0 nvme1n1 0 3"}
	first, total := b.read("nvme0n1", lines...)
	expect(t, "nvme0n1", first, some(100))
	expect(t, "total", total, some(6100))
	second, total := b.read("nvme1n1", "259:1 nvme0n1 0 7001", "259:0 nvme1n1 0 5")
	expect(t, "nvme1n1", second, some(5002))
	expect(t, "total", total, some(6103))
}

// A kernel that lost count of the requests in progress prints a negative number
// as 32 bits without sign.
func TestRequestsInProgressOfAKernelThatLostCountAreAbsent(t *testing.T) {
	const lost = 1<<32 - 1
	for _, c := range []struct {
		sda, sdb        uint64
		one, two, total sample.OptUint
	}{
		{2, 3, some(2), some(3), some(5)},
		{0, 0, some(0), some(0), some(0)},
		{2, lost, some(2), none, none}, // a sum without one of the disks is not the machine's
		{lost, 3, none, some(3), none},
		{lost, lost, none, none, none},
		{1<<31 - 1, 1, some(1<<31 - 1), some(1), some(1 << 31)},
		{1 << 31, 1, none, some(1), none},
	} {
		b := openDisks(t)
		b.setDisk("sdb", "8:16", "")
		line := " 1 0 2 3 2 0 4 4 %d 5 6\n"
		b.Write("proc/diskstats", fmt.Sprintf("8 0 sda"+line+"8 16 sdb"+line, c.sda, c.sdb))
		what := fmt.Sprintf("in progress %d and %d: ", c.sda, c.sdb)
		for range 2 {
			s := b.io().System
			expect(t, what+"sda", s.Devices[0].InProgress, c.one)
			expect(t, what+"sdb", s.Devices[1].InProgress, c.two)
			expect(t, what+"total", s.Total.InProgress, c.total)
			expect(t, what+"bytes written", s.Total.Write.Bytes, some(8*512)) // which are not touched
		}
		b.Write("proc/diskstats", fmt.Sprintf("8 0 sda"+line+"8 16 sdb"+line, 1, 1))
		expect(t, what+"then one each", b.io().System.Total.InProgress, some(2))
	}
}

// A disk that is not in the total takes nothing from it.
func TestRequestsInProgressOfAPartitionAreNotInTheTotal(t *testing.T) {
	b := openDisks(t)
	b.Write("sys/devices/x/sda/sda1/dev", "8:1\n")
	b.Symlink("../../devices/x/sda/sda1", "sys/class/block/sda1")
	b.Write("proc/diskstats", "8 0 sda 1 0 2 3 2 0 4 4 7 5 6\n8 1 sda1 1 0 2 3 2 0 4 4 4294967295 5 6\n")
	s := b.io().System
	expect(t, "sda", s.Devices[0].InProgress, some(7))
	expect(t, "sda1", s.Devices[1].InProgress, none)
	expect(t, "total", s.Total.InProgress, some(7))
}

func TestANumberThatAnotherDiskTakesBetweenTwoReadings(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "io.stat="))
	b.want = sample.PartCgroup | sample.PartDevices
	d := &diskBench{b}
	read := func(stat string) string {
		b.Write(top+"/a/io.stat", stat+"\n")
		b.after(2 * time.Minute)
		return numbers(&b.io().Cgroup)
	}
	d.setDisk("nvme1n1", "259:4", "7")
	read("259:4 rbytes=500 wbytes=50")
	b.Remove("sys/class/block/nvme1n1")
	b.Remove("sys/devices/x/nvme1n1")
	d.setDisk("nvme2n1", "259:4", "8")
	expect(t, "another one", read("259:4 rbytes=30 wbytes=3"), "total 530/53, nvme2n1 30/3")
	expect(t, "and on", read("259:4 rbytes=900 wbytes=90"), "total 1400/140, nvme2n1 900/90")
}
