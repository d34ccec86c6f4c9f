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
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The parts of a round that read cgroups, without and with what WithUtilization adds.
const (
	plainCgroup = sample.PartCgroup | sample.PartTasks
	usedCgroup  = plainCgroup | sample.PartUtilization
)

// depth counts files, which are system calls, and compares times: that needs no real cgroups.
func depth() table {
	depths := []int{1, 5, 10, 32}
	t := table{
		title: "Growth: cgroup depth",
		note: "Files of cgroup v2 that memory, CPU, I/O and tasks read in a round, at so many visible levels with limits on each, and the time of " +
			"the round over that of the preads of the same files. They are made-up files on a disk, which cost less than the kernel's: over real cgroups the ratio is nearer to 1.",
		head: columns("", depths, "for each ancestor"),
	}
	for _, of := range []struct {
		what  string
		parts sample.Parts
	}{
		{"default", plainCgroup}, {"with utilization", usedCgroup},
	} {
		files, ratios := []string{of.what}, []string{"its time"}
		var counts []int
		for _, levels := range depths {
			n, ratio, err := atDepth(levels, of.parts)
			if err != nil {
				return t.failed(err)
			}
			counts = append(counts, n)
			files, ratios = append(files, strconv.Itoa(n)), append(ratios, fmt.Sprintf("%.2f x", ratio))
		}
		t.row(append(files, fmt.Sprintf("%.1f", perItem(float64(counts[len(counts)-1]-counts[0]), depths)))...)
		t.row(append(ratios, "")...)
	}
	return t
}

// atDepth reads a made-up machine: the files below its /sys/fs/cgroup that stay
// open, and the time of a round over the preads.
func atDepth(levels int, parts sample.Parts) (files int, ratio float64, err error) {
	dir, err := deepMachine(levels)
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err != nil {
		return 0, 0, err
	}
	root, err := hostfs.New(dir)
	if err != nil {
		return 0, 0, err
	}
	var read func()
	floor, err := measure.FloorOf(func() {
		read, err = collectorsOf(engine.Config{Root: root, Containerized: true}, time.Second, readAll(parts))
	})
	if err != nil {
		return 0, 0, err
	}
	for _, name := range floor.Names {
		if strings.HasPrefix(name, dir+"/sys/fs/cgroup/") {
			files++
		}
	}
	return files, 1 / measure.Pair(60, read, floor.Read).Ratio, nil
}

// deepMachine has limits on every level, and this process in the deepest.
func deepMachine(levels int) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "bench"); err != nil {
		return "", err
	}
	const pressure = "some avg10=0.00 avg60=0.00 avg300=0.00 total=4711\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=42"
	own := strings.Repeat("/a", levels)
	files := map[string]string{
		"/proc/self/cgroup": "0::" + own, "/proc/self/mountinfo": "30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw",
		"/proc/meminfo": "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB", "/sys/devices/system/cpu/online": "0-7",
	}
	for at := own; at != "/"; at = path.Dir(at) {
		for name, text := range map[string]string{
			"memory.current": "1000000", "memory.max": "50000000", "memory.high": "max", "memory.peak": "2000000", "memory.swap.current": "0", "memory.swap.max": "max",
			"memory.stat": "anon 1000\nfile 1000\ninactive_file 10", "memory.events": "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0",
			"cpu.max": "100000 100000", "cpu.weight": "100", "cpu.stat": "usage_usec 10\nuser_usec 5\nsystem_usec 5\nnr_periods 1\nnr_throttled 0\nthrottled_usec 0",
			"cpuset.cpus.effective": "0-3", "pids.current": "3", "pids.max": "100", "io.stat": "",
			"memory.pressure": pressure, "cpu.pressure": pressure, "io.pressure": pressure,
		} {
			files["/sys/fs/cgroup"+at+"/"+name] = text
		}
	}
	return dir, writeFiles(dir, files)
}

// writeFiles writes texts, each with a newline at its end, below dir.
func writeFiles(dir string, texts map[string]string) error {
	for name, text := range texts {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			return err
		}
	}
	return nil
}
