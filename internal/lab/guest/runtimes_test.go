//go:build linux

package guest

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

// What every container and unit gets, where its runtime can set it.
const (
	memoryLimit = 96 * mebibyte
	cpuLimit    = 0.5
)

// contained is one way to run the probe, and what must be said in it.
type contained struct {
	name         string
	start        func(t *testing.T) (*client, error)
	runtime      string // of a container; empty: none, or none that shows
	isUnit       bool   // a systemd unit, which is no container
	orchestrator string
	// unseen: a cgroup namespace hides the limits, which bind all the same.
	unseen bool
	// free: no limits were set.
	free bool
	// cpuless: there is no CPU limit that could be seen inside, and why.
	cpuless string
	// inspect returns the limits that the runtime itself tells.
	inspect func(t *testing.T) (memory, cores float64)
	// resize asks the runtime for other limits: memory bytes and cores.
	resize func(t *testing.T, memory int, cores float64)
}

// examine is the same set of checks for each of them.
func examine(t *testing.T, all []contained) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Attr("cell", c.name+"|detection")
			probe, err := c.start(t)
			if err != nil {
				t.Fatalf("it does not start: %v", err) // everything it needs is in this machine
			}
			check(t, c.name, "detection", func(t *testing.T) { c.detection(t, probe.as(t).read()) })
			mounts, _ := probe.as(t).do("cat", "/proc/self/mountinfo").text("text")
			if !shown(mounts) {
				check(t, c.name, "no cgroup visible, no numbers", func(t *testing.T) { blind(t, probe.as(t).read()) })
				return
			}
			if c.unseen {
				check(t, c.name, "hidden limits", func(t *testing.T) { unseen(t, probe.as(t)) })
				return
			}
			check(t, c.name, "limits", func(t *testing.T) { c.limits(t, probe.as(t)) })
			if !t.Failed() {
				c.keep(t, probe.as(t))
			}
			if c.free {
				return
			}
			check(t, c.name, "memory load", func(t *testing.T) { memoryLoad(t, probe.as(t)) })
			if c.cpuless == "" {
				check(t, c.name, "throttling", func(t *testing.T) { throttling(t, probe.as(t)) })
			}
			if unified() {
				check(t, c.name, "pressure", func(t *testing.T) { pressure(t, probe.as(t)) })
			}
			check(t, c.name, "resize", func(t *testing.T) {
				if c.resize == nil {
					t.Skip("the runtime changes no limits of what runs")
				}
				c.resized(t, probe.as(t))
			})
			check(t, c.name, "doctor", func(t *testing.T) { c.doctor(t, probe.as(t)) })
		})
	}
}

// shown says whether the probe's memory cgroup can be seen inside. A mount from
// outside the cgroup namespace has a root of "/..": which of its folders is
// the probe's, nothing inside tells.
func shown(mountinfo string) bool {
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 10 || strings.HasPrefix(fields[3], "/..") {
			continue
		}
		kind := strings.Join(fields[6:], " ")
		if unified() && strings.Contains(kind, "- cgroup2 ") || !unified() && strings.Contains(kind, "- cgroup ") && strings.HasSuffix(kind, "memory") {
			return true
		}
	}
	return false
}

// as is the client for a subtest: failures are that test's.
func (c *client) as(t *testing.T) *client {
	c.t = t
	return c
}

func (c *contained) detection(t *testing.T, r reply) {
	if c.isUnit {
		if v, ok := r.get("environment.container"); ok {
			t.Errorf("a unit of systemd is no container: %v", v)
		}
	} else {
		if _, ok := r.get("environment.container"); !ok {
			t.Errorf("no container: %v", r.values["environment"])
		}
		r.says(t, "environment.container.runtime", c.runtime)
		r.says(t, "environment.platform", "container")
		r.says(t, "environment.container.orchestrator", c.orchestrator)
	}
	r.says(t, "environment.virtualization.type", "qemu")
	if t.Failed() {
		t.Logf("%v", r.values["environment"])
	}
}

// blind expects nothing: the machine's numbers are not the container's.
func blind(t *testing.T, r reply) {
	r.absent(t, "memory.usage_bytes")
	r.absent(t, "cpu.usage_seconds")
	for _, getter := range []string{"memory", "cpu"} {
		if _, ok := r.text("errors." + getter); !ok {
			t.Errorf("no error of %s", getter)
		}
	}
}

// unseen expects the machine's limits where nothing inside shows those that bind.
func unseen(t *testing.T, probe *client) {
	r := probe.read()
	if g := outside(t); g.memoryLimit() != memoryLimit || g.quota() != cpuLimit {
		t.Errorf("the parent was to have %v and %v, and the kernel has %v and %v", memoryLimit, cpuLimit, g.memoryLimit(), g.quota())
	}
	r.is(t, "memory.limit_bytes", memTotal(t), "MemTotal")
	r.says(t, "memory.limit_source", "virtualization")
	r.is(t, "cpu.limit_cores", parse(t, shell(t, "nproc")), "nproc")
	r.says(t, "memory.scope", "container")
}

func (c *contained) limits(t *testing.T, probe *client) {
	r, g := probe.read(), outside(t)
	memory, quota := g.memoryLimit(), g.quota()
	if !c.free && (memory != memoryLimit || quota != cpuLimit && c.cpuless == "") {
		t.Errorf("the runtime was to set %v and %v, and the kernel has %v and %v", memoryLimit, cpuLimit, memory, quota)
	}
	if math.IsInf(memory, 1) {
		memory = memTotal(t)
		r.says(t, "memory.limit_source", "virtualization")
	} else {
		r.says(t, "memory.limit_source", source())
	}
	r.is(t, "memory.limit_bytes", memory, "the kernel, from outside")
	if math.IsInf(quota, 1) {
		r.is(t, "cpu.limit_cores", parse(t, shell(t, "nproc")), "nproc")
	} else if c.cpuless == "" {
		r.is(t, "cpu.limit_cores", quota, "the kernel, from outside")
		r.says(t, "cpu.limit_source", source())
	}
	if c.inspect != nil {
		memory, cores := c.inspect(t)
		r.is(t, "memory.limit_bytes", memory, "the runtime")
		if c.cpuless == "" {
			r.is(t, "cpu.limit_cores", cores, "the runtime")
		}
	}
	for getter, err := range r.values["errors"].(map[string]any) {
		if getter == "io" && strings.HasSuffix(g.dirs["io"], "/blkio/") {
			continue // on v1 systemd leaves the unit in the root of a controller that it does not need
		}
		if !strings.Contains(err.(string), "not available in this version") {
			t.Errorf("%s: %v", getter, err)
		}
	}
}

func memoryLoad(t *testing.T, probe *client) {
	before := probe.read()
	const load = 24 * mebibyte
	probe.do("alloc", load)
	after := probe.read()
	grown := after.must(t, "memory.rss_bytes") - before.must(t, "memory.rss_bytes")
	if grown < load-4*mebibyte || grown > load+8*mebibyte {
		t.Errorf("memory.rss_bytes grew by %.0f; %d were allocated", grown, load)
	}
	anon := outside(t).anonymous()
	after.within(t, "memory.rss_bytes", anon-4*mebibyte, anon+4*mebibyte, "memory.stat from outside")
	probe.do("free")
}

func throttling(t *testing.T, probe *client) {
	g := outside(t)
	binding := g.throttledLevel()
	used := g.cpuSeconds()
	_, throttledBefore := binding.throttled() // a slice has seen other containers
	probe.do("burn", 0.3, 2)
	lowPeriods, lowThrottled := binding.throttled()
	lowUsed := g.cpuSeconds()
	r := probe.read()
	highPeriods, highThrottled := binding.throttled()
	r.within(t, "cpu.throttling.periods", lowPeriods, highPeriods, "cpu.stat from outside")
	r.within(t, "cpu.throttling.throttled_periods", lowThrottled, highThrottled, "cpu.stat from outside")
	r.within(t, "cpu.usage_seconds", lowUsed, g.cpuSeconds(), "the kernel, from outside")
	if lowThrottled <= throttledBefore {
		t.Error("two threads ran on half a core, and no period was throttled")
	}
	if lowUsed-used < 0.25 {
		t.Errorf("0.3 CPU seconds were burnt, and the kernel counted %v", lowUsed-used)
	}
}

func pressure(t *testing.T, probe *client) {
	name := outside(t).dirs["cpu"] + "/cpu.pressure"
	low := stall(t, name, "some")
	r := probe.read()
	r.within(t, "cpu.pressure.some.total_seconds", low, stall(t, name, "some"), "cpu.pressure from outside")
}

func (c *contained) resized(t *testing.T, probe *client) {
	before := probe.read()
	for _, step := range []struct {
		memory int
		cores  float64
	}{{128 * mebibyte, 0.75}, {80 * mebibyte, 0.25}, {memoryLimit, cpuLimit}} {
		c.resize(t, step.memory, step.cores)
		resized := limited(float64(step.memory), step.cores)
		if c.cpuless != "" {
			resized = equals("memory.limit_bytes", float64(step.memory))
		}
		r := probe.until(fmt.Sprintf("%d MiB and %v cores", step.memory/mebibyte, step.cores), resized)
		rises(t, "cpu.usage_seconds", before, r, ceiling)
	}
}

func (c *contained) doctor(t *testing.T, probe *client) {
	r := probe.do("doctor")
	r.is(t, "memory.limit_bytes", memoryLimit, "the runtime")
	if c.cpuless == "" {
		r.is(t, "cpu.limit_cores", cpuLimit, "the runtime")
	}
}

// keep puts a fake root of this place aside, with the limits that the kernel
// and the runtime have confirmed just now.
func (c *contained) keep(t *testing.T, probe *client) {
	r := probe.read()
	text, _ := probe.do("capture").text("text")
	var b strings.Builder
	fmt.Fprintf(&b, "%s on Linux %s, cgroup %s.\n", c.name, shell(t, "uname -r"), mode())
	b.WriteString("Captured from inside by the lab; @want was confirmed by the kernel's files from outside.\n" + text + "-- @want --\n")
	for _, path := range []string{"environment.platform", "environment.container.runtime", "memory.scope",
		"memory.limit_bytes", "memory.limit_source", "memory.limit_cgroup", "cpu.limit_cores", "cpu.limit_source", "cpu.limit_cgroup"} {
		if v, ok := r.get(path); ok {
			if n, isNumber := v.(float64); isNumber {
				v = strconv.FormatFloat(n, 'f', -1, 64)
			}
			fmt.Fprintf(&b, "%s %v\n", path, v)
		}
	}
	name := strings.NewReplacer(" ", "-", ",", "").Replace(c.name) + "-" + mode() + ".txtar"
	if err := os.WriteFile("/lab/kept/"+name, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}
