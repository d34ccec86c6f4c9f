package engine

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const childEnv = "RESOURCE_MONITOR_TEST_CHILD"

// realInterval is that of the child's source; a change must show within it and realSlack.
const realInterval, realSlack = 100 * time.Millisecond, 250 * time.Millisecond

// reading is what the child saw.
type reading struct {
	Memory, CPU                         uint64 // usage
	Available, Throttled, ThrottledTime uint64
	AvailableCores, Allocations         float64
	MemoryLimit                         sample.Limit[uint64]
	CPULimit                            sample.Limit[float64]
	MemoryError, CPUError               string
	IO                                  disksRead
	Numbers                             map[string]uint64 // on demand: see rawNumbers
}

// TestChild is not a test: it is the process that the tests below put into a
// cgroup of its own. It answers every line on its standard input by a reading.
func TestChild(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		t.Skip("runs only as the child of other tests")
	}
	source, err := New(Config{Interval: realInterval, Containerized: true})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	out := json.NewEncoder(os.NewFile(3, "replies"))
	var hold [][]byte
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		command, arg, _ := strings.Cut(in.Text(), " ")
		n, _ := strconv.Atoi(arg)
		switch command {
		case "hold": // MiB
			b := make([]byte, n*mib)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			hold = append(hold, b)
		case "burn": // milliseconds of CPU time, however long they take on a busy machine
			for end := cpuTime() + time.Duration(n)*time.Millisecond; cpuTime() < end; {
			}
		case "write": // to a device
			if err := writeDirect(arg); err != nil {
				t.Fatal(err)
			}
		}
		var m sample.Memory
		var c sample.CPU
		var d sample.IO
		var r reading
		if command == "allocations" {
			w := direct | wholeMachine | sample.PartUtilization
			r.Allocations = allocations(func() {
				_ = source.ReadMemory(context.Background(), w, &m)
				_ = source.ReadCPU(context.Background(), w, &c)
				_ = source.ReadIO(context.Background(), w, &d)
			})
		}
		if err := source.ReadMemory(context.Background(), direct, &m); err != nil || m.Err != nil {
			r.MemoryError = fmt.Sprint(err, m.Err)
		}
		if err := source.ReadCPU(context.Background(), direct, &c); err != nil || c.Err != nil {
			r.CPUError = fmt.Sprint(err, c.Err)
		}
		r.IO = readDisks(source)
		if command == "numbers" {
			r.Numbers = rawNumbers(t, source)
		}
		r.Memory, r.CPU = m.Cgroup.Usage.Or(0), c.Cgroup.Usage.Or(0)
		r.Available, r.AvailableCores = m.Available.Or(0), c.Available.Or(0)
		r.Throttled, r.ThrottledTime = c.Cgroup.Throttling.Throttled.Or(0), c.Cgroup.Throttling.Time.Or(0)
		r.MemoryLimit, r.CPULimit = m.Limit, c.Limit
		if err := out.Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	_ = hold[:0]
}

func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		panic("getrusage cannot fail")
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// child is a running TestChild.
type child struct {
	t   *testing.T
	pid int
	in  io.Writer
	out *json.Decoder
}

func (c *child) ask(command string) (r reading) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.in, command); err != nil {
		c.t.Fatal(err)
	}
	if err := c.out.Decode(&r); err != nil {
		c.t.Fatalf("the child does not answer: %v", err)
	}
	return r
}

// until asks for readings as long as ok is false, and fails when that takes
// longer than a change may take to show.
func (c *child) until(what string, ok func(reading) bool) {
	c.t.Helper()
	start := time.Now()
	for {
		r := c.ask("read")
		if took := time.Since(start); ok(r) && took <= realInterval+realSlack {
			return
		} else if took > realInterval+realSlack {
			c.t.Fatalf("%s does not show after %v: %+v", what, took, r)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// cgroups are v1 cgroups of one name in the hierarchies that the tests use:
// all of the first four, and of the others those that are v1 hierarchies.
type cgroups struct {
	t    *testing.T
	dirs map[string]string // the test's cgroup, by controller
}

// newCgroups skips where the machine lets nobody make v1 cgroups.
func newCgroups(t *testing.T) *cgroups {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can make cgroups")
	}
	text, err := hostfs.Root{}.ReadFile("/proc/self/mountinfo", 4<<20)
	if err != nil {
		t.Skip(err)
	}
	g := &cgroups{t: t, dirs: map[string]string{}}
	name := fmt.Sprintf("otelresource-test-%d-%s", os.Getpid(), strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")))
	for m := range cgroup.Mounts(text) {
		for _, o := range m.Options {
			if m.Type == "cgroup" && m.Root == "/" {
				switch o {
				case "memory", "cpu", "cpuacct", "cpuset", "blkio", "pids", "hugetlb":
					g.dirs[o] = filepath.Join(m.Point, name)
				}
			}
		}
	}
	for _, controller := range []string{"memory", "cpu", "cpuacct", "cpuset"} {
		if g.dirs[controller] == "" {
			t.Skipf("%s is no v1 hierarchy here: %v", controller, g.dirs)
		}
	}
	g.make("")
	return g
}

// make creates the cgroup called sub below the test's, in every hierarchy.
func (g *cgroups) make(sub string) {
	g.t.Helper()
	for controller, dir := range g.dirs {
		at := filepath.Join(dir, sub)
		if err := os.Mkdir(at, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			g.t.Skipf("cannot make a cgroup: %v", err)
		}
		// Children end first: their cleanups are registered later.
		g.t.Cleanup(func() {
			for range 100 {
				if err := os.Remove(at); err == nil || errors.Is(err, os.ErrNotExist) {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			g.t.Errorf("%s stays behind", at)
		})
		if controller == "cpuset" { // takes nobody before it has CPUs and memory nodes
			mems, err := os.ReadFile(filepath.Join(filepath.Dir(at), "cpuset.mems"))
			if err != nil {
				g.t.Fatal(err)
			}
			g.write("cpuset", sub, "cpuset.cpus", "0")
			g.write("cpuset", sub, "cpuset.mems", strings.TrimSpace(string(mems)))
		}
	}
}

func (g *cgroups) file(controller, sub, name string) string {
	return filepath.Join(g.dirs[controller], sub, name)
}

func (g *cgroups) write(controller, sub, name, text string) {
	g.t.Helper()
	if err := os.WriteFile(g.file(controller, sub, name), []byte(text), 0o644); err != nil {
		g.t.Fatal(err)
	}
}

func (g *cgroups) number(controller, sub, name string) uint64 {
	g.t.Helper()
	b, err := os.ReadFile(g.file(controller, sub, name))
	if err != nil {
		g.t.Fatal(err)
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	if err != nil {
		g.t.Fatal(err)
	}
	return n
}

func (g *cgroups) move(c *child, sub string) {
	g.t.Helper()
	for controller := range g.dirs {
		g.write(controller, sub, "cgroup.procs", strconv.Itoa(c.pid))
	}
}

// start runs a child inside sub.
func (g *cgroups) start(sub string) *child {
	g.t.Helper()
	replies, w, err := os.Pipe()
	if err != nil {
		g.t.Fatal(err)
	}
	// A shell waits until it has been moved and becomes the child then: all of
	// the child's memory is charged to the cgroup.
	exe, err := os.Executable()
	if err != nil {
		g.t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `read go && exec "$0" -test.run='^TestChild$' -test.timeout=5m`, exe)
	cmd.Env = append(os.Environ(), childEnv+"=1", "GORACE=atexit_sleep_ms=0")
	cmd.ExtraFiles = []*os.File{w}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	_ = w.Close()
	g.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = replies.Close()
	})
	c := &child{t: g.t, pid: cmd.Process.Pid, in: in, out: json.NewDecoder(replies)}
	g.move(c, sub)
	if _, err := io.WriteString(in, "go\n"); err != nil {
		g.t.Fatal(err)
	}
	return c
}

func TestRealLimitsUsageAndChanges(t *testing.T) {
	g := newCgroups(t)
	g.make("a")
	g.make("b")
	g.write("memory", "a", "memory.limit_in_bytes", strconv.Itoa(256*mib))
	g.write("cpu", "a", "cpu.cfs_quota_us", "50000")
	c := g.start("a")
	r := c.ask("hold 32")
	if r.MemoryError+r.CPUError != "" {
		t.Fatalf("%+v", r)
	}
	name := "/" + filepath.Base(g.dirs["memory"])
	expect(t, "memory limit", r.MemoryLimit, sample.Limit[uint64]{
		Value: 256 * mib, Source: sample.SourceCgroupV1, Cgroup: name + "/a", File: g.file("memory", "a", "memory.limit_in_bytes"),
	})
	expect(t, "CPU limit", r.CPULimit, sample.Limit[float64]{
		Value: 0.5, Source: sample.SourceCgroupV1, Cgroup: name + "/a", File: g.file("cpu", "a", "cpu.cfs_quota_us"),
	})
	expect(t, "available cores, by the cpuset", r.AvailableCores, 1)
	usage := g.number("memory", "a", "memory.usage_in_bytes")
	if diff := max(usage, r.Memory) - min(usage, r.Memory); r.Memory < 32*mib || diff > max(mib, usage/20) {
		t.Errorf("usage %d, the kernel says %d", r.Memory, usage)
	}
	before := r.CPU
	if r = c.ask("burn 100"); r.CPU < before+90*uint64(time.Millisecond) {
		t.Errorf("CPU time went from %d to %d while it was burnt", before, r.CPU)
	}
	if kernel := g.number("cpuacct", "a", "cpuacct.usage"); r.CPU > kernel || kernel-r.CPU > uint64(time.Second) {
		t.Errorf("CPU time %d, the kernel says %d", r.CPU, kernel)
	}
	if n := c.ask("allocations").Allocations; n > 0 {
		t.Errorf("a reading allocates %v times", n)
	}

	g.write("memory", "a", "memory.limit_in_bytes", strconv.Itoa(512*mib))
	g.write("cpu", "a", "cpu.cfs_quota_us", "80000")
	c.until("a change of the limits", func(r reading) bool {
		return r.MemoryLimit.Value == 512*mib && r.CPULimit.Value == 0.8
	})

	g.write("memory", "b", "memory.limit_in_bytes", strconv.Itoa(128*mib))
	g.write("cpu", "b", "cpu.cfs_quota_us", "70000")
	last := c.ask("read").CPU
	g.move(c, "b")
	c.until("a move", func(r reading) bool {
		if r.CPU < last || r.CPU > last+uint64(5*time.Second) {
			t.Errorf("CPU time jumped from %d to %d", last, r.CPU)
		}
		return r.MemoryLimit.Value == 128*mib && r.MemoryLimit.Cgroup == name+"/b" && r.CPULimit.Value == 0.7
	})
}

func TestRealLimitsOnTheParentOnly(t *testing.T) {
	g := newCgroups(t)
	g.make("leaf")
	g.make("sibling")
	g.write("memory", "", "memory.limit_in_bytes", strconv.Itoa(256*mib))
	g.write("cpu", "", "cpu.cfs_quota_us", "20000")
	c := g.start("leaf")
	r := c.ask("read")
	name := "/" + filepath.Base(g.dirs["memory"])
	expect(t, "memory limit", r.MemoryLimit, sample.Limit[uint64]{
		Value: 256 * mib, Source: sample.SourceCgroupV1, Cgroup: name, File: g.file("memory", "", "memory.limit_in_bytes"),
	})
	expect(t, "CPU limit", r.CPULimit, sample.Limit[float64]{
		Value: 0.2, Source: sample.SourceCgroupV1, Cgroup: name, File: g.file("cpu", "", "cpu.cfs_quota_us"),
	})

	before := c.ask("read")
	g.start("sibling").ask("hold 64")
	after := c.ask("read")
	if after.Available+60*mib > before.Available {
		t.Errorf("available went from %d to %d while a sibling took 64 MiB", before.Available, after.Available)
	}
	if after.Memory > before.Memory+16*mib {
		t.Errorf("the own usage went from %d to %d", before.Memory, after.Memory)
	}

	burnt := c.ask("burn 150")
	if burnt.Throttled <= before.Throttled || burnt.ThrottledTime <= before.ThrottledTime {
		t.Errorf("throttled %d times, %d ns, before %d, %d", burnt.Throttled, burnt.ThrottledTime, before.Throttled, before.ThrottledTime)
	}
}
