package compare

import (
	"context"
	"testing"
	"time"

	prometheus "github.com/prometheus/procfs"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// These compare what the engine makes of the files, not the parsers alone.

var everything = sample.PartCgroup | sample.PartDirect | sample.PartSystem | sample.PartSystemInfo | sample.PartSystemPressure | sample.PartPerCPU | sample.PartUtilization | sample.PartFiles

func source(t *testing.T) engine.Source {
	t.Helper()
	s := must[engine.Source](t)(engine.New(engine.Config{Interval: time.Second}))
	t.Cleanup(s.Close)
	return s
}

func seconds(n sample.OptUint) float64 { return float64(n.Or(0)) / 1e9 }
func micros(n sample.OptUint) float64  { return float64(n.Or(0)) / 1e6 }

func TestEngineMemory(t *testing.T) {
	type memory struct{ total, free, available, swapTotal, swapUsed uint64 }
	s := source(t)
	settled(t, "memory", func() memory {
		v, swap := must[*mem.VirtualMemoryStat](t)(mem.VirtualMemory()), must[*mem.SwapMemoryStat](t)(mem.SwapMemory())
		return memory{v.Total, v.Free, v.Available, swap.Total, swap.Used}
	}, func() memory {
		var m sample.Memory
		check(t, s.ReadMemory(context.Background(), everything, &m))
		g := m.System
		return memory{g.Total.Or(0), g.Free.Or(0), g.Available.Or(0), g.SwapTotal.Or(0), g.SwapUsed.Or(0)}
	})
}

// gopsutil gives page faults in bytes, of pages of 4 KiB; the file counts them.
func TestEngineFaults(t *testing.T) {
	s := source(t)
	faults := func() sample.Faults {
		var p sample.Paging
		check(t, s.ReadPaging(context.Background(), &p))
		return p.Faults
	}
	between(t, "faults", func() float64 {
		return float64(must[*mem.SwapMemoryStat](t)(mem.SwapMemory()).PgFault / 4096)
	}, func() float64 {
		f := faults()
		return float64(f.Minor.Or(0) + f.Major.Or(0))
	})
	between(t, "major faults", func() float64 {
		return float64(must[*mem.SwapMemoryStat](t)(mem.SwapMemory()).PgMajFault / 4096)
	}, func() float64 { return float64(faults().Major.Or(0)) })
}

func TestEngineEachCPU(t *testing.T) {
	s, fs := source(t), host(t)
	read := func() sample.SystemCPU {
		var c sample.CPU
		check(t, s.ReadCPU(context.Background(), everything, &c))
		return c.System
	}
	theirs := must[prometheus.Stat](t)(fs.Stat())
	ours := read()
	if len(ours.PerCPU) != len(theirs.CPU) || ours.Logical.Or(0) != uint64(len(theirs.CPU)) {
		t.Fatalf("%d CPUs, %d online, procfs says %d", len(ours.PerCPU), ours.Logical.Or(0), len(theirs.CPU))
	}
	for i := range ours.PerCPU {
		n := int64(ours.PerCPU[i].Number)
		between(t, "user", func() float64 { return must[prometheus.Stat](t)(fs.Stat()).CPU[n].User },
			func() float64 { return micros(read().PerCPU[i].Times.User) })
		between(t, "system", func() float64 { return must[prometheus.Stat](t)(fs.Stat()).CPU[n].System },
			func() float64 { return micros(read().PerCPU[i].Times.System) })
	}
	up := seconds(read().Uptime)
	booted := float64(time.Now().Unix()) - float64(theirs.BootTime)
	if up < booted-3 || up > booted+3 { // btime goes by the wall clock, in whole seconds
		t.Errorf("up %v s, by btime %v", up, booted)
	}
}

func TestEngineOwnProcess(t *testing.T) {
	s := source(t)
	self := must[prometheus.Proc](t)(host(t).Self())
	read := func() sample.Process {
		var p sample.Process
		check(t, s.ReadProcess(context.Background(), everything, &p))
		return p
	}
	type bytes struct{ read, written uint64 }
	settled(t, "I/O", func() bytes {
		io := must[prometheus.ProcIO](t)(self.IO())
		return bytes{io.ReadBytes, io.WriteBytes}
	}, func() bytes {
		p := read()
		return bytes{p.ReadBytes.Or(0), p.WriteBytes.Or(0)}
	})
	settled(t, "threads", func() uint64 { return uint64(must[prometheus.ProcStat](t)(self.Stat()).NumThreads) },
		func() uint64 { return read().Threads.Or(0) })
	settled(t, "descriptors", func() uint64 { return uint64(must[int](t)(self.FileDescriptorsLen())) },
		func() uint64 { return read().Descriptors.Or(0) })
	between(t, "major faults", func() float64 { return float64(must[prometheus.ProcStat](t)(self.Stat()).MajFlt) },
		func() float64 { return float64(read().Faults.Major.Or(0)) })
	// Theirs is in ticks, of user and system time each.
	before := must[prometheus.ProcStat](t)(self.Stat()).CPUTime()
	p := read()
	got, after := seconds(p.User)+seconds(p.System), must[prometheus.ProcStat](t)(self.Stat()).CPUTime()
	if got < before-0.03 || got > after+0.03 {
		t.Errorf("CPU time %v, procfs says %v before and %v after", got, before, after)
	}
}
