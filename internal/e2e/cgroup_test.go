//go:build linux

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// testCgroup is a fresh cgroup with a memory and a CPU limit: one folder on
// v2, one per controller on v1.
type testCgroup struct {
	version int // 1 or 2, of the memory and the cpu controller
	memory  string
	cpu     string
	cpuacct string
}

// cpuPeriod is the kernel's default, in microseconds.
const cpuPeriod = 100_000

var errNoHierarchy = errors.New("no cgroup hierarchy with the memory and the cpu controller is mounted")

// newCgroup makes a cgroup below the test's own. It is removed when the test
// ends, with whatever process is left in it.
func newCgroup(t *testing.T, memoryLimit int64, cores float64) (*testCgroup, error) {
	t.Helper()
	self, err := selfCgroups()
	if err != nil {
		return nil, err
	}
	g := &testCgroup{}
	t.Cleanup(func() {
		if err := g.remove(); err != nil {
			t.Errorf("removing the cgroup: %v", err)
		}
	})
	name := fmt.Sprintf("otelresource-e2e-%d", os.Getpid())
	if self.v1["memory"] != "" && self.v1["cpu"] != "" && self.v1["cpuacct"] != "" {
		err = g.makeV1(self, name)
	} else {
		err = g.makeV2(t, self, name)
	}
	if err != nil {
		return nil, err
	}
	if err := g.setMemoryLimit(memoryLimit); err != nil {
		return nil, err
	}
	return g, g.setCPULimit(cores)
}

func (g *testCgroup) makeV1(self cgroupFolders, name string) error {
	g.version = 1
	for controller, folder := range map[string]*string{"memory": &g.memory, "cpu": &g.cpu, "cpuacct": &g.cpuacct} {
		path := filepath.Join(self.v1[controller], name)
		// cpu and cpuacct are often one hierarchy, so the folder may be there.
		if err := os.Mkdir(path, 0o755); err != nil && !(errors.Is(err, fs.ErrExist) && slices.Contains(g.folders(), path)) {
			return err
		}
		*folder = path
	}
	return nil
}

// makeV2 climbs from the test's own cgroup to the first one whose children may
// have both controllers: a cgroup that holds processes cannot give them.
func (g *testCgroup) makeV2(t *testing.T, self cgroupFolders, name string) error {
	if self.v2 == "" {
		return errNoHierarchy
	}
	g.version = 2
	var reasons []error
	for parent := self.v2; ; parent = filepath.Dir(parent) {
		err := enableControllers(t, parent)
		if err == nil {
			err = os.Mkdir(filepath.Join(parent, name), 0o755)
		}
		if err == nil {
			path := filepath.Join(parent, name)
			g.memory, g.cpu, g.cpuacct = path, path, path
			return nil
		}
		reasons = append(reasons, err)
		if parent == self.v2Mount {
			return errors.Join(reasons...)
		}
	}
}

// enableControllers gives the children of a v2 cgroup memory and cpu, and takes
// back at the end of the test what it has changed.
func enableControllers(t *testing.T, parent string) error {
	file := filepath.Join(parent, "cgroup.subtree_control")
	enabled, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	for _, controller := range []string{"memory", "cpu"} {
		if slices.Contains(strings.Fields(string(enabled)), controller) {
			continue
		}
		if err := write(file, "+"+controller); err != nil {
			return err
		}
		t.Cleanup(func() {
			if err := write(file, "-"+controller); err != nil {
				t.Logf("restoring %s: %v", file, err)
			}
		})
	}
	return nil
}

func (g *testCgroup) setMemoryLimit(bytes int64) error {
	name := "memory.max"
	if g.version == 1 {
		name = "memory.limit_in_bytes"
	}
	return write(filepath.Join(g.memory, name), strconv.FormatInt(bytes, 10))
}

func (g *testCgroup) setCPULimit(cores float64) error {
	quota := int(cores * cpuPeriod)
	if g.version == 2 {
		return write(filepath.Join(g.cpu, "cpu.max"), fmt.Sprintf("%d %d", quota, cpuPeriod))
	}
	if err := write(filepath.Join(g.cpu, "cpu.cfs_period_us"), strconv.Itoa(cpuPeriod)); err != nil {
		return err
	}
	return write(filepath.Join(g.cpu, "cpu.cfs_quota_us"), strconv.Itoa(quota))
}

// memoryUsage reads what the kernel charges to the cgroup, in bytes.
func (g *testCgroup) memoryUsage() (float64, error) {
	name := "memory.current"
	if g.version == 1 {
		name = "memory.usage_in_bytes"
	}
	return readNumber(filepath.Join(g.memory, name))
}

// cpuTime reads the CPU time that the cgroup has used, in seconds.
func (g *testCgroup) cpuTime() (float64, error) {
	if g.version == 1 {
		ns, err := readNumber(filepath.Join(g.cpuacct, "cpuacct.usage"))
		return ns / 1e9, err
	}
	us, err := readField(filepath.Join(g.cpu, "cpu.stat"), "usage_usec")
	return us / 1e6, err
}

// throttledPeriods reads in how many periods the cgroup was throttled.
func (g *testCgroup) throttledPeriods() (float64, error) {
	return readField(filepath.Join(g.cpu, "cpu.stat"), "nr_throttled")
}

// folders lists the cgroup's folders without repetition.
func (g *testCgroup) folders() []string {
	var folders []string
	for _, f := range []string{g.memory, g.cpu, g.cpuacct} {
		if f != "" && !slices.Contains(folders, f) {
			folders = append(folders, f)
		}
	}
	return folders
}

// remove kills what is left in the cgroup and removes its folders. Only
// processes that this test started can be in it.
func (g *testCgroup) remove() error {
	var failures []error
	for _, folder := range g.folders() {
		deadline := time.Now().Add(10 * time.Second)
		for {
			err := syscall.Rmdir(folder)
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				break
			}
			if time.Now().After(deadline) {
				failures = append(failures, fmt.Errorf("rmdir %s: %w", folder, err))
				break
			}
			pids, _ := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
			for _, field := range strings.Fields(string(pids)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 1 {
					_ = syscall.Kill(pid, syscall.SIGKILL)
				}
			}
			// A dead process leaves its cgroup a moment after it was reaped.
			time.Sleep(20 * time.Millisecond)
		}
	}
	return errors.Join(failures...)
}

// cgroupFolders are the folders of the test's own cgroup.
type cgroupFolders struct {
	v1      map[string]string // by controller
	v2      string
	v2Mount string // where v2 climbs no further
}

// selfCgroups joins /proc/self/cgroup with the mounts that show it.
func selfCgroups() (cgroupFolders, error) {
	folders := cgroupFolders{v1: map[string]string{}}
	membership, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return folders, err
	}
	paths := map[string]string{} // by controller; "" is v2
	for line := range strings.Lines(string(membership)) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			paths[controller] = parts[2]
		}
	}

	mountinfo, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return folders, err
	}
	defer mountinfo.Close()
	scanner := bufio.NewScanner(mountinfo)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		mount, fsys, ok := strings.Cut(scanner.Text(), " - ")
		left, right := strings.Fields(mount), strings.Fields(fsys)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		root, point := left[3], left[4]
		switch right[0] {
		case "cgroup2":
			folders.v2, folders.v2Mount = below(point, root, paths[""]), point
		case "cgroup":
			for controller := range strings.SplitSeq(right[2], ",") {
				if path, ok := paths[controller]; ok {
					folders.v1[controller] = below(point, root, path)
				}
			}
		}
	}
	return folders, scanner.Err()
}

// below finds a cgroup under a mount that shows the hierarchy from root on. A
// cgroup outside of what is mounted is replaced by the mount itself.
func below(point, root, path string) string {
	rel, err := filepath.Rel(root, path)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return point
	}
	return filepath.Join(point, rel)
}

// reading is a value of a kernel file and the time in which it was read.
type reading struct {
	began, ended time.Time
	value        float64
}

// record reads a kernel file every few milliseconds until ctx ends, so that a
// point can be held against the file as it was when the point was made. The
// returned function waits for the end and hands over the readings.
func record(ctx context.Context, read func() (float64, error)) func() ([]reading, error) {
	var readings []reading
	var failure error
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			began := time.Now()
			value, err := read()
			if err != nil {
				failure = err
				return
			}
			readings = append(readings, reading{began, time.Now(), value})
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
		}
	}()
	return func() ([]reading, error) {
		<-done
		return readings, failure
	}
}

// extremes gives the smallest and the largest value that a file can have held
// from one moment to another. The last reading before that time and the first
// one after it count as well: the file may have changed right after the one,
// and right before the other.
func extremes(readings []reading, from, to time.Time) (low, high float64, ok bool) {
	first := sort.Search(len(readings), func(i int) bool { return readings[i].ended.After(from) })
	last := sort.Search(len(readings), func(i int) bool { return readings[i].began.After(to) })
	if last == 0 || first == len(readings) {
		return 0, 0, false
	}
	around := readings[max(first-1, 0):min(last+1, len(readings))]
	low, high = around[0].value, around[0].value
	for _, r := range around {
		low, high = min(low, r.value), max(high, r.value)
	}
	return low, high, true
}

func write(file, value string) error {
	return os.WriteFile(file, []byte(value), 0)
}

func readNumber(file string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSpace(string(b)), 64)
}

// readField reads one "name value" line of a file such as cpu.stat, or one
// "Name: value kB" line of /proc/meminfo.
func readField(file, name string) (float64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == name {
			return strconv.ParseFloat(fields[1], 64)
		}
	}
	return 0, fmt.Errorf("%s: no field %s", file, name)
}
