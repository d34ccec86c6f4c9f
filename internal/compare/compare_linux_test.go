package compare

import (
	"errors"
	"os"
	"runtime"
	"slices"
	"testing"

	prometheus "github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"

	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

// settled reads theirs, ours and theirs again until theirs was the same before
// and after: then ours, of a moment between, has to be equal.
func settled[T comparable](t *testing.T, what string, theirs, ours func() T) {
	t.Helper()
	for range 500 {
		before := theirs()
		got := ours()
		if before != theirs() {
			continue
		}
		if got != before {
			t.Errorf("%s: %+v, they say %+v", what, got, before)
		}
		return
	}
	t.Skipf("%s: never stood still for two readings", what)
}

// between is settled for a counter that does not stand still.
func between(t *testing.T, what string, theirs func() float64, ours func() float64) {
	t.Helper()
	before, got, after := theirs(), ours(), theirs()
	const tick = 0.01 // they divide to seconds: a rounding more or less
	if got < before-tick/2 || got > after+tick/2 {
		t.Errorf("%s: %v, they say %v before and %v after", what, got, before, after)
	}
}

func text(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Skip(err)
	}
	return b
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func host(t *testing.T) prometheus.FS { return must[prometheus.FS](t)(prometheus.NewFS("/proc")) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMeminfo(t *testing.T) {
	type memory struct{ total, free, available, buffers, swapTotal, swapFree uint64 }
	ours := func() memory {
		var m procfs.Meminfo
		check(t, m.Parse(text(t, "/proc/meminfo")))
		return memory{
			m.MemTotal.Or(0), m.MemFree.Or(0), m.MemAvailable.Or(0), m.Buffers.Or(0),
			m.SwapTotal.Or(0), m.SwapFree.Or(0),
		}
	}
	fs := host(t)
	settled(t, "procfs", func() memory {
		m := must[prometheus.Meminfo](t)(fs.Meminfo())
		return memory{
			*m.MemTotalBytes, *m.MemFreeBytes, *m.MemAvailableBytes, *m.BuffersBytes,
			*m.SwapTotalBytes, *m.SwapFreeBytes,
		}
	}, ours)
	settled(t, "gopsutil", func() memory {
		m := must[*mem.VirtualMemoryStat](t)(mem.VirtualMemory())
		return memory{m.Total, m.Free, m.Available, m.Buffers, m.SwapTotal, m.SwapFree}
	}, ours)
}

func TestCPUTimes(t *testing.T) {
	var s procfs.Stat
	fs := host(t)
	seconds := func(read func() (uint64, bool)) func() float64 {
		return func() float64 {
			check(t, s.Parse(text(t, "/proc/stat"), true))
			n, _ := read()
			return float64(n) / 1e6 // microseconds
		}
	}
	for name, mode := range map[string]struct {
		prometheus func(*prometheus.CPUStat) float64
		gopsutil   func(*cpu.TimesStat) float64
		ours       func() (uint64, bool)
	}{
		// All three leave guest time inside user; that the contrib host
		// instrumentation adds it again is R16a, TestR16aGuestIsInsideUser.
		"user":    {func(c *prometheus.CPUStat) float64 { return c.User }, func(c *cpu.TimesStat) float64 { return c.User }, func() (uint64, bool) { return s.Total.User.Get() }},
		"nice":    {func(c *prometheus.CPUStat) float64 { return c.Nice }, func(c *cpu.TimesStat) float64 { return c.Nice }, func() (uint64, bool) { return s.Total.Nice.Get() }},
		"system":  {func(c *prometheus.CPUStat) float64 { return c.System }, func(c *cpu.TimesStat) float64 { return c.System }, func() (uint64, bool) { return s.Total.System.Get() }},
		"irq":     {func(c *prometheus.CPUStat) float64 { return c.IRQ }, func(c *cpu.TimesStat) float64 { return c.Irq }, func() (uint64, bool) { return s.Total.IRQ.Get() }},
		"softirq": {func(c *prometheus.CPUStat) float64 { return c.SoftIRQ }, func(c *cpu.TimesStat) float64 { return c.Softirq }, func() (uint64, bool) { return s.Total.SoftIRQ.Get() }},
		"steal":   {func(c *prometheus.CPUStat) float64 { return c.Steal }, func(c *cpu.TimesStat) float64 { return c.Steal }, func() (uint64, bool) { return s.Total.Steal.Get() }},
	} {
		between(t, "procfs, "+name, func() float64 {
			all := must[prometheus.Stat](t)(fs.Stat())
			return mode.prometheus(&all.CPUTotal)
		}, seconds(mode.ours))
		between(t, "gopsutil, "+name, func() float64 {
			all := must[[]cpu.TimesStat](t)(cpu.Times(false))
			return mode.gopsutil(&all[0])
		}, seconds(mode.ours))
	}
	all := must[prometheus.Stat](t)(fs.Stat())
	check(t, s.Parse(text(t, "/proc/stat"), true))
	if len(all.CPU) != len(s.CPUs) {
		t.Errorf("%d CPUs, procfs says %d", len(s.CPUs), len(all.CPU))
	}
}

func TestPressure(t *testing.T) {
	fs := host(t)
	for _, resource := range []string{"memory", "cpu", "io"} {
		var p procfs.Pressure
		for which, read := range map[string]struct {
			theirs func(prometheus.PSIStats) *prometheus.PSILine
			ours   func() uint64
		}{
			"some": {func(s prometheus.PSIStats) *prometheus.PSILine { return s.Some }, func() uint64 { v, _ := p.Some.Get(); return v.Total }},
			"full": {func(s prometheus.PSIStats) *prometheus.PSILine { return s.Full }, func() uint64 { v, _ := p.Full.Get(); return v.Total }},
		} {
			between(t, resource+", "+which, func() float64 {
				_ = text(t, "/proc/pressure/"+resource) // skips where there is none
				s, err := fs.PSIStatsForResource(resource)
				check(t, err)
				if read.theirs(s) == nil {
					return 0
				}
				return float64(read.theirs(s).Total)
			}, func() float64 {
				check(t, p.Parse(text(t, "/proc/pressure/"+resource)))
				return float64(read.ours())
			})
		}
	}
}

func TestDiskstats(t *testing.T) {
	fs := must[blockdevice.FS](t)(blockdevice.NewFS("/proc", "/sys"))
	var d procfs.Diskstats
	settled(t, "disks", func() int { return len(must[[]blockdevice.Diskstats](t)(fs.ProcDiskstats())) }, func() int {
		check(t, d.Parse(text(t, "/proc/diskstats")))
		return len(d.Disks)
	})
	if len(d.Disks) == 0 {
		t.Skip("this machine has no block devices")
	}
	for i := range d.Disks {
		type disk struct{ reads, readBytes, writes, writeBytes, merged, milliseconds uint64 }
		t.Run(d.Disks[i].Name, func(t *testing.T) {
			settled(t, "counters", func() disk {
				s := must[[]blockdevice.Diskstats](t)(fs.ProcDiskstats())[i]
				return disk{s.ReadIOs, s.ReadSectors * 512, s.WriteIOs, s.WriteSectors * 512, s.WriteMerges, s.IOsTotalTicks}
			}, func() disk {
				check(t, d.Parse(text(t, "/proc/diskstats")))
				o := d.Disks[i]
				return disk{o.Read.Operations, o.Read.Bytes, o.Write.Operations, o.Write.Bytes, o.Write.Merged, o.IOTime / 1e6}
			})
		})
	}
}

func TestNetDev(t *testing.T) {
	self := must[prometheus.Proc](t)(host(t).Self())
	var d procfs.NetDev
	settled(t, "interfaces", func() int { return len(must[prometheus.NetDev](t)(self.NetDev())) }, func() int {
		check(t, d.Parse(text(t, "/proc/self/net/dev")))
		return len(d.Interfaces)
	})
	for i := range d.Interfaces {
		name := d.Interfaces[i].Name
		t.Run(name, func(t *testing.T) {
			settled(t, "counters", func() prometheus.NetDevLine {
				return must[prometheus.NetDev](t)(self.NetDev())[name]
			}, func() prometheus.NetDevLine {
				check(t, d.Parse(text(t, "/proc/self/net/dev")))
				return prometheus.NetDevLine(d.Interfaces[i])
			})
		})
	}
}

// What netlink says is what /proc/net/dev says, as gopsutil reads it.
func TestNetlink(t *testing.T) {
	runtime.LockOSThread() // the socket is of the thread's namespace, the file of the process's
	defer runtime.UnlockOSThread()
	c, err := netlink.Dial()
	if errors.Is(err, netlink.ErrUnsupported) {
		t.Skip(err)
	}
	check(t, err)
	defer c.Close()
	var scratch []byte
	all, err := c.Stats(nil, &scratch)
	if errors.Is(err, netlink.ErrUnsupported) {
		t.Skip(err)
	}
	settled(t, "interfaces", func() int { return len(must[[]net.IOCountersStat](t)(net.IOCounters(true))) }, func() int {
		all, err = c.Stats(all[:0], &scratch)
		check(t, err)
		return len(all)
	})
	for i := range all {
		name, err := c.Name(all[i].Index)
		check(t, err)
		t.Run(name, func(t *testing.T) {
			settled(t, "counters", func() net.IOCountersStat {
				for _, s := range must[[]net.IOCountersStat](t)(net.IOCounters(true)) {
					if s.Name == name {
						s.Fifoin, s.Fifoout = 0, 0
						return s
					}
				}
				t.Fatalf("gopsutil has no %s", name)
				return net.IOCountersStat{}
			}, func() net.IOCountersStat {
				all, err = c.Stats(all[:0], &scratch)
				check(t, err)
				s := all[slices.IndexFunc(all, func(s netlink.LinkStats) bool { n, _ := c.Name(s.Index); return n == name })]
				return net.IOCountersStat{
					Name: name, BytesRecv: s.RxBytes, PacketsRecv: s.RxPackets, Errin: s.RxErrors, Dropin: s.RxDrop(),
					BytesSent: s.TxBytes, PacketsSent: s.TxPackets, Errout: s.TxErrors, Dropout: s.TxDropped,
				}
			})
		})
	}
}

func TestOwnProcess(t *testing.T) {
	self := must[prometheus.Proc](t)(host(t).Self())
	var stat procfs.SelfStat
	check(t, stat.Parse(text(t, "/proc/self/stat")))
	theirs := must[prometheus.ProcStat](t)(self.Stat())
	if got := stat.StartTime / 10_000_000; got != theirs.Starttime {
		t.Errorf("start %d ticks, procfs says %d", got, theirs.Starttime)
	}
	var status procfs.SelfStatus
	check(t, status.Parse(text(t, "/proc/self/status")))
	if n := len(must[prometheus.ProcStatus](t)(self.NewStatus()).NSpids); n != status.PIDNamespaces {
		t.Errorf("%d PID namespaces, procfs says %d", status.PIDNamespaces, n)
	}
	settled(t, "memory", func() uint64 {
		return must[prometheus.ProcStatm](t)(self.Statm()).Size * uint64(os.Getpagesize())
	}, func() uint64 {
		var m procfs.SelfStatm
		check(t, m.Parse(text(t, "/proc/self/statm"), uint64(os.Getpagesize())))
		return m.Size
	})
}
