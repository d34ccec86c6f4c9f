//go:build linux

package guest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// property is one of a unit's, as systemd tells it.
func property(t *testing.T, unit, name string) string {
	t.Helper()
	return shell(t, "systemctl show --value -p "+name+" "+unit)
}

// unitLimits are systemd's own words on a unit.
func unitLimits(unit string) func(*testing.T) (memory, cores float64) {
	return func(t *testing.T) (memory, cores float64) {
		t.Helper()
		name := "MemoryMax"
		if !unified() {
			name = "MemoryLimit"
		}
		quota := property(t, unit, "CPUQuotaPerSecUSec") // such as 500ms, or 1.500s
		switch {
		case strings.HasSuffix(quota, "ms"):
			cores = parse(t, strings.TrimSuffix(quota, "ms")) / 1000
		case strings.HasSuffix(quota, "s"):
			cores = parse(t, strings.TrimSuffix(quota, "s"))
		}
		return parse(t, property(t, unit, name)), cores
	}
}

// setUnit changes a unit that runs.
func setUnit(unit string) func(t *testing.T, memory int, cores float64) {
	return func(t *testing.T, memory int, cores float64) {
		t.Helper()
		shell(t, fmt.Sprintf("systemctl set-property --runtime %s %s CPUQuota=%v%%", unit, memoryProperty(memory), cores*100))
	}
}

func memoryProperty(bytes int) string {
	if unified() {
		return "MemoryMax=" + strconv.Itoa(bytes)
	}
	return "MemoryLimit=" + strconv.Itoa(bytes)
}

// unitProperties are the limits as systemd-run takes them.
func unitProperties() []string {
	return []string{"-p", memoryProperty(memoryLimit), "-p", fmt.Sprintf("CPUQuota=%v%%", cpuLimit*100), "-p", "TasksMax=60"}
}

// TestSystemd runs the probe in units.
func TestSystemd(t *testing.T) {
	needDistribution(t)
	t.Attr("version", shell(t, "systemctl --version | head -1"))
	run := func(unit string, options ...string) func(*testing.T) (*client, error) {
		return func(t *testing.T) (*client, error) {
			arguments := append([]string{"-q", "--unit=" + unit}, options...)
			return start(t, "systemd-run", append(arguments, file("probe"))...)
		}
	}
	asService := []string{"--pipe", "--wait", "--collect"}
	examine(t, []contained{
		{
			name: "systemd service", isUnit: true, inspect: unitLimits("lab1.service"), resize: setUnit("lab1.service"),
			start: run("lab1", append(asService, unitProperties()...)...),
		},
		{
			name: "systemd scope", isUnit: true, inspect: unitLimits("lab2.scope"), resize: setUnit("lab2.scope"),
			start: run("lab2", append([]string{"--scope"}, unitProperties()...)...),
		},
		{
			name: "systemd service, limits on its slice", isUnit: true, inspect: unitLimits("lab.slice"), resize: setUnit("lab.slice"),
			start: func(t *testing.T) (*client, error) {
				probe, err := run("lab3", append(asService, "--slice=lab.slice")...)(t)
				if err == nil {
					setUnit("lab.slice")(t, memoryLimit, cpuLimit)
				}
				return probe, err
			},
		},
		{name: "systemd service, no limits", isUnit: true, free: true, start: run("lab4", asService...)},
	})
	check(t, "systemd service", "IOReadBandwidthMax", testIOReadBandwidth)
	check(t, "systemd service", "AllowedCPUs", testAllowedCPUs)
	check(t, "systemd service", "TasksMax", testTasksMax)
}

// service starts the probe as one.
func service(t *testing.T, options ...string) *client {
	t.Helper()
	arguments := append([]string{"-q", "--pipe", "--wait", "--collect"}, options...)
	probe, err := start(t, "systemd-run", append(arguments, file("probe"))...)
	if err != nil {
		t.Fatalf("it does not start: %v", err)
	}
	return probe
}

func testIOReadBandwidth(t *testing.T) {
	r := service(t, "-p", "IOReadBandwidthMax=/dev/vda 4M", "-p", memoryProperty(memoryLimit)).read()
	if !hasLimit(r, "io.rbps", 4_000_000) {
		t.Errorf("4 MB/s are not among the limits: %s", r)
	}
}

func testAllowedCPUs(t *testing.T) {
	if !unified() {
		t.Skip("systemd sets cpusets on cgroup v2 only")
	}
	r := service(t, "-p", "AllowedCPUs=1").read()
	r.is(t, "cpu.limit_cores", 1, "AllowedCPUs=1")
	r.says(t, "cpu.limit_source", "cpuset")
	if file, _ := r.text("cpu.limit_file"); !strings.Contains(file, "cpuset.cpus") {
		t.Errorf("cpu.limit_file is %q", file)
	}
}

func testTasksMax(t *testing.T) {
	r := service(t, "-p", "TasksMax=60").read()
	if !hasLimit(r, "pids", 60) {
		t.Errorf("TasksMax=60 is not among the limits: %s", r)
	}
}
