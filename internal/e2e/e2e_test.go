//go:build linux

package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	scopeName = "github.com/cboxdk/resource-monitor/otelresource"

	memoryLimit  = 256 << 20
	resizedLimit = 320 << 20
	cpuLimit     = 0.5 // small enough for the burner to be throttled
	exportEvery  = 500 * time.Millisecond
	freshness    = 1250 * time.Millisecond // UpdateInterval and 250 ms

	serviceName = "checkout"
	// The detector knows the first of these keys in a container, the second in
	// a VM: what the user says of them must win.
	resourceAttributes = "container.runtime.name=of-the-user,host.virtualization.type=of-the-user,deployment.environment.name=e2e"
)

// observation is all that one run of the quickstart left behind.
type observation struct {
	points     []point
	prometheus string // the Prometheus exporter's page

	// The cgroup the quickstart ran in, or nil, and its files over time.
	cgroup                         *testCgroup
	memoryUsage, cpuTime, throttle []reading
	machineTime, memAvailable      []reading // of the machine, in seconds and bytes

	burnBegan, burnEnded      time.Time
	burnt                     time.Duration
	resizeBegan, resizeEnded  time.Time
	interrupted               time.Time
	memTotal, onlineProcessor float64
}

// TestQuickstart runs the quickstart against the Collector and holds what
// arrived against the published table of metrics and the kernel.
func TestQuickstart(t *testing.T) {
	ctx := deadline(t)
	collectorProgram := buildCollector(ctx, t)
	quickstart := build(ctx, t, "quickstart", checkout(t), "./examples/quickstart")
	o := observe(ctx, t, collectorProgram, quickstart)
	if t.Failed() {
		return
	}
	t.Run("contract", o.checkContract)
	t.Run("series", o.checkSeries)
	t.Run("resource", o.checkResource)
	t.Run("prometheus", o.checkPrometheus)
	t.Run("machine", o.checkMachine)
	for name, check := range map[string]func(*testing.T){
		"limits":  o.checkLimits,
		"memory":  o.checkMemory,
		"cputime": o.checkCPU,
	} {
		t.Run(name, func(t *testing.T) {
			if o.cgroup == nil {
				t.Skip("needs a cgroup of its own")
			}
			check(t)
		})
	}
}

// deadline ends with the test's time limit, early enough to clean up, and on
// the signals that would end the test without any cleaning.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if end, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end.Add(-30*time.Second), errors.New("the test's time limit is near"))
		t.Cleanup(cancel)
	}
	return ctx
}

// observe runs the pipeline once, from the start of the Collector to its end.
func observe(ctx context.Context, t *testing.T, collectorProgram, quickstart string) *observation {
	t.Helper()
	o := &observation{}
	o.readMachine(t)
	c := startCollector(ctx, t, collectorProgram)
	o.cgroup = limitedCgroup(t)
	holdMemory(t, o.cgroup)

	recording, stopRecording := context.WithCancel(ctx)
	defer stopRecording()
	records := o.record(recording)

	program := start(t, "quickstart", helper(helperExec, o.cgroup, environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + c.otlp,
		"OTEL_METRIC_EXPORT_INTERVAL": fmt.Sprint(exportEvery.Milliseconds()),
		"OTEL_SERVICE_NAME":           serviceName,
		"OTEL_RESOURCE_ATTRIBUTES":    resourceAttributes,
	}), quickstart))
	// exportedAfter waits for an export later than moment with a point of the
	// metric: one export may lack it, where the refresh took too long.
	exportedAfter := func(moment time.Time, metric string, running ...*process) {
		t.Helper()
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		poll(ctx, t, "an export of "+metric, func() (bool, error) {
			points, err := readPoints(c.file)
			if errors.Is(err, fs.ErrNotExist) {
				return false, nil
			}
			return slices.ContainsFunc(points, func(p point) bool { return p.metric == metric && p.at.After(moment) }), err
		}, running...)
	}
	cpuMetric := "system.cpu.time"
	if o.cgroup != nil || !o.systemScope() {
		cpuMetric = "container.cpu.time"
	}
	exportedAfter(time.Time{}, cpuMetric, c.process, program)

	o.burnBegan = time.Now()
	o.burnt = burnCPU(ctx, t, o.cgroup)
	o.burnEnded = time.Now()
	exportedAfter(o.burnEnded.Add(freshness), cpuMetric, c.process, program)

	if o.cgroup != nil {
		o.resizeBegan = time.Now()
		if err := o.cgroup.setMemoryLimit(resizedLimit); err != nil {
			t.Fatal(err)
		}
		o.resizeEnded = time.Now()
		exportedAfter(o.resizeEnded.Add(freshness), "container.memory.limit", c.process, program)
	}

	o.interrupted = time.Now()
	program.stop(t, os.Interrupt, 15*time.Second)
	stopRecording()
	for _, wait := range records {
		if err := wait(); err != nil {
			t.Fatal(err)
		}
	}
	exportedAfter(o.interrupted, cpuMetric, c.process)
	var err error
	if o.prometheus, err = get(ctx, "http://"+c.prometheus+"/metrics"); err != nil {
		t.Fatal(err)
	}
	c.stop(t, syscall.SIGTERM, 15*time.Second)
	if o.points, err = readPoints(c.file); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d data points of %d metrics arrived", len(o.points), len(o.metrics()))
	return o
}

// limitedCgroup makes the cgroup for the program under test, or says why it cannot.
func limitedCgroup(t *testing.T) *testCgroup {
	t.Helper()
	g, err := newCgroup(t, memoryLimit, cpuLimit)
	for _, expected := range []error{
		fs.ErrPermission, syscall.EROFS, // not ours to make
		fs.ErrNotExist, syscall.EBUSY, syscall.EOPNOTSUPP, // v2: no such controller, processes or threads in the way
		errNoHierarchy,
	} {
		if errors.Is(err, expected) {
			t.Logf("THE PROGRAM RUNS WITHOUT A CGROUP OF ITS OWN, and nothing that needs one is tested: %v", err)
			return nil
		}
	}
	if err != nil {
		t.Fatalf("making a cgroup: %v", err)
	}
	t.Logf("cgroup v%d: %s", g.version, strings.Join(g.folders(), ", "))
	return g
}

// holdMemory starts the helper that holds the ballast, until the test ends.
func holdMemory(t *testing.T, g *testCgroup) {
	t.Helper()
	cmd := helper(helperHold, g, os.Environ())
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the helper that holds memory said %q: %v", line, err)
	}
	go io.Copy(io.Discard, stdout)
}

// burnCPU runs the helper that uses CPU time and gives the time it used.
func burnCPU(ctx context.Context, t *testing.T, g *testCgroup) time.Duration {
	t.Helper()
	p := start(t, "the helper that uses CPU time", helper(helperBurn, g, os.Environ()))
	select {
	case <-p.done:
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
	if p.err != nil {
		t.Fatalf("using CPU time: %v", p.err)
	}
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// readMachine reads what the kernel says of the machine's size.
func (o *observation) readMachine(t *testing.T) {
	t.Helper()
	total, err := readField("/proc/meminfo", "MemTotal:")
	if err != nil {
		t.Fatal(err)
	}
	o.memTotal = total * 1024
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(stat)) {
		if strings.HasPrefix(line, "cpu") && !strings.HasPrefix(line, "cpu ") {
			o.onlineProcessor++
		}
	}
}

// record follows the kernel's files until ctx ends. Each of the returned
// functions waits for one file's recording.
func (o *observation) record(ctx context.Context) []func() error {
	var waits []func() error
	follow := func(into *[]reading, read func() (float64, error)) {
		wait := record(ctx, read)
		waits = append(waits, func() (err error) {
			*into, err = wait()
			return err
		})
	}
	follow(&o.memAvailable, func() (float64, error) {
		kib, err := readField("/proc/meminfo", "MemAvailable:")
		return kib * 1024, err
	})
	follow(&o.machineTime, machineTime)
	if o.cgroup != nil {
		follow(&o.memoryUsage, o.cgroup.memoryUsage)
		follow(&o.cpuTime, o.cgroup.cpuTime)
		follow(&o.throttle, o.cgroup.throttledPeriods)
	}
	return waits
}

// of gives the points of one metric with the given attribute values, in order.
func (o *observation) of(metric string, attributes ...string) []point {
	var points []point
	for _, p := range o.points {
		ok := p.metric == metric
		for i := 0; i+1 < len(attributes); i += 2 {
			ok = ok && p.attributes[attributes[i]] == attributes[i+1]
		}
		if ok {
			points = append(points, p)
		}
	}
	slices.SortStableFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
	return points
}

// sum adds the points of one metric that were made at the same moment, and
// gives one point for each moment.
func (o *observation) sum(metric string) []point {
	var sums []point
	for _, p := range o.of(metric) {
		if n := len(sums); n > 0 && sums[n-1].at.Equal(p.at) {
			sums[n-1].value += p.value
			continue
		}
		p.attributes = nil
		sums = append(sums, p)
	}
	return sums
}

// metrics lists the names that arrived, sorted.
func (o *observation) metrics() []string {
	names := map[string]bool{}
	for _, p := range o.points {
		names[p.metric] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// machineTime adds the times of all modes in /proc/stat, in seconds. The two
// modes for guests are left out: their time is in user and nice already.
func machineTime() (float64, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(stat), "\n")
	var total float64
	for _, field := range strings.Fields(line)[1:9] {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return 0, err
		}
		total += ticks
	}
	const ticksPerSecond = 100 // USER_HZ, the same on every architecture of Go
	return total / ticksPerSecond, nil
}

// matches holds every point, in the order of their times, against the readings
// of a kernel file in the time in which the point's value can have been read.
func matches(t *testing.T, points []point, readings []reading, ratio, absolute float64) {
	t.Helper()
	if len(points) == 0 {
		t.Error("no points to compare with the kernel's file")
	}
	first := map[string]point{} // of each series, the one since which its value stands still
	for _, p := range points {
		since, ok := first[p.series()]
		if !ok || since.value != p.value || p.kind != counter {
			since = p
			first[p.series()] = p
		}
		// A refresh that does not finish in time repeats the last counters: they
		// are as old as the export that had them first.
		from := since.at.Add(-freshness)
		low, high, ok := extremes(readings, from, p.at)
		if !ok {
			t.Errorf("%s at %v: the kernel's file was not recorded then", p.series(), p.at)
			continue
		}
		low, high = low*(1-ratio)-absolute, high*(1+ratio)+absolute
		if p.value < low || p.value > high {
			t.Errorf("%s at %v is %g, the kernel's file allows %g to %g", p.series(), p.at, p.value, low, high)
		}
	}
}
