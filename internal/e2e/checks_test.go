//go:build linux

package e2e

import (
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// checkContract holds each metric against its row, and each row that must be
// there against what arrived.
func (o *observation) checkContract(t *testing.T) {
	complained := map[string]bool{}
	complain := func(p point, format string, args ...any) {
		text := p.series() + ": " + fmt.Sprintf(format, args...)
		if !complained[text] {
			complained[text] = true
			t.Error(text)
		}
	}
	for _, p := range o.points {
		row, ok := contract[p.metric]
		if !ok {
			complain(p, "not in the table of metrics")
			continue
		}
		if p.unit != row.unit {
			complain(p, "unit %q, want %q", p.unit, row.unit)
		}
		if p.kind != row.kind {
			complain(p, "a %s, want a %s", p.kind, row.kind)
		}
		if p.integer != row.integer {
			complain(p, "integer is %v, want %v", p.integer, row.integer)
		}
		if p.description == "" {
			complain(p, "no description")
		}
		if row.detailed {
			complain(p, "emitted without being asked for")
		}
		if p.scope != scopeName || p.version == "" || p.schemaURL != "" {
			complain(p, "scope %q, version %q, schema %q", p.scope, p.version, p.schemaURL)
		}
		for key, values := range row.attributes {
			value, ok := p.attributes[key]
			if !ok || len(values) > 0 && !slices.Contains(values, value) {
				complain(p, "%s is %q, want one of %q", key, value, values)
			}
		}
		for key := range p.attributes {
			if _, ok := row.attributes[key]; !ok {
				complain(p, "%s is not in the table of metrics, or only with details switched on", key)
			}
		}
	}

	arrived := o.metrics()
	for _, name := range slices.Sorted(maps.Keys(contract)) {
		must := contract[name].must
		wanted := must == inCgroup && o.cgroup != nil || must == onMachine && o.systemScope()
		if wanted && !slices.Contains(arrived, name) {
			t.Errorf("%s did not arrive", name)
		}
	}
	if len(arrived) == 0 {
		t.Error("nothing arrived")
	}
	t.Logf("metrics: %s", strings.Join(arrived, ", "))
}

// systemScope says whether the machine's numbers are due: not in a container.
// Marker files are no proof, since images that became a VM's disk keep them.
// The first PID namespace of a kernel has a fixed number, and no container
// runtime leaves its containers in it.
func (o *observation) systemScope() bool {
	namespace, err := os.Readlink("/proc/self/ns/pid")
	return err == nil && namespace == "pid:[4026531836]"
}

// checkSeries looks for what no single point can show: series that arrive
// twice, counters that fall or begin anew, and values that are no numbers.
func (o *observation) checkSeries(t *testing.T) {
	type moment struct {
		series string
		at     time.Time
	}
	seen := map[moment]bool{}
	perSeries := map[string][]point{}
	for _, p := range o.points {
		key := moment{p.series(), p.at}
		if seen[key] {
			t.Errorf("%s arrived twice for %v", p.series(), p.at)
		}
		seen[key] = true
		perSeries[p.series()] = append(perSeries[p.series()], p)
		if math.IsNaN(p.value) || math.IsInf(p.value, 0) || p.value < 0 {
			t.Errorf("%s is %g", p.series(), p.value)
		}
	}
	for _, series := range slices.Sorted(maps.Keys(perSeries)) {
		points := perSeries[series]
		slices.SortStableFunc(points, func(a, b point) int { return a.at.Compare(b.at) })
		for i := 1; i < len(points); i++ {
			earlier, later := points[i-1], points[i]
			if later.kind != gauge && !later.start.Equal(earlier.start) {
				t.Errorf("%s begins anew at %v", series, later.start)
			}
			if later.kind == counter && later.value < earlier.value {
				t.Errorf("%s falls from %g to %g", series, earlier.value, later.value)
			}
		}
		// A counter that is there once and then not would make the backend
		// see a reset, or the next delta the whole total.
		if last := points[len(points)-1]; last.kind == counter && last.at.Before(o.interrupted) {
			t.Errorf("%s is missing from the export at the end", series)
		}
	}
}

// checkResource expects what the user set to win over what was detected.
func (o *observation) checkResource(t *testing.T) {
	set := map[string]string{"service.name": serviceName}
	for pair := range strings.SplitSeq(resourceAttributes, ",") {
		key, value, _ := strings.Cut(pair, "=")
		set[key] = value
	}
	resources := map[string]map[string]string{}
	for _, p := range o.points {
		resources[fmt.Sprint(p.resource)] = p.resource
	}
	if len(resources) != 1 {
		t.Errorf("%d different resources, want 1: %v", len(resources), resources)
	}
	for _, resource := range resources {
		t.Logf("resource: %v", resource)
		for key, want := range set {
			if got := resource[key]; got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		for key, value := range resource {
			_, ours := set[key]
			if !ours && !slices.Contains(resourceKeys, key) {
				t.Errorf("%s=%q is neither the detector's nor the SDK's", key, value)
			}
			if value == "" {
				t.Errorf("%s is empty: what is unknown is left out", key)
			}
		}
	}
}

// checkPrometheus looks for one series of each kind under the names that the
// Collector's Prometheus exporter makes of ours.
func (o *observation) checkPrometheus(t *testing.T) {
	var wanted []string
	if o.systemScope() {
		wanted = append(wanted, "system_cpu_time_seconds_total", "system_memory_limit_bytes", "system_cpu_logical_count")
	}
	if o.cgroup != nil {
		wanted = append(wanted, "container_cpu_time_seconds_total", "container_cpu_limit", "container_memory_usage_bytes",
			"container_cpu_throttling_periods_total", "otelresource_limit_info_ratio")
	}
	for _, name := range wanted {
		found := false
		for line := range strings.Lines(o.prometheus) {
			found = found || strings.HasPrefix(line, name+"{") && strings.Contains(line, fmt.Sprintf("service_name=%q", serviceName))
		}
		if !found {
			t.Errorf("no series %s of service %s", name, serviceName)
		}
	}
	if t.Failed() {
		t.Logf("the exporter's page:\n%s", o.prometheus)
	}
}

// checkMachine holds the system scope against /proc.
func (o *observation) checkMachine(t *testing.T) {
	if !o.systemScope() {
		t.Skip("in a PID namespace of its own: taken for a container, where the system scope is off")
	}
	for _, p := range o.of("system.memory.limit") {
		if p.value != o.memTotal {
			t.Errorf("system.memory.limit is %g, MemTotal %g", p.value, o.memTotal)
		}
	}
	for _, p := range o.of("system.cpu.logical.count") {
		if p.value != o.onlineProcessor {
			t.Errorf("system.cpu.logical.count is %g, want %g", p.value, o.onlineProcessor)
		}
	}
	for _, p := range o.sum("system.memory.usage") {
		if p.value != o.memTotal {
			t.Errorf("the states of system.memory.usage sum to %g, MemTotal is %g", p.value, o.memTotal)
		}
	}
	matches(t, o.of("system.memory.linux.available"), o.memAvailable, 0.10, 0)

	// An exported counter begins at Start: what the kernel had counted by then is added to
	// it. The modes are read from one line, so only rounding may differ.
	times := o.sum("system.cpu.time")
	if len(times) == 0 {
		t.Fatal("no system.cpu.time")
	}
	low, high, ok := extremes(o.machineTime, times[0].at.Add(-freshness), times[0].at)
	if !ok || times[0].value > high-o.machineTime[0].value {
		t.Errorf("system.cpu.time begins with %g s, the kernel had counted %g s to %g s, and %g s before the program ran", times[0].value, low, high, o.machineTime[0].value)
	}
	before := (low+high)/2 - times[0].value
	for i := range times {
		times[i].value += before
	}
	matches(t, times, o.machineTime, 0, 0.1+(high-low)/2)
}

// checkLimits expects the limits that the test set, and their source.
func (o *observation) checkLimits(t *testing.T) {
	var before, after int
	for _, p := range o.of("container.memory.limit") {
		switch {
		case p.at.Before(o.resizeBegan):
			before++
			if p.value != memoryLimit {
				t.Errorf("container.memory.limit is %g, want %d", p.value, memoryLimit)
			}
		case p.at.After(o.resizeEnded.Add(freshness)):
			after++
			if p.value != resizedLimit {
				t.Errorf("%v after the resize container.memory.limit is %g, want %d", p.at.Sub(o.resizeEnded), p.value, resizedLimit)
			}
		}
	}
	if before == 0 || after == 0 {
		t.Errorf("container.memory.limit has %d points before and %d points after the resize", before, after)
	}
	for _, p := range o.of("container.cpu.limit") {
		if p.value != cpuLimit {
			t.Errorf("container.cpu.limit is %g, want %g", p.value, cpuLimit)
		}
	}
	for _, p := range o.of("otelresource.limit.info") {
		if want := fmt.Sprintf("cgroup_v%d", o.cgroup.version); p.attributes["otelresource.limit.source"] != want || p.value != 1 {
			t.Errorf("%s is %g, want 1 with source %s", p.series(), p.value, want)
		}
	}
	for _, resource := range []string{"memory", "cpu"} {
		if len(o.of("otelresource.limit.info", "otelresource.limit.resource", resource)) == 0 {
			t.Errorf("no otelresource.limit.info of %s", resource)
		}
	}
}

// checkMemory holds the memory metrics against the kernel's charge, and
// against each other.
func (o *observation) checkMemory(t *testing.T) {
	usage := o.of("container.memory.usage")
	matches(t, usage, o.memoryUsage, 0.10, 0)

	// The point of the same export is the nearest one.
	value := func(metric string, at time.Time) float64 {
		nearest, distance := math.NaN(), exportEvery/2
		for _, p := range o.of(metric) {
			if d := p.at.Sub(at).Abs(); d < distance {
				nearest, distance = p.value, d
			}
		}
		if math.IsNaN(nearest) {
			t.Errorf("no point of %s beside that of container.memory.usage at %v", metric, at)
		}
		return nearest
	}
	for _, u := range usage {
		rss, set := value("container.memory.rss", u.at), value("container.memory.working_set", u.at)
		cache, limit := value("container.memory.cache", u.at), value("container.memory.limit", u.at)
		available := value("container.memory.available", u.at)
		slack := 0.10 * limit
		if rss < ballast {
			t.Errorf("container.memory.rss is %g, less than the %d that the helper holds", rss, ballast)
		}
		if set > u.value || set < ballast {
			t.Errorf("container.memory.working_set is %g beside a usage of %g", set, u.value)
		}
		if cache > u.value || rss+cache > u.value+slack {
			t.Errorf("container.memory.cache is %g and rss %g beside a usage of %g", cache, rss, u.value)
		}
		if share := value("container.memory.limit.utilization", u.at); math.Abs(share-set/limit) > 0.01 {
			t.Errorf("container.memory.limit.utilization is %g beside a working set of %g and a limit of %g", share, set, limit)
		}
		if available < limit-u.value-slack || available > limit-rss+slack {
			t.Errorf("container.memory.available is %g beside a limit of %g, a usage of %g and an rss of %g", available, limit, u.value, rss)
		}
	}
}

// checkCPU holds the CPU metrics against the kernel's count and against the
// time that the test is known to have used.
func (o *observation) checkCPU(t *testing.T) {
	total := o.sum("container.cpu.time")
	// Half a second: user and system time may advance in whole ticks, and a
	// refresh of a throttled program takes time.
	matches(t, total, o.cpuTime, 0.10, 0.5)
	matches(t, o.of("container.cpu.throttling.throttled_periods"), o.throttle, 0, 0)

	grown := func(points []point) float64 {
		var before, after *point
		for i, p := range points {
			if p.at.Before(o.burnBegan) {
				before = &points[i]
			}
			if after == nil && p.at.After(o.burnEnded.Add(freshness)) {
				after = &points[i]
			}
		}
		if before == nil || after == nil {
			t.Fatal("no points from both before and after the CPU time was used")
		}
		return after.value - before.value
	}
	burnt := o.burnt.Seconds()
	if g := grown(total); g < 0.5*burnt {
		t.Errorf("container.cpu.time grew by %g s while %g s were used", g, burnt)
	}
	user, system := grown(o.of("container.cpu.time", "cpu.mode", "user")), grown(o.of("container.cpu.time", "cpu.mode", "system"))
	if user < 0.5*burnt {
		t.Errorf("of the %g s used container.cpu.time counts %g s as user and %g s as system time", burnt, user, system)
	}
	t.Logf("used %.2f s in %.2f s; counted %.2f s user and %.2f s system", burnt, o.burnEnded.Sub(o.burnBegan).Seconds(), user, system)

	// The highest momentary usage is at least the average over the whole time,
	// and no more than the quota grants with a period's worth of jitter.
	var usage, share float64
	for _, p := range o.of("container.cpu.usage") {
		usage = max(usage, p.value)
	}
	for _, p := range o.of("container.cpu.limit.utilization") {
		share = max(share, p.value)
	}
	average := burnt / o.burnEnded.Sub(o.burnBegan).Seconds()
	if usage < 0.5*average || usage > 1.5*cpuLimit {
		t.Errorf("container.cpu.usage is at most %g, while %g were used on average under a limit of %g", usage, average, cpuLimit)
	}
	if math.Abs(share-usage/cpuLimit) > 0.05 {
		t.Errorf("container.cpu.limit.utilization is at most %g, container.cpu.usage %g under a limit of %g", share, usage, cpuLimit)
	}

	periods, throttled := grown(o.of("container.cpu.throttling.periods")), grown(o.of("container.cpu.throttling.throttled_periods"))
	if periods <= 0 || throttled > periods {
		t.Errorf("%g of %g periods were throttled", throttled, periods)
	}
	if lost := grown(o.of("container.cpu.throttling.time")); throttled > 0 && lost <= 0 {
		t.Errorf("%g periods were throttled for %g s", throttled, lost)
	}
}
