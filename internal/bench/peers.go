//go:build linux

package main

import (
	"errors"
	"os"
	"strings"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	osstatcpu "github.com/mackerelio/go-osstat/cpu"
	osstatdisk "github.com/mackerelio/go-osstat/disk"
	osstatmemory "github.com/mackerelio/go-osstat/memory"
	osstatnetwork "github.com/mackerelio/go-osstat/network"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"
	prometheus "github.com/prometheus/procfs"
	"github.com/prometheus/procfs/blockdevice"
	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/net"
	"github.com/shirou/gopsutil/v4/process"

	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func gopsutil[T any](f func() (T, error)) side {
	return side{"gopsutil", func() (func(), error) { return must(f) }}
}

func osstat[T any](f func() (T, error)) side {
	return side{"go-osstat", func() (func(), error) { return must(f) }}
}

// onProcfs gives prometheus/procfs its file system first.
func onProcfs[T any](f func(prometheus.FS) (T, error)) side {
	return side{"procfs", func() (func(), error) {
		proc, err := prometheus.NewDefaultFS()
		if err != nil {
			return nil, err
		}
		return must(func() (T, error) { return f(proc) })
	}}
}

func ofProcess[T any](f func(*process.Process) (T, error)) side {
	return side{"gopsutil", func() (func(), error) {
		p, err := process.NewProcess(int32(os.Getpid()))
		if err != nil {
			return nil, err
		}
		return must(func() (T, error) { return f(p) })
	}}
}

func ofSelf[T any](f func(prometheus.Proc) (T, error)) side {
	return side{"procfs", func() (func(), error) {
		p, err := prometheus.Self()
		if err != nil {
			return nil, err
		}
		return must(func() (T, error) { return f(p) })
	}}
}

// pread is what the kernel takes for a file.
func pread(name string) side {
	return side{"pread", func() (func(), error) {
		f, err := measure.NewFloor(name)
		if err != nil {
			return nil, err
		}
		return f.Read, nil
	}}
}

func statistics() group {
	against := func(what string, ours side, peers ...side) (all []comparison) {
		for _, p := range peers {
			all = append(all, comparison{what: what, ours: ours, other: p})
		}
		return all
	}
	alone := func(what, name string, peer side) []comparison {
		return []comparison{{what: what, ours: pread(name), other: peer, aside: true}}
	}
	g := group{title: "The same statistic by other libraries", note: "Both read one statistic and parse it; nothing is cached. The pread alone shows how far ahead the kernel lets anybody come."}
	for _, c := range [][]comparison{
		against("memory", meminfo(), gopsutil(mem.VirtualMemory),
			onProcfs(func(f prometheus.FS) (prometheus.Meminfo, error) { return f.Meminfo() }), osstat(osstatmemory.Get)),
		alone("memory, the pread alone", "/proc/meminfo", osstat(osstatmemory.Get)),
		against("CPU, total", stat(false), gopsutil(func() ([]cpu.TimesStat, error) { return cpu.Times(false) }),
			onProcfs(func(f prometheus.FS) (prometheus.Stat, error) { return f.Stat() }), osstat(osstatcpu.Get)),
		against("CPU, each", stat(true), gopsutil(func() ([]cpu.TimesStat, error) { return cpu.Times(true) })),
		against("disks", diskstats(), gopsutil(func() (map[string]disk.IOCountersStat, error) { return disk.IOCounters() }),
			side{"procfs", func() (func(), error) {
				b, err := blockdevice.NewDefaultFS()
				if err != nil {
					return nil, err
				}
				return must(b.ProcDiskstats)
			}}, osstat(osstatdisk.Get)),
		alone("disks, the pread alone", "/proc/diskstats", osstat(osstatdisk.Get)),
		against("network (netlink)", links(), gopsutil(func() ([]net.IOCountersStat, error) { return net.IOCounters(true) }),
			onProcfs(func(f prometheus.FS) (prometheus.NetDev, error) { return f.NetDev() }), osstat(osstatnetwork.Get)),
		against("network (/proc/net/dev)", netdev("/proc/self/net/dev"), gopsutil(func() ([]net.IOCountersStat, error) { return net.IOCounters(true) })),
		against("pressure", pressure(),
			onProcfs(func(f prometheus.FS) (prometheus.PSIStats, error) { return f.PSIStatsForResource("memory") })),
		against("process memory", statm(), ofProcess((*process.Process).MemoryInfo), ofSelf(prometheus.Proc.NewStatus)),
		against("process CPU", getrusage(), ofProcess((*process.Process).Times), ofSelf(prometheus.Proc.Stat)),
		against("process I/O", selfIO(), ofProcess((*process.Process).IOCounters), ofSelf(prometheus.Proc.IO)),
	} {
		g.comparisons = append(g.comparisons, c...)
	}
	return g
}

func cgroupLibraries() group {
	g := group{
		title: "The memory controller by cgroup libraries",
		note: "Ours reads every visible ancestor, events, pressure and /proc/meminfo besides. The libraries read the own cgroup's " +
			"memory files alone, containerd of every controller on v2.",
	}
	ours := side{"ours", fromEngine(func() reading { return readMemory(sample.PartCgroup) })}
	for _, other := range []side{containerd(), opencontainers()} {
		g.comparisons = append(g.comparisons, comparison{what: "cgroup memory", ours: ours, other: other})
	}
	return g
}

// ownCgroup returns where the memory controller has this process, and whether that is v2.
func ownCgroup() (path string, unified bool, err error) {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return "", false, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) < 3 || fields[2] == "/" {
			continue
		}
		if fields[1] == "memory" {
			return fields[2], false, nil
		}
		if fields[0] == "0" {
			if _, err := os.Stat("/sys/fs/cgroup" + fields[2] + "/memory.current"); err == nil {
				return fields[2], true, nil
			}
		}
	}
	return "", false, errors.New("this process is in no memory cgroup of its own")
}

func containerd() side {
	return side{"containerd/cgroups", func() (func(), error) {
		path, unified, err := ownCgroup()
		if err != nil {
			return nil, err
		}
		if unified {
			m, err := cgroup2.Load(path)
			if err != nil {
				return nil, err
			}
			return must(func() (any, error) { return m.Stat() })
		}
		memory := cgroup1.NewMemory("/sys/fs/cgroup")
		c, err := cgroup1.Load(cgroup1.StaticPath(path), cgroup1.WithHierarchy(func() ([]cgroup1.Subsystem, error) {
			return []cgroup1.Subsystem{memory}, nil
		}))
		if err != nil {
			return nil, err
		}
		return must(func() (any, error) { return c.Stat(cgroup1.IgnoreNotExist) })
	}}
}

func opencontainers() side {
	return side{"opencontainers/cgroups", func() (func(), error) {
		path, unified, err := ownCgroup()
		if err != nil {
			return nil, err
		}
		if unified {
			m, err := fs2.NewManager(&cgroups.Cgroup{Resources: &cgroups.Resources{}}, "/sys/fs/cgroup"+path)
			if err != nil {
				return nil, err
			}
			return must(m.GetStats)
		}
		var g fs.MemoryGroup
		stats := cgroups.NewStats()
		return must(func() (struct{}, error) {
			*stats = *cgroups.NewStats()
			return struct{}{}, g.GetStats("/sys/fs/cgroup/memory"+path, stats)
		})
	}}
}
