//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// parsing is what our side adds for each CPU, disk and interface.
func parsing() table {
	var stat procfs.Stat
	var disks procfs.Diskstats
	var links procfs.NetDev
	t := table{
		title: "Growth: parsing",
		note:  "Nanoseconds for each item of a made-up text with so many of them that all have counted on, without the pread.",
		head:  []string{"each", "4", "64", "256", "1024"},
	}
	for _, of := range []struct {
		what, head, line string
		parse            func([]byte) error
	}{
		{"CPU of /proc/stat", "cpu  84127 213 40911 9931260 2210 7 1811 302 0 0\n", "cpu%d 8412 21 4091 993126 221 7 181 30 0 0\n",
			func(b []byte) error { return stat.Parse(b, true) }},
		{"disk of /proc/diskstats", "", " 259 %[1]d nvme0n1p%[1]d 91843 1201 993126 51022 83011 40122 8130012 90113 0 71022 141135 0 0 0 0 1022 301\n", disks.Parse},
		{"interface of /proc/net/dev", "Inter-| Receive | Transmit\n face |bytes packets\n",
			"veth%d: 918431120 993126 0 0 0 0 0 0 83011401 813001 0 0 0 0 0 0\n", links.Parse},
	} {
		cells := []string{of.what}
		for _, size := range t.head[1:] {
			n, _ := strconv.Atoi(size)
			text := of.head
			for i := range n {
				text += fmt.Sprintf(of.line, i)
			}
			this, next := []byte(text), []byte(strings.ReplaceAll(text, "993126", "993127"))
			if err := of.parse(this); err != nil {
				return t.failed(fmt.Errorf("%s: %w", of.what, err))
			}
			each := measure.Alone(100, func() {
				_ = of.parse(this)
				this, next = next, this
			}).Nanoseconds / float64(n)
			cells = append(cells, nanoseconds(each))
		}
		t.row(cells...)
	}
	return t
}

// failed shows why there are no rows.
func (t table) failed(err error) table {
	t.row("not here: " + err.Error())
	return t
}

// depth counts files, which are system calls: it needs no real cgroups.
func depth() table {
	t := table{
		title: "Growth: cgroup depth",
		note:  "Files of cgroup v2 that memory, CPU, I/O and tasks read in a round, at so many visible levels with limits on each.",
		head:  []string{"", "1", "5", "10", "32", "for each ancestor"},
	}
	for _, of := range []struct {
		what  string
		parts sample.Parts
	}{
		{"default", sample.PartCgroup | sample.PartTasks}, {"with utilization", sample.PartCgroup | sample.PartTasks | sample.PartUtilization},
	} {
		cells := []string{of.what}
		first, last, levels := 0, 0, 0
		for _, size := range t.head[1 : len(t.head)-1] {
			n, _ := strconv.Atoi(size)
			files, err := filesAt(n, of.parts)
			if err != nil {
				return t.failed(err)
			}
			if levels == 0 {
				first = files
			}
			last, levels = files, n
			cells = append(cells, strconv.Itoa(files))
		}
		t.row(append(cells, strconv.FormatFloat(float64(last-first)/float64(levels-1), 'f', 1, 64))...)
	}
	return t
}

// filesAt reads a made-up root and counts the files that stay open below its /sys/fs/cgroup.
func filesAt(levels int, parts sample.Parts) (n int, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	own := strings.Repeat("/a", levels)
	files := map[string]string{
		"/proc/self/cgroup": "0::" + own + "\n", "/proc/self/mountinfo": "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n",
		"/proc/meminfo": "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB\n", "/sys/devices/system/cpu/online": "0-7\n",
	}
	for at := own; at != "/"; at = path.Dir(at) {
		for name, text := range map[string]string{
			"memory.current": "1000000", "memory.max": "50000000", "memory.high": "max", "memory.peak": "2000000", "memory.swap.current": "0", "memory.swap.max": "max",
			"memory.stat": "anon 1000\nfile 1000\ninactive_file 10", "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0",
			"cpu.max": "100000 100000", "cpu.weight": "100", "cpu.stat": "usage_usec 10\nuser_usec 5\nsystem_usec 5\nnr_periods 1\nnr_throttled 0\nthrottled_usec 0",
			"cpuset.cpus.effective": "0-3", "pids.current": "3", "pids.max": "100", "io.stat": "",
		} {
			files["/sys/fs/cgroup"+at+"/"+name] = text + "\n"
		}
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Join(dir, path.Dir(name)), 0o755); err != nil {
			return 0, err
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return 0, err
		}
	}
	root, err := hostfs.New(dir)
	if err != nil {
		return 0, err
	}
	s, err := engine.New(engine.Config{Root: root, Interval: time.Second, Containerized: true})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := readAll(parts)(s); err != nil {
		return 0, err
	}
	open, err := os.ReadDir("/proc/self/fd")
	for _, e := range open {
		if name, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(name, dir+"/sys/fs/cgroup/") {
			n++
		}
	}
	return n, err
}

// siblings reads beside a thousand real cgroups.
func siblings() table {
	const many = 1000
	t := table{
		title: "Growth: sibling cgroups",
		note:  "Nanoseconds of a reading of the memory collector alone beside its ancestors, and with so many more cgroups in the own one's parent.",
		head:  []string{"", "+0", fmt.Sprintf("+%d", many)},
	}
	own, unified, err := ownCgroup()
	if err != nil {
		return t.failed(err)
	}
	parent := "/sys/fs/cgroup"
	if !unified {
		parent += "/memory"
	}
	parent += path.Dir(own)
	read, err := collectors(readMemory(sample.PartCgroup))
	if err != nil {
		return t.failed(err)
	}
	before := measure.Alone(200, read)
	for i := range many {
		name := fmt.Sprintf("%s/otelresource-bench-%d-%d", parent, os.Getpid(), i)
		if err := os.Mkdir(name, 0o755); err != nil {
			return t.failed(err)
		}
		defer func() { _ = os.Remove(name) }() // as good as it goes: it is empty
	}
	t.row("memory", nanoseconds(before.Nanoseconds), nanoseconds(measure.Alone(200, read).Nanoseconds))
	return t
}
