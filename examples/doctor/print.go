package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cboxdk/resource-monitor/examples/internal/human"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// page writes titled tables of cells.
type page struct {
	w     *tabwriter.Writer
	begun bool
}

func (p *page) title(format string, args ...any) {
	if p.begun {
		fmt.Fprintln(p.w)
	}
	p.begun = true
	fmt.Fprintf(p.w, format+"\n", args...)
}

// row writes the cells; columns after the last one filled take no room.
func (p *page) row(cells ...string) {
	for len(cells) > 0 && cells[len(cells)-1] == "" {
		cells = cells[:len(cells)-1]
	}
	fmt.Fprintln(p.w, "  "+strings.Join(cells, "\t"))
}

// optional writes the row only where there is a value.
func (p *page) optional(name, value string) {
	if value != "" {
		p.row(name, value)
	}
}

func (r *report) print(out io.Writer) error {
	p := &page{w: tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	p.environment(r.Environment)
	p.limits(r.Limits)
	p.memory(r.Memory)
	p.cpu(r.CPU)
	p.io(r.IO)
	p.network(r.Network)
	p.list("Errors", slices.Sorted(maps.Values(r.Errors)))
	p.list("Sources that cannot be read", r.Failures)
	p.list("Advice", r.Advice)
	return p.w.Flush()
}

func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.title("%s", title)
	for _, l := range lines {
		for i, line := range strings.Split(l, "\n") {
			if i == 0 {
				line = "- " + line
			} else {
				line = "    " + line
			}
			p.row(line)
		}
	}
}

func (p *page) environment(info *otelresource.EnvironmentInfo) {
	p.title("Environment")
	p.row("platform", strings.ReplaceAll(info.Platform, "_", " "))
	p.row("system", strings.TrimSpace(info.OS+"/"+info.Arch+" "+info.Kernel))
	p.optional("host name", info.Hostname)
	if c := info.Container; c != nil {
		p.row("container runtime", cmp.Or(c.Runtime, "unknown"))
		p.optional("container id", c.ID)
		p.optional("container name", c.Name)
		p.optional("orchestrator", c.Orchestrator)
		p.optional("pod", c.PodName)
		p.optional("pod uid", c.PodUID)
		p.optional("namespace", c.Namespace)
		p.optional("container in pod", c.ContainerName)
		p.optional("node", c.NodeName)
		p.optional("QoS class", c.QOSClass)
		p.optional("sandbox", c.Sandbox)
	} else {
		p.row("container", "none")
	}
	if v := info.Virtualization; v != nil {
		p.row("virtualization", strings.TrimSpace(string(v.Type)+" "+v.Role))
		p.optional("vendor", v.Vendor)
		if g := v.Guest; g != nil {
			if g.MemoryLimit > 0 {
				p.row("guest memory", human.Bytes(float64(g.MemoryLimit)))
			}
			if g.CPULimit > 0 {
				p.row("guest CPUs", fmt.Sprintf("%g", g.CPULimit))
			}
		}
	}
	p.cgroup(info.Cgroup)
	if len(info.Evidence) == 0 {
		return
	}
	p.title("Evidence")
	for _, f := range info.Evidence {
		sign := ""
		if f.Contradiction {
			sign = "! "
		}
		p.row(sign+f.Key, f.Value, f.Source, f.Reason)
	}
}

func (p *page) cgroup(c *otelresource.CgroupInfo) {
	if c == nil {
		p.row("cgroup", "not visible")
		return
	}
	p.row("cgroup interface", c.Version.String())
	p.optional("controllers", strings.Join(c.Controllers, " "))
	p.optional("systemd unit", c.Unit)
	p.optional("systemd slice", c.Slice)
	p.title("Cgroups")
	for _, name := range slices.Sorted(maps.Keys(c.Paths)) {
		p.row(cmp.Or(name, "(v2)"), c.Paths[name], c.Dirs[name])
	}
}

func (p *page) limits(l *otelresource.ResourceLimits) {
	if l == nil {
		return
	}
	p.title("Limits that bind")
	for _, limit := range []*otelresource.Limit{l.Memory, l.CPU} {
		if limit != nil {
			p.limit(*limit)
		}
	}
	p.title("Limits found")
	for _, limit := range l.All {
		p.limit(limit)
	}
}

func (p *page) limit(l otelresource.Limit) {
	p.row(strings.TrimSpace(l.Kind+" "+l.Device), strings.ReplaceAll(human.Value(l.Value, l.Unit), "_", " "), string(l.Source), cmp.Or(l.Cgroup, "-"), cmp.Or(l.File, "system call"))
}

// number is a number of a statistics struct, as text.
type number struct {
	name  string
	field otelresource.Field
	text  string
}

// numbers writes the numbers that a struct has, and which it does not have.
func (p *page) numbers(has func(otelresource.Field) bool, all ...number) {
	for _, n := range all {
		if !has(n.field) {
			n.text = "absent"
		}
		p.row(n.name, n.text)
	}
}

func size(n int64) string { return human.Bytes(float64(n)) }

func seconds(n float64) string { return human.Value(n, "s") }

func cores(n float64) string { return human.Value(n, "{cpu}") }

func count(n int64) string { return fmt.Sprint(n) }

func (p *page) memory(s *otelresource.MemoryStats) {
	if s == nil {
		return
	}
	p.title("Memory (%s)", s.Scope)
	p.optional("cgroup", s.UsageCgroup)
	p.numbers(s.Has,
		number{"usage", otelresource.FieldUsageBytes, size(s.UsageBytes)},
		number{"available", otelresource.FieldAvailableBytes, size(s.AvailableBytes)},
		number{"limit", otelresource.FieldLimitBytes, size(s.LimitBytes)})
	p.by(s.LimitSource, s.LimitCgroup, s.LimitFile)
	if s.Scope == otelresource.ScopeContainer { // the machine has no such numbers
		p.numbers(s.Has,
			number{"throttled above (memory.high)", otelresource.FieldHighBytes, size(s.HighBytes)},
			number{"working set", otelresource.FieldWorkingSetBytes, size(s.WorkingSetBytes)},
			number{"anonymous (RSS)", otelresource.FieldRSSBytes, size(s.RSSBytes)})
	}
	p.numbers(s.Has,
		number{"page cache", otelresource.FieldCacheBytes, size(s.CacheBytes)},
		number{"swap usage", otelresource.FieldSwapUsageBytes, size(s.SwapUsageBytes)},
		number{"swap limit", otelresource.FieldSwapLimitBytes, size(s.SwapLimitBytes)})
	p.pressure(s.Pressure)
	if e := s.Events; e != nil {
		p.numbers(e.Has,
			number{"events low", otelresource.FieldLow, count(e.Low)},
			number{"events high", otelresource.FieldHigh, count(e.High)},
			number{"events max", otelresource.FieldMax, count(e.Max)},
			number{"events oom", otelresource.FieldOOM, count(e.OOM)},
			number{"processes killed", otelresource.FieldOOMKill, count(e.OOMKill)},
			number{"groups killed", otelresource.FieldOOMGroupKill, count(e.OOMGroupKill)})
	}
}

// pressure writes how much tasks are held up; a kernel without PSI has nothing to say.
func (p *page) pressure(s *otelresource.Pressure) {
	if s == nil {
		p.row("pressure", "absent")
		return
	}
	for _, line := range []struct {
		name  string
		stall *otelresource.Stall
	}{{"pressure, some", s.Some}, {"pressure, full", s.Full}} {
		if line.stall != nil {
			p.row(line.name, fmt.Sprintf("%.1f %% of the last 10 s, %s in all", 100*line.stall.Avg10, seconds(line.stall.TotalSeconds)))
		}
	}
}

// by writes what sets a limit.
func (p *page) by(source otelresource.LimitSource, cgroup, file string) {
	if source == "" {
		return
	}
	text := string(source)
	if cgroup != "" {
		text += ", cgroup " + cgroup
	}
	if file != "" {
		text += ", " + file
	}
	p.row("limit set by", text)
}

func (p *page) cpu(s *otelresource.CPUStats) {
	if s == nil {
		return
	}
	p.title("CPU (%s)", s.Scope)
	p.numbers(s.Has,
		number{"in use", otelresource.FieldUsageCores, cores(s.UsageCores)},
		number{"share of the limit", otelresource.FieldUsagePercent, fmt.Sprintf("%.1f %%", s.UsagePercent)},
		number{"limit", otelresource.FieldLimitCores, cores(s.LimitCores)})
	p.by(s.LimitSource, s.LimitCgroup, s.LimitFile)
	p.numbers(s.Has,
		number{"may run on", otelresource.FieldAvailableCores, cores(s.AvailableCores)},
		number{"time, all", otelresource.FieldUsageSeconds, seconds(s.UsageSeconds)},
		number{"time, user", otelresource.FieldUserSeconds, seconds(s.UserSeconds)},
		number{"time, system", otelresource.FieldSystemSeconds, seconds(s.SystemSeconds)})
	if s.Has(otelresource.FieldQuotaUs) {
		p.row("quota", fmt.Sprintf("%d µs in each %d µs", s.QuotaUs, s.QuotaPeriodUs))
	}
	if s.Has(otelresource.FieldShares) {
		p.row("shares", count(s.Shares))
	}
	if s.Has(otelresource.FieldWeight) {
		p.row("weight", count(s.Weight))
	}
	p.pressure(s.Pressure)
	if t := s.Throttling; t != nil {
		p.numbers(t.Has,
			number{"periods", otelresource.FieldPeriods, count(t.Periods)},
			number{"periods throttled", otelresource.FieldThrottledPeriods, count(t.ThrottledPeriods)},
			number{"time throttled", otelresource.FieldThrottledSeconds, seconds(t.ThrottledSeconds)},
			number{"periods of burst", otelresource.FieldBurstPeriods, count(t.BurstPeriods)},
			number{"time of burst", otelresource.FieldBurstSeconds, seconds(t.BurstSeconds)})
	}
}
