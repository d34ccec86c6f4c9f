package dashboards

import (
	"fmt"
	"strings"
)

// RecordingRule keeps an expression that several alerts and readers use.
type RecordingRule struct {
	Record, Expression, Reason string
}

// AlertingRule is something that a person should look at.
type AlertingRule struct {
	Alert, Expression, For, Severity string
	// Reason says why this threshold and this duration.
	Reason string
	// Summary is one line for the pager; Description says what to do.
	Summary, Description string
}

// recordings are the ratios that the alerts look at.
func recordings() []RecordingRule {
	return []RecordingRule{
		{"instance:container_memory_utilization:ratio", memoryUtilization,
			"The working set as a share of the effective limit."},
		{"instance:container_cpu_utilization:ratio_rate5m", cpuUtilization,
			"CPU usage as a share of the effective limit."},
		{"instance:container_cpu_throttled_periods:ratio_rate5m", throttledShare,
			"The share of enforcement periods in which the quota ran out. No series while no period passes: an idle cgroup has none."},
	}
}

const who = "{{ $labels.service_name }} {{ $labels.k8s_pod_name }} {{ $labels.service_instance_id }}"

// above is what is more than a threshold.
func above(expression string, threshold float64) string {
	return fmt.Sprintf("%s > %v", expression, threshold)
}

func alerts() []AlertingRule {
	return []AlertingRule{
		{
			Alert: "ContainerMemoryNearLimit", For: "10m", Severity: "warning",
			Expression:  above("instance:container_memory_utilization:ratio", memoryCritical),
			Reason:      "The working set leaves out what the kernel can drop at once: at nine tenths little is left to reclaim. Ten minutes outlast a batch or a garbage collection.",
			Summary:     who + " uses {{ $value | humanizePercentage }} of its memory limit",
			Description: "What follows is an OOM kill. Look for a leak, set GOMEMLIMIT below the limit, or raise the limit.",
		}, {
			Alert: "ContainerOOMKilled", For: "0m", Severity: "critical",
			Expression:  `sum ` + by + `(increase(<container.memory.linux.events otelresource.memory.event="oom_kill">[10m])) > 0`,
			Reason:      "Every kill is lost work, so there is no threshold and no wait. The count belongs to the cgroup: it is seen where a child process died, or where the container was restarted in place; one that was replaced starts at zero.",
			Summary:     who + ": the kernel killed a process for want of memory",
			Description: "The limit or an ancestor's was reached, or the machine ran out. Compare the peak with the limit.",
		}, {
			Alert: "ContainerCPUThrottled", For: "15m", Severity: "warning",
			Expression:  above("instance:container_cpu_throttled_periods:ratio_rate5m", throttledCritical),
			Reason:      "In every fourth period the program stood still until the next one, 100 ms by default: that is what its slowest requests wait. A quarter of an hour outlasts a start and a deployment.",
			Summary:     who + " is throttled in {{ $value | humanizePercentage }} of its CPU periods",
			Description: "Raise the quota, allow bursts (cpu.max.burst), or lower GOMAXPROCS to the limit so that the quota is not spent at once.",
		}, {
			Alert: "ContainerMemoryPressure", For: "10m", Severity: "warning",
			Expression:  above(stalled("container", "memory", "full"), memoryPressureCritical),
			Reason:      "Full: nothing ran at all, for a tenth of the time. That is thrashing, and it comes before the OOM kill.",
			Summary:     who + " stood still for want of memory {{ $value | humanizePercentage }} of the time",
			Description: "The working set does not fit. Raise the limit, or memory.high where that is what throttles.",
		}, {
			Alert: "ContainerCPUPressure", For: "15m", Severity: "warning",
			Expression:  above(stalled("container", "cpu", "some"), cpuPressureCritical),
			Reason:      "Some: a runnable task waited, for half of the time. Shorter waits are what a shared CPU is.",
			Summary:     who + " waited for a CPU {{ $value | humanizePercentage }} of the time",
			Description: "Its own quota or its neighbors: throttled periods tell which. Without throttling the machine is too small or the weight too low.",
		}, {
			Alert: "ContainerIOPressure", For: "15m", Severity: "warning",
			Expression:  above(stalled("container", "io", "full"), ioPressureCritical),
			Reason:      "Full: nothing ran, because all of it waited for a disk. Some programs are made for that, so that a fifth of the time for a quarter of an hour is a hint and not a fault.",
			Summary:     who + " stood still for want of I/O {{ $value | humanizePercentage }} of the time",
			Description: "The disk is slow, shared or throttled (io.max), or page cache is too small: memory pressure and major faults tell.",
		}, {
			Alert: "ContainerTasksNearLimit", For: "10m", Severity: "warning",
			Expression:  above(share("container.pids.count", "container.pids.limit"), pidsWarning),
			Reason:      "At the limit every new thread fails, and a Go program ends with it. The last tenth is a burst of blocking calls.",
			Summary:     who + " has {{ $value | humanizePercentage }} of the tasks that it may have",
			Description: "Look for threads that block in system calls or C, or raise pids.max.",
		}, {
			Alert: "ContainerNetworkErrors", For: "15m", Severity: "warning",
			Expression:  above(networkLoss, networkErrors),
			Reason:      "A link loses a packet now and then. With one in a hundred every stream slows down, and a quarter of an hour is no burst.",
			Summary:     who + " loses {{ $value | humanizePercentage }} of its packets",
			Description: "Errors are a bad link; drops are queues that were full, often for want of CPU.",
		}, {
			Alert: "ContainerSwapping", For: "15m", Severity: "warning",
			Expression:  above(share("container.memory.swap.usage", "container.memory.limit"), swapWarning),
			Reason:      "A little swap holds what a program used once at its start. A tenth of the limit is more than that, and each touch of it waits for a disk.",
			Summary:     who + " has {{ $value | humanizePercentage }} of its memory limit in swap",
			Description: "Raise the memory limit, or forbid swap so that the lack shows as what it is.",
		}, {
			Alert: "ResourceMetricsMissing", For: "5m", Severity: "warning",
			Expression: `count by (service_name) (max_over_time(<container.memory.limit>[1h]) or max_over_time(<system.memory.limit>[1h]))` +
				` unless count by (service_name) (<container.memory.limit> or <system.memory.limit>)`,
			Reason:      "By service: one instance that goes is a deployment, all of them are not. A series is stale five minutes after its last sample, so that with the wait ten exports of the default interval were missed. After an hour the alert ends by itself: a service that was removed is no fault.",
			Summary:     "{{ $labels.service_name }} no longer reports its resources",
			Description: "It stopped, or the way to here is broken: look at the Collector's own metrics, then at the program.",
		}, {
			Alert: "ResourceSourceUnreadable", For: "30m", Severity: "info",
			Expression:  "sum " + byAnd("otelresource_source", "error_type") + `(rate(<otelresource.source.errors>[15m])) > 0`,
			Reason:      "One failed reading is a file that moved. Half an hour of them is a permission or a mount, and a number that is missing elsewhere.",
			Summary:     who + " cannot read {{ $labels.otelresource_source }}: {{ $labels.error_type }}",
			Description: "Run examples/doctor in the same place: it says what would be needed.",
		},
	}
}

// Rules returns the rule file of Prometheus.
func Rules() (string, error) {
	var b strings.Builder
	b.WriteString(`# Recording and alerting rules for Prometheus and what reads its rules (Mimir,
# Thanos, vmalert). Made from internal/dashboards: change them there and run
# make generate. Their tests are in rules_test.yaml.
#
# Every selector asks for a service_name, which keeps cAdvisor's series of the
# same names out.
groups:
  - name: otelresource-recordings
    rules:
`)
	rule := func(expression string) (string, error) {
		expr, err := expand(expression, anyService)
		return strings.ReplaceAll(expr, "$__rate_interval", "5m"), err // a rule has no variables
	}
	for _, r := range recordings() {
		expr, err := rule(r.Expression)
		if err != nil {
			return "", fmt.Errorf("%s: %w", r.Record, err)
		}
		comment(&b, r.Reason)
		fmt.Fprintf(&b, "      - record: %s\n        expr: |-\n          %s\n", r.Record, expr)
	}
	b.WriteString("  - name: otelresource-alerts\n    rules:\n")
	for _, a := range alerts() {
		expr, err := rule(a.Expression)
		if err != nil {
			return "", fmt.Errorf("%s: %w", a.Alert, err)
		}
		comment(&b, a.Reason)
		fmt.Fprintf(&b, "      - alert: %s\n        expr: |-\n          %s\n        for: %s\n        labels:\n          severity: %s\n", a.Alert, expr, a.For, a.Severity)
		fmt.Fprintf(&b, "        annotations:\n          summary: %q\n          description: %q\n", a.Summary, a.Description)
	}
	return b.String(), nil
}

// comment wraps a sentence into lines of YAML comment.
func comment(b *strings.Builder, text string) {
	line := "      #"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			b.WriteString(line + "\n")
			line = "      #"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
