package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/examples/internal/human"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// advice says what is missing and what it would take.
func advice(r *report) []string {
	var all []string
	say := func(format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		for _, known := range all {
			if known == text {
				return
			}
		}
		all = append(all, text)
	}
	downward := false
	for _, m := range r.Environment.Missing {
		say("%s is unknown: %s.", m.Key, m.Reason)
		downward = downward || slices.Contains(downwardKeys, m.Key)
	}
	if downward {
		say("Give the pod its names by the downward API; paste into the container's specification:\n%s", downwardAPI)
	}
	for _, f := range r.Environment.Evidence {
		if f.Contradiction {
			say("%s (%s) speaks against what was found: %s.", f.Key, f.Source, f.Reason)
		}
	}
	for _, err := range r.causes {
		var e *otelresource.Error
		switch {
		case errors.Is(err, otelresource.ErrInsufficientPerms) && errors.As(err, &e) && e.Path != "":
			say("Let this user read %s.", e.Path)
		case errors.Is(err, otelresource.ErrInsufficientPerms):
			say("Let this user read the files under /proc/self and /sys/fs/cgroup.")
		case errors.Is(err, otelresource.ErrCgroupNotFound) && (!errors.As(err, &e) || e.Path == "" || strings.HasPrefix(e.Path, "/proc/")):
			say("Mount the cgroup file system at /sys/fs/cgroup (read-only is enough): the process's own cgroup is not visible, and numbers of the host never stand in for it.")
		}
	}
	if r.Environment.OS == "darwin" {
		return all // what follows is about features of Linux
	}
	switch c := r.Environment.Cgroup; {
	case c != nil && len(c.Controllers) == 0:
		say("The cgroup of this process has no controllers: enable memory and cpu in the cgroup.subtree_control of its parent.")
	case c == nil && len(r.causes) == 0:
		say("No cgroup is mounted: limits are those of the machine.")
	}
	memory(r.Memory, say)
	cpu(r.CPU, say)
	return all
}

// downwardKeys are what a pod's specification can tell the pod.
var downwardKeys = []string{"k8s.pod.name", "k8s.pod.uid", "k8s.namespace.name", "k8s.node.name", "k8s.container.name"}

// downwardAPI uses the names that the detector looks for.
const downwardAPI = `env:
  - name: K8S_POD_NAME
    valueFrom: {fieldRef: {fieldPath: metadata.name}}
  - name: K8S_POD_UID
    valueFrom: {fieldRef: {fieldPath: metadata.uid}}
  - name: K8S_NAMESPACE
    valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
  - name: K8S_NODE_NAME
    valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
  - name: K8S_CONTAINER_NAME
    value: NAME-OF-THIS-CONTAINER`

func memory(s *otelresource.MemoryStats, say func(string, ...any)) {
	if s == nil {
		return
	}
	if s.Pressure == nil {
		say("Pressure (PSI) is absent: it needs Linux 4.20 with CONFIG_PSI, a boot without psi=0 (some distributions want psi=1), and for a cgroup of its own the v2 hierarchy.")
	}
	if s.Scope != otelresource.ScopeContainer {
		return
	}
	high := s.Has(otelresource.FieldHighBytes) && s.HighBytes < s.LimitBytes
	if machine(s.LimitSource) && !high {
		say("No memory limit is set: this process may take all of the machine's memory, and the machine's OOM killer decides who dies.")
	}
	if s.Events == nil {
		say("Memory events are absent: this cgroup has no memory.events (v2), and neither memory.failcnt nor memory.oom_control (v1).")
	}
	if !s.Has(otelresource.FieldSwapUsageBytes) {
		say("Swap of this cgroup is not known: the kernel does not account it (CONFIG_MEMCG_SWAP; on v1 boot with swapaccount=1).")
	}
	bound, known := s.LimitBytes, s.Has(otelresource.FieldLimitBytes)
	if s.Has(otelresource.FieldHighBytes) && (s.HighBytes < bound || !known) {
		bound, known = s.HighBytes, true
	}
	if known && s.Has(otelresource.FieldAvailableBytes) && s.AvailableBytes <= bound/10 {
		say("Only %s of memory can still be used (reclaimable page cache counts as free): a limit of this cgroup or of an ancestor, or the machine, is nearly used up.",
			human.Bytes(float64(s.AvailableBytes)))
	}
}

func cpu(s *otelresource.CPUStats, say func(string, ...any)) {
	if s == nil {
		return
	}
	if t := s.Throttling; t != nil && t.Has(otelresource.FieldThrottledPeriods) && t.Periods > 0 && 10*t.ThrottledPeriods > t.Periods {
		say("The quota ran out in %.0f %% of the periods: raise it, or run fewer threads at once.", 100*float64(t.ThrottledPeriods)/float64(t.Periods))
	}
	if s.Scope == otelresource.ScopeContainer && !s.Has(otelresource.FieldUsageSeconds) {
		say("CPU usage of this cgroup is not known: it has neither cpu.stat with usage_usec (v2) nor cpuacct.usage (v1).")
	}
}

// machine reports whether a limit is only the size of the machine.
func machine(source otelresource.LimitSource) bool {
	return source == otelresource.LimitSourceHost || source == otelresource.LimitSourceVirtualization
}
