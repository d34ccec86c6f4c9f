//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	api "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/observe"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func floors() group {
	g := group{
		title: "Whole collectors against a raw pread of the same files",
		note: "The floor opens the same files once and reads them with pread into one buffer. Ours includes the parsers, the policy, " +
			"and in each round the look at /proc/self/cgroup, which is due every 250 ms at most. What is no file, such as sched_getaffinity(2) and the netlink " +
			"dump, is called by both. The network's rounds lie 10 ms apart: what it looks for once in a second, ten or sixty is mostly " +
			"not in it. Published: through the getters of a Monitor that caches nothing, mostly without the look at /proc/self/cgroup. " +
			"Down to its points: the callbacks of Start without options, of the machine alone, with the points that they hand to the SDK.",
	}
	own := sample.PartCgroup
	for _, c := range []struct {
		what   string
		read   func() (func(), error)
		seldom []string // files that the floor leaves out
		calls  []func()
	}{
		{"memory", fromEngine(func() reading { return readMemory(own) }), nil, nil},
		{"CPU", fromEngine(func() reading { return readCPU(own) }), nil, []func(){affinity}},
		{"I/O", fromEngine(func() reading { return readIO(own) }), nil, nil},
		{"network", often(readNetwork), nil, []func(){dump}},
		{"paging", fromEngine(readPaging), nil, nil},
		{"process", fromEngine(func() reading { return readProcess(sample.PartFiles) }), nil, []func(){usage, folderSize, sinceBoot}},
		{"memory, CPU, I/O", fromEngine(func() reading { return readAll(own) }), nil, []func(){affinity}},
		{"memory, CPU, I/O, published", getters, []string{"/cgroup", "/uptime"}, []func(){affinity}},
		{"memory, CPU, I/O with everything on", fromEngine(func() reading { return readAll(everything) }), nil, []func(){affinity}},
	} {
		g.comparisons = append(g.comparisons, comparison{
			what: c.what, floor: true, ours: side{"ours", c.read}, other: raw(c.read, c.seldom, c.calls),
		})
	}
	g.comparisons = append(g.comparisons, comparison{
		what: "the default set, down to its points", floor: true, ours: side{"ours", callbacks}, other: side{"pread", defaultSet},
	})
	return g
}

// reading is one round of a source.
type reading func(engine.Source) error

func fromEngine(read func() reading) func() (func(), error) {
	return func() (func(), error) { return collectors(read()) }
}

// often is a round that has little besides.
func often(read func() reading) func() (func(), error) {
	return func() (func(), error) { return collectorsOf(machineItself, 10*time.Millisecond, read()) }
}

// getters is a round through a Monitor, which publishes what it reads.
func getters() (func(), error) {
	m, err := monitor(false)
	if err != nil {
		return nil, err
	}
	return must(func() (struct{}, error) {
		_, err := m.GetMemoryStats(background)
		_, err2 := m.GetCPUStats(background)
		_, err3 := m.GetIOStats(background)
		return struct{}{}, errors.Join(err, err2, err3)
	})
}

// callbacks is a round of the callbacks of Start without options, down to the
// points that they observe. All are due in each round: a snapshot is as old as
// it may be when the next collector has been read.
func callbacks() (func(), error) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval = 20 * time.Microsecond
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err != nil {
		return nil, err
	}
	var p taken
	i, err := otelresource.Start(otelresource.WithMonitor(m), otelresource.WithMeterProvider(&p))
	if err != nil {
		return nil, err
	}
	if scopes := i.Scopes(); !slices.Equal(scopes, []otelresource.Scope{otelresource.ScopeSystem}) {
		return nil, fmt.Errorf("the scopes are %v; the floor is of the machine alone", scopes)
	}
	var points []observe.Point
	return func() {
		points = points[:0]
		for _, t := range p.tables {
			points = t.Append(background, points)
		}
	}, nil
}

// taken takes what is registered; no SDK stands in between.
type taken struct {
	noop.MeterProvider
	tables []observe.Table
}

var _ observe.Taker = (*taken)(nil)

func (p *taken) Take(_, _ string, all []observe.Table) api.Registration {
	p.tables = all
	return noop.Registration{}
}

// defaultSet is what the kernel answers in a round of callbacks, of the machine alone.
func defaultSet() (func(), error) {
	floor, err := measure.NewFloor("/proc/meminfo", "/proc/vmstat", "/proc/stat", "/sys/devices/system/cpu/online", "/proc/uptime",
		"/proc/diskstats", "/proc/pressure/memory", "/proc/pressure/cpu", "/proc/pressure/io")
	if err != nil {
		return nil, err
	}
	return func() {
		floor.Read()
		dump()
		namespace()
	}, nil
}

// raw reads the files that read keeps open, but for some, and makes the calls.
func raw(read func() (func(), error), seldom []string, calls []func()) side {
	return side{"pread", func() (func(), error) {
		var err error
		floor, err2 := measure.FloorOf(func() {
			var f func()
			if f, err = read(); err == nil {
				f()
			}
		}, seldom...)
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		return func() {
			floor.Read()
			for _, call := range calls {
				call()
			}
		}, nil
	}}
}

// The calls of the collectors that read no file.
var (
	cpus   unix.CPUSet
	rusage unix.Rusage
	folder = sync.OnceValue(func() int {
		fd, err := unix.Open("/proc/self/fd", unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			panic(err)
		}
		return fd
	})
)

// rawLinks is a netlink socket of our own.
type rawLinks struct {
	fd       int
	datagram [32 << 10]byte
}

func dialRaw() (*rawLinks, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	return &rawLinks{fd: fd}, err
}

// dumpRequest asks for 64-bit counters of all interfaces: struct nlmsghdr and
// struct if_stats_msg (linux/rtnetlink.h).
var dumpRequest = func() []byte {
	b := make([]byte, unix.SizeofNlMsghdr+12)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], unix.RTM_GETSTATS)
	binary.NativeEndian.PutUint16(b[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(b[len(b)-4:], 1) // IFLA_STATS_LINK_64
	return b
}()

// dump asks for the counters and takes nothing out of the answer.
func (r *rawLinks) dump() {
	if _, err := unix.Write(r.fd, dumpRequest); err != nil {
		panic(err)
	}
	for {
		n, err := unix.Read(r.fd, r.datagram[:])
		if err != nil {
			panic(err)
		}
		for b := r.datagram[:n]; len(b) >= unix.SizeofNlMsghdr; {
			if binary.NativeEndian.Uint16(b[4:]) == unix.NLMSG_DONE {
				return
			}
			b = b[min(len(b), int(binary.NativeEndian.Uint32(b)+3)&^3):]
		}
	}
}

var ownLinks = sync.OnceValue(func() *rawLinks {
	r, err := dialRaw()
	if err != nil {
		panic(err)
	}
	return r
})

func dump() { ownLinks().dump() }

// namespaceLink is the link itself, not the namespace that it leads to.
var namespaceLink = sync.OnceValue(func() int {
	fd, err := unix.Open("/proc/self/ns/net", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		panic(err)
	}
	return fd
})

var linkTo [64]byte

func namespace() { _, _ = unix.Readlinkat(namespaceLink(), "", linkTo[:]) }
func affinity()  { _ = unix.SchedGetaffinity(os.Getpid(), &cpus) }
func usage()     { _ = unix.Getrusage(unix.RUSAGE_SELF, &rusage) }

func folderSize() {
	var st unix.Stat_t
	_ = unix.Fstat(folder(), &st)
}

func sinceBoot() {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
}
