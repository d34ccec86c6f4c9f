package otelresource_test

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// busyWorld is busy on a root of files.
type busyWorld struct {
	busy
	root     *fixture.Root
	steps    int
	initial  map[string]string // the files that count, as they were at first
	settings map[string]string // the other files that are read
}

func newBusyWorld(t *testing.T, archive string, detailed bool, scopes ...otelresource.Scope) *busyWorld {
	t.Helper()
	w := &busyWorld{
		busy: busy{t: t, now: time.Unix(1_700_000_000, 0)},
		root: fixture.Load(t, archive), initial: map[string]string{}, settings: map[string]string{},
	}
	w.step, w.restore = w.grow, w.undo
	for _, name := range w.root.Opened(func() {
		m := monitorOn(t, w.root)
		memoryOf(t, m)
		cpuOf(t, m)
		_, _ = m.GetIOStats(t.Context())
		networkOf(t, m)
	}) {
		w.keep(name)
	}
	for _, name := range []string{"proc/stat", "proc/vmstat", "proc/diskstats", "proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io", "proc/pressure/irq"} {
		w.keep(name)
	}
	m, err := otelresource.NewMonitorAt(w.root.Dir(), func() time.Time { return w.now }, func(c *otelresource.Config) {
		c.EnableDetailedIO, c.EnableDetailedNetwork, c.UpdateInterval = detailed, detailed, time.Millisecond
	})
	if err != nil {
		t.Fatal(err)
	}
	options := []otelresource.Option{otelresource.WithScopes(scopes...)}
	if detailed {
		options = append(options, otelresource.WithPerCPU())
	}
	w.watch(m, options...)
	return w
}

// keep remembers a file.
func (w *busyWorld) keep(name string) {
	b, err := w.root.Hostfs().ReadFile("/"+name, 1<<20)
	if err != nil {
		return // this root has no such file
	}
	to := w.settings
	if grown(name, string(b), 1) != string(b) {
		to = w.initial
	}
	to[name] = string(b)
}

// grow lets time pass in which every counter grows.
func (w *busyWorld) grow() {
	w.now = w.now.Add(70 * time.Second) // what is mounted is looked up once a minute
	w.steps++
	for name, text := range w.initial {
		w.root.Write(name, grown(name, text, w.steps))
	}
}

var (
	number   = regexp.MustCompile(`\d+`)
	keyValue = regexp.MustCompile(`^(\S+)[ =](\d+)$`)
)

// grown returns the text of a file after so many steps.
func grown(name, text string, steps int) string {
	var lines []string
	for i, line := range strings.Split(text, "\n") {
		lines = append(lines, grownLine(path.Base(name), line, i, steps))
	}
	return strings.Join(lines, "\n")
}

func grownLine(file, line string, i, steps int) string {
	add := func(digits string, by int) string {
		n, _ := strconv.Atoi(digits)
		return strconv.Itoa(n + by*steps)
	}
	// columns adds to the numbers of a line from the one at an index on.
	columns := func(from int, but ...int) string {
		at := -1
		return number.ReplaceAllStringFunc(line, func(digits string) string {
			if at++; at < from || slices.Contains(but, at-from) {
				return digits
			}
			return add(digits, at-from+1)
		})
	}
	switch {
	case file == "diskstats" && line != "":
		name := strings.Fields(line)[2]
		return columns(2+len(number.FindAllString(name, -1)), 8) // but the requests in progress
	case file == "stat" && strings.HasPrefix(line, "cpu"):
		first, _, _ := strings.Cut(line, " ")
		return columns(len(number.FindAllString(first, -1)))
	case file == "dev" && strings.Count(line, " ") > 8:
		name, _, _ := strings.Cut(line, ":")
		return columns(len(number.FindAllString(name, -1)))
	case file == "io.stat" && line != "", strings.HasPrefix(file, "blkio.throttle.io_serv") && strings.Contains(line, ":"):
		return columns(2)
	case file == "cpuacct.usage" && line != "":
		return add(line, 40_000_000)
	case file == "memory.failcnt", file == "cpuacct.stat", strings.HasPrefix(line, "oom_kill "):
		return columns(0)
	case strings.Contains(line, "total="): // PSI
		head, digits, _ := strings.Cut(line, "total=")
		return head + "total=" + add(digits, 1000*(i+1))
	case file == "cpu.stat":
		if m := keyValue.FindStringSubmatch(line); m != nil {
			return m[1] + " " + add(m[2], 1000*(i+2))
		}
	case file == "memory.events", strings.Contains(line, "pgfault"), strings.Contains(line, "pgmajfault"):
		if m := keyValue.FindStringSubmatch(line); m != nil {
			by := i + 1
			if strings.Contains(line, "pgfault") {
				by += 100 // more than the major ones
			}
			return m[1] + " " + add(m[2], by)
		}
	}
	return line
}

// absences are the ways in which sources go for a while. Each edits the files of a step.
func (w *busyWorld) absences() map[string]func() {
	all := map[string]func(){
		"CPU 1 is offline":                  func() { w.without("proc/stat", "cpu1") },
		"a disk leaves":                     func() { w.without("proc/diskstats", "sda"); w.without(ownDir+"/io.stat", "8:0") },
		"an interface leaves":               func() { w.without("proc/self/net/dev", "eth0:") },
		"the process is in the root cgroup": func() { w.root.Write("proc/self/cgroup", "0::/\n") },
		"mountinfo is empty":                func() { w.root.Write("proc/self/mountinfo", "") },
		"the quota is removed": func() {
			for name := range w.settings {
				switch path.Base(name) {
				case "cpu.max":
					w.root.Write(name, "max 100000\n")
				case "cpu.cfs_quota_us":
					w.root.Write(name, "-1\n")
				}
			}
		},
	}
	for i, name := range slices.Sorted(maps.Keys(w.initial)) {
		text := w.initial[name]
		switch i % 3 { // each way costs as long as all of them tell
		case 0:
			all[name+" is torn"] = func() { w.root.Write(name, text[:len(text)/9]) }
		case 1:
			all[name+" is empty"] = func() { w.root.Write(name, "") }
		case 2:
			all[name+" is rubbish"] = func() { w.root.Write(name, "x\n") }
		}
	}
	return all
}

// without removes the lines that have a word.
func (w *busyWorld) without(name, word string) {
	b, err := w.root.Hostfs().ReadFile("/"+name, 1<<20)
	if err != nil {
		return // this root has no such file
	}
	var kept []string
	for line := range strings.Lines(string(b)) {
		if !slices.Contains(strings.Fields(line), word) {
			kept = append(kept, line)
		}
	}
	w.root.Write(name, strings.Join(kept, ""))
}

// undo undoes an absence, but for what a step writes.
func (w *busyWorld) undo() {
	for name, text := range w.settings {
		w.root.Write(name, text)
	}
}

// TestEveryCounterSurvivesTheAbsenceOfItsSource removes each source for one
// collection and lets it return, then for more than an hour, and stops and
// starts on the same provider. No reader ever sees more than what was counted,
// and all readers see the same.
func TestEveryCounterSurvivesTheAbsenceOfItsSource(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		archive  string
		detailed bool
		scopes   []otelresource.Scope
	}{
		{"docker-v2", false, []otelresource.Scope{otelresource.ScopeContainer, otelresource.ScopeSystem}},
		{"docker-v2", true, []otelresource.Scope{otelresource.ScopeContainer, otelresource.ScopeSystem}},
		{"host", false, []otelresource.Scope{otelresource.ScopeSystem}},
		{"host", true, []otelresource.Scope{otelresource.ScopeSystem}},
		{"every-file-v1", false, []otelresource.Scope{otelresource.ScopeContainer}},
	} {
		archive := "testdata/" + c.archive + ".txtar"
		probe := newBusyWorld(t, archive, c.detailed, c.scopes...)
		for name := range probe.absences() {
			t.Run(fmt.Sprintf("%s detailed=%v %s", c.archive, c.detailed, name), func(t *testing.T) {
				w := newBusyWorld(t, archive, c.detailed, c.scopes...)
				for series := range w.survives(w.absences()[name]) {
					name, _, _ := strings.Cut(series, "{")
					seen[name] = true
				}
			})
		}
	}
	for name, m := range table() {
		// This process is not part of a root of files: see the test of a Mac.
		if m.Kind == instruments.Counter && !seen[name] && m.Scope != instruments.Process && m.Scope != instruments.Module {
			t.Errorf("%s was not tried", name)
		}
	}
}
