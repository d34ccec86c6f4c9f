//go:build linux

package guest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

const cgroupRoot = "/sys/fs/cgroup"

// shell runs a script: what it prints is a witness that shares no code with
// the library.
func shell(t *testing.T, script string) string {
	t.Helper()
	output, err := exec.Command("/bin/sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", script, err, output)
	}
	return strings.TrimSpace(string(output))
}

// key is the number after a word in a kernel file of "word number" lines; the
// key "" is that of a file with one number.
func key(t *testing.T, name, key string) float64 {
	t.Helper()
	fields := strings.Fields(shell(t, "cat "+name))
	if key == "" && len(fields) == 1 {
		return parse(t, fields[0])
	}
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == key {
			return parse(t, fields[i+1])
		}
	}
	t.Fatalf("%s has no %q", name, key)
	return 0
}

func parse(t *testing.T, s string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// memTotal is the machine's memory in bytes.
func memTotal(t *testing.T) float64 {
	t.Helper()
	return parse(t, shell(t, "awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo"))
}

// group is a cgroup of the test's own: one folder on v2, one for each
// controller on v1.
type group struct {
	t    *testing.T
	path string // below the mount, as /proc/self/cgroup names it
	dirs map[string]string
}

// controllers are those of v1 by the names of v2.
var controllers = map[string]string{"memory": "memory", "cpu": "cpu,cpuacct", "pids": "pids", "cpuset": "cpuset", "io": "blkio"}

func unified() bool { return mode() == "v2" }

// source is how the library must name the limits of this machine's cgroups.
func source() string {
	if unified() {
		return "cgroup_v2"
	}
	return "cgroup_v1"
}

// newGroup makes a cgroup whose children may have limits. It goes with the test.
func newGroup(t *testing.T, path string) *group {
	t.Helper()
	g := &group{t: t, path: path, dirs: map[string]string{}}
	for v2, v1 := range controllers {
		if unified() {
			g.dirs[v2] = cgroupRoot + path
		} else if _, err := os.Stat(cgroupRoot + "/" + v1); err == nil {
			g.dirs[v2] = cgroupRoot + "/" + v1 + path
		}
	}
	for controller, dir := range g.dirs {
		parent := dir[:strings.LastIndexByte(dir, '/')]
		if unified() {
			// Best effort, one by one: a kernel may lack one.
			shell(t, "for c in memory cpu pids cpuset io; do echo +$c >"+parent+"/cgroup.subtree_control || true; done 2>/dev/null")
		}
		shell(t, "mkdir -p "+dir)
		t.Cleanup(func() { _ = exec.Command("/bin/sh", "-c", "rmdir "+dir+" 2>/dev/null").Run() })
		if controller == "cpuset" && !unified() {
			// A v1 cpuset takes no process before it has CPUs and memory nodes.
			for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
				shell(t, fmt.Sprintf("cat %s/%s >%s/%s", parent, file, dir, file))
			}
		}
		if controller == "memory" && !unified() {
			shell(t, "echo 1 >"+dir+"/memory.use_hierarchy 2>/dev/null || true") // the default since 5.11
		}
		if unified() {
			break // one folder for all
		}
	}
	return g
}

// file is one of the cgroup's, by its names on v2 and v1.
func (g *group) file(controller, v2, v1 string) string {
	if unified() {
		return g.dirs[controller] + "/" + v2
	}
	return g.dirs[controller] + "/" + v1
}

func (g *group) write(name, value string) {
	g.t.Helper()
	shell(g.t, fmt.Sprintf("echo '%s' >%s", value, name))
}

// setMemory sets the limit in bytes; -1 is none.
func (g *group) setMemory(bytes int) {
	g.t.Helper()
	value := strconv.Itoa(bytes)
	if bytes < 0 && unified() {
		value = "max"
	}
	g.write(g.memoryFile(), value)
}

func (g *group) memoryFile() string { return g.file("memory", "memory.max", "memory.limit_in_bytes") }

// setQuota sets the CPUs' limit; 0 is none.
func (g *group) setQuota(cores float64) {
	g.t.Helper()
	quota := strconv.Itoa(int(cores * 100_000))
	switch {
	case unified() && cores == 0:
		g.write(g.quotaFile(), "max 100000")
	case unified():
		g.write(g.quotaFile(), quota+" 100000")
	case cores == 0:
		g.write(g.quotaFile(), "-1")
	default:
		g.write(g.quotaFile(), quota)
	}
}

func (g *group) quotaFile() string { return g.file("cpu", "cpu.max", "cpu.cfs_quota_us") }

// probe starts the probe inside the cgroup, by another command where given.
func (g *group) probe(by ...string) *client {
	g.t.Helper()
	command := strings.Join(by, " ") + file("probe")
	c, err := start(g.t, "/bin/sh", append([]string{"-c", `probe=$1; shift; for d; do echo $$ >$d/cgroup.procs; done; exec $probe`, "sh", command}, g.folders()...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	return c
}

// move brings the probe here.
func (g *group) move(c *client) {
	g.t.Helper()
	for _, dir := range g.folders() {
		shell(g.t, fmt.Sprintf("echo %d >%s/cgroup.procs", c.pid, dir))
	}
}

func (g *group) folders() []string {
	var all []string
	for _, dir := range g.dirs {
		all = append(all, dir)
		if unified() {
			break // one folder for all
		}
	}
	return all
}

// cpuSeconds is what the cgroup has used.
func (g *group) cpuSeconds() float64 {
	g.t.Helper()
	if unified() {
		return key(g.t, g.dirs["cpu"]+"/cpu.stat", "usage_usec") / 1e6
	}
	return key(g.t, g.dirs["cpu"]+"/cpuacct.usage", "") / 1e9
}

func (g *group) throttled() (periods, throttled float64) {
	g.t.Helper()
	name := g.dirs["cpu"] + "/cpu.stat"
	return key(g.t, name, "nr_periods"), key(g.t, name, "nr_throttled")
}

// anonymous is the anonymous memory of the cgroup and its children.
func (g *group) anonymous() float64 {
	g.t.Helper()
	name := g.dirs["memory"] + "/memory.stat"
	if unified() {
		return key(g.t, name, "anon")
	}
	return key(g.t, name, "total_rss")
}
