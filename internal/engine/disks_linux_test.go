package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestNamesOfDisks(t *testing.T) {
	for name, want := range map[string]string{
		"sda1": "sda", "xvda15": "xvda", "nvme0n1p1": "nvme0n1", "mmcblk0p2": "mmcblk0", "md127p1": "md127", "cciss/c0d0p1": "cciss/c0d0",
		"sda": "", "": "", "7": "", "loop0": "loop", "dm-0": "dm-", "sdp1": "sdp", "p1": "p", // of which no disk has the name
	} {
		expect(t, "parent of "+name, parent(name), want)
	}
	for name, want := range map[string]string{
		"nvme0c0n1": "nvme0n1", "nvme12c3n45": "nvme12n45",
		"nvme0n1": "", "nvme0c0": "", "nvme0c0n": "", "nvmec0n1": "", "nvme0c0n1p1": "", "sda": "", "": "",
	} {
		got, ok := multipathHead(name)
		expect(t, "head of "+name, got, want)
		expect(t, name+" is a path", ok, want != "")
	}
}

// Devices that lie on each other in a circle, which no kernel has, end the
// walk, and each counts as lying on the other.
func TestACircleOfDisksEnds(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("dm-0 253:0 dm-1", "dm-1 253:1 dm-0 dm-2", "dm-2 253:2 dm-2")+
		"-- proc/diskstats --\n"+diskstats("253:0 dm-0 1 1", "253:1 dm-1 1 1", "253:2 dm-2 2 2"))
	expect(t, "disks", numbers(&b.io().System), "total 1024/1024")
}

// Readers that give up hold no look back: the next one goes on where it was.
func TestALookGoesOnWithTheNextReader(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/")+blocks("sda 8:0", "sdb 8:16", "dm-0 253:0 sda sdb"))
	topology := &b.source.(*linux).io.topology
	var p kernfs.Pass
	look := &sysfsLook{names: []string{"dm-0", "sda", "sdb"}}
	topology.unfinished = look
	for n := range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		p.Begin(ctx, b.now)
		cancel()
		topology.look(&p)
		expect(t, "generation", topology.generation, 0)
		expect(t, "devices", len(look.devices), n)
		look.devices = append(look.devices, readDevice(b.Hostfs(), look.names[n]))
	}
	p.Begin(t.Context(), b.now)
	topology.look(&p)
	expect(t, "generation", topology.generation, 1)
	expect(t, "below dm-0", len(indexOf(topology.blocks).byName["dm-0"].below), 2)
}

func TestSysfsOfAnyContent(t *testing.T) {
	for i, archive := range []string{
		"-- sys/class/block --\na file\n",
		"-- sys/class/block/sda --\na file\n",
		"-- sys/class/block/sda/dev --\nnot a number\n",
		"-- sys/class/block/sda/dev --\n8:99999999999999\n",
		"-- sys/class/block/sda -> sda --\n",
		"-- sys/class/block/sda -> ../../nowhere --\n",
		"-- sys/class/block/sda/slaves --\na file\n-- sys/class/block/sda/dev --\n8:0\n",
		"-- sys/class/block/sda/partition --\n1\n-- sys/class/block/sda/dev --\n8:0\n",
	} {
		b := open(t, machine+mountV2+self("0::/")+archive+"-- proc/diskstats --\n"+diskstats("8:0 sda 1 1", "8:1 sda1 1 1"))
		expect(t, fmt.Sprintf("archive %d", i), numbers(&b.io().System), "total 512/512")
	}
}

// A steady reading asks each kernel file once, diskstats by the page until nothing comes, and sysfs not at all.
func TestSystemCallsOfADiskReading(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "memory.max=1048576", "io.stat=8:0 rbytes=1 wbytes=1", "io.pressure=some avg10=0.00 avg60=0.00 avg300=0.00 total=0")+
		blocks("sda 8:0")+"-- proc/diskstats --\n"+diskstats("8:0 sda 1 1")+"-- proc/pressure/io --\nsome avg10=0.00 avg60=0.00 avg300=0.00 total=0\n")
	calls := func() int {
		b.memory() // asks where the process is
		var n int
		l := b.source.(*linux)
		if err := l.pass(t.Context(), &l.io.gate, func(p *round) error {
			err := l.io.read(p, b.want, new(sample.IO))
			n = p.SystemCalls()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	calls()
	expect(t, "own cgroup", calls(), 2) // io.stat, io.pressure
	b.want |= wholeMachine
	calls()
	expect(t, "and the machine", calls(), 5) // and pressure/io, diskstats twice
	looked := b.source.(*linux).io.topology.generation
	b.after(relook - time.Second)
	calls()
	expect(t, "looks at sysfs", b.source.(*linux).io.topology.generation, looked)
}
