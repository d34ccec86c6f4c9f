package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestThisProcess(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	var text, object bytes.Buffer
	if err := run(t.Context(), &text, false, ""); err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"Environment\n", "Limits that bind\n", "Limits found\n", "Memory (", "CPU ("} {
		if !strings.Contains(text.String(), title) {
			t.Errorf("the report lacks %q:\n%s", title, &text)
		}
	}
	if err := run(t.Context(), &object, true, ""); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Environment, Limits, Memory, CPU map[string]any
	}
	if err := json.Unmarshal(object.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Environment == nil || got.Limits == nil || got.Memory["limit_bytes"] == nil || got.CPU["usage_percent"] == nil {
		t.Errorf("the JSON lacks a part: %s", &object)
	}
}

func TestNothingToRead(t *testing.T) {
	if err := run(t.Context(), &bytes.Buffer{}, false, t.TempDir()); err == nil {
		t.Error("an empty root has nothing to read, and there was no error")
	}
}

func TestAdvice(t *testing.T) {
	for _, test := range []struct {
		name   string
		report report
		want   string
	}{
		{"missing", report{Environment: &otelresource.EnvironmentInfo{
			Missing: []otelresource.Missing{{Key: "k8s.pod.name", Reason: "set it with the downward API"}},
		}}, "k8s.pod.name is unknown: set it with the downward API."},
		{"downward API", report{Environment: &otelresource.EnvironmentInfo{
			Missing: []otelresource.Missing{{Key: "k8s.node.name", Reason: "no file tells it"}},
		}}, "Give the pod its names by the downward API; paste into the container's specification:\nenv:\n  - name: K8S_POD_NAME"},
		{"no pressure", report{Memory: &otelresource.MemoryStats{Scope: otelresource.ScopeSystem}}, "Pressure (PSI) is absent"},
		{"contradiction", report{Environment: &otelresource.EnvironmentInfo{
			Evidence: []otelresource.Finding{{Key: "container", Source: "/.dockerenv", Reason: "a marker alone", Contradiction: true}},
		}}, "container (/.dockerenv) speaks against what was found: a marker alone."},
		{"denied", report{causes: []error{&otelresource.Error{Path: "/x", Err: otelresource.ErrInsufficientPerms}}}, "Let this user read /x."},
		{"no cgroup", report{causes: []error{errors.Join(otelresource.ErrCgroupNotFound)}}, "Mount the cgroup file system"},
		{"no limit", report{Memory: &otelresource.MemoryStats{Scope: otelresource.ScopeContainer, LimitSource: otelresource.LimitSourceHost}}, "No memory limit is set"},
		{"no events", report{Memory: &otelresource.MemoryStats{Scope: otelresource.ScopeContainer}}, "Memory events are absent"},
		{"no CPU usage", report{CPU: &otelresource.CPUStats{Scope: otelresource.ScopeContainer}}, "CPU usage of this cgroup is not known"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.report.Environment == nil {
				test.report.Environment = &otelresource.EnvironmentInfo{}
			}
			got := advice(&test.report)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, test.want) }) {
				t.Errorf("%q is not among %q", test.want, got)
			}
		})
	}
}

func TestAMacIsNotAdvisedToMountCgroups(t *testing.T) {
	r := report{Environment: &otelresource.EnvironmentInfo{OS: "darwin"}, Memory: &otelresource.MemoryStats{Scope: otelresource.ScopeSystem}}
	if got := advice(&r); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func TestPageCacheIsNoReasonForAdvice(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no cgroups on " + runtime.GOOS)
	}
	const little = "of memory can still be used"
	root := fixture.Load(t, "../../otelresource/testdata/readings/available-with-page-cache.txtar")
	report := func() string {
		var text bytes.Buffer
		if err := run(t.Context(), &text, false, root.Dir()); err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	if got := report(); strings.Contains(got, little) {
		t.Errorf("got advice to free memory with the limit full of page cache:\n%s", got)
	}
	root.Write("sys/fs/cgroup/c/memory.stat", "anon 207000000\ninactive_file 0\nactive_file 0\n")
	if got := report(); !strings.Contains(got, little) {
		t.Errorf("got no %q with the limit full of anonymous memory:\n%s", little, got)
	}
	// Without a limit, a tenth of memory.high counts, not of the machine.
	root.Write("sys/fs/cgroup/c/memory.max", "max\n")
	root.Write("sys/fs/cgroup/c/memory.high", "400000000\n")
	if got := report(); strings.Contains(got, little) || strings.Contains(got, "No memory limit is set") {
		t.Errorf("got advice about a limit at half of memory.high:\n%s", got)
	}
	root.Write("sys/fs/cgroup/c/memory.high", "210000000\n")
	if got := report(); !strings.Contains(got, little) {
		t.Errorf("got no %q with memory.high nearly reached:\n%s", little, got)
	}
}
