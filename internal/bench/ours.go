//go:build linux

package main

import (
	"cmp"
	"context"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

var background = context.Background()

// file is one statistic as the collectors read it: a kept file and its parser.
func file(name string, parse func(f *kernfs.File, p *kernfs.Pass) error) side {
	return side{"ours", func() (func(), error) {
		root, err := hostfs.New("")
		if err != nil {
			return nil, err
		}
		opener := &kernfs.Opener{Root: root}
		f, p := opener.File(name), new(kernfs.Pass)
		p.Begin(background, time.Now())
		return must(func() (struct{}, error) { return struct{}{}, parse(&f, p) })
	}}
}

// whole parses a file that one pread returns.
func whole(name string, parse func(b []byte) error) side {
	return file(name, func(f *kernfs.File, p *kernfs.Pass) error {
		b, err := f.Read(p)
		if err != nil {
			return err
		}
		return parse(b)
	})
}

func meminfo() side {
	var m procfs.Meminfo
	var l kernfs.Layout
	return whole("/proc/meminfo", func(b []byte) error { return m.ParseAs(&l, b) })
}

func stat(perCPU bool) side {
	var s procfs.Stat
	return whole("/proc/stat", func(b []byte) error { return s.Parse(b, perCPU) })
}

func diskstats() side {
	var d procfs.Diskstats
	return file("/proc/diskstats", func(f *kernfs.File, p *kernfs.Pass) error {
		b, err := f.ReadRecords(p)
		if err != nil {
			return err
		}
		return d.Parse(b)
	})
}

func netdev(name string) side {
	var d procfs.NetDev
	return file(name, func(f *kernfs.File, p *kernfs.Pass) error {
		b, err := f.ReadRecords(p)
		if err != nil {
			return err
		}
		return d.Parse(b)
	})
}

func links() side {
	return side{"ours", func() (func(), error) {
		c, err := netlink.Dial()
		if err != nil {
			return nil, err
		}
		var stats []netlink.LinkStats
		var scratch []byte
		return must(func() (struct{}, error) {
			var err error
			stats, err = c.Stats(stats[:0], &scratch)
			return struct{}{}, err
		})
	}}
}

func pressure() side {
	var s procfs.Pressure
	return whole("/proc/pressure/memory", func(b []byte) error { return s.Parse(b) })
}

func statm() side {
	var s procfs.SelfStatm
	return whole("/proc/self/statm", func(b []byte) error { return s.Parse(b, 4096) })
}

func selfIO() side {
	var s procfs.SelfIO
	var l kernfs.Layout
	return whole("/proc/self/io", func(b []byte) error { return s.ParseAs(&l, b) })
}

func getrusage() side {
	return side{"ours", func() (func(), error) {
		var u unix.Rusage
		return must(func() (struct{}, error) { return struct{}{}, unix.Getrusage(unix.RUSAGE_SELF, &u) })
	}}
}

// collectors reads the machine itself. Its clock steps by the interval with each
// round: a round does all that is due once in an interval. It is short, so that what is due
// once in a minute is in few of them.
func collectors(read reading) (func(), error) {
	c := machineItself
	c.Interval = 100 * time.Millisecond
	return collectorsOf(c, c.Interval, read)
}

var machineItself = engine.Config{CgroupPaths: []string{"/sys/fs/cgroup", "/proc/cgroups", "/proc/self/cgroup"}}

// collectorsOf is a source of its own, with a clock that steps with each round.
func collectorsOf(c engine.Config, step time.Duration, read reading) (func(), error) {
	now := time.Now()
	c.Interval, c.Now = cmp.Or(c.Interval, time.Second), func() time.Time { return now }
	s, err := engine.New(c)
	if err != nil {
		return nil, err
	}
	return must(func() (struct{}, error) {
		now = now.Add(step)
		return struct{}{}, read(s)
	})
}

// everything is all that costs extra.
var everything = sample.PartCgroup | sample.PartDirect | sample.PartSystem | sample.PartSystemInfo | sample.PartSystemPressure | sample.PartTasks | sample.PartUtilization | sample.PartDevices

func readMemory(w sample.Parts) reading {
	m := new(sample.Memory)
	return func(s engine.Source) error { return s.ReadMemory(background, w, m) }
}

func readPaging() reading {
	p := new(sample.Paging)
	return func(s engine.Source) error { return s.ReadPaging(background, p) }
}

func readCPU(w sample.Parts) reading {
	c := new(sample.CPU)
	return func(s engine.Source) error { return s.ReadCPU(background, w, c) }
}

func readNetwork() reading {
	n := new(sample.Network)
	return func(s engine.Source) error { return s.ReadNetwork(background, 0, n) }
}

func readIO(w sample.Parts) reading {
	c := new(sample.IO)
	return func(s engine.Source) error { return s.ReadIO(background, w, c) }
}

func readProcess(w sample.Parts) reading {
	c := new(sample.Process)
	return func(s engine.Source) error { return s.ReadProcess(background, w, c) }
}

func readAll(w sample.Parts) reading {
	all := []reading{readMemory(w), readCPU(w), readIO(w)}
	return func(s engine.Source) error {
		for _, read := range all {
			if err := read(s); err != nil {
				return err
			}
		}
		return nil
	}
}
