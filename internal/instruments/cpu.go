package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

type cpu = sample.CPU

// CPU is the table of the CPU collector.
func CPU() []Row[sample.CPU] {
	return append(reading(sample.PartCgroup, containerCPU()), reading(sample.PartSystem, systemCPU())...)
}

func containerCPU() []Row[cpu] {
	throttling := func(name, unit, description, note string, read func(*sample.Throttling) sample.OptUint) Row[cpu] {
		get := func(s *cpu) sample.OptUint { return read(&s.Cgroup.Throttling) }
		m := Metric{
			Name: name, Unit: unit, Kind: Counter, Scope: Container, Description: description,
			PriorArt: "container.cpu.throttling_data.* (Collector, dockerstats)", Note: note, Float: unit == "s",
		}
		if m.Float {
			return Row[cpu]{Metric: m, Series: []Series[cpu]{seconds(nil, get)}}
		}
		return Row[cpu]{Metric: m, Series: []Series[cpu]{integer(nil, get)}}
	}
	const quota, burst = "from the first quota on", "from the first quota on, since Linux 5.14"
	return []Row[cpu]{
		{
			Metric: Metric{
				Name: "container.cpu.time", Unit: "s", Kind: Counter, Float: true, Scope: Container, Standard: true,
				Description: "CPU time consumed.",
			},
			Series: []Series[cpu]{
				seconds(attr(semconv.CPUModeUser), func(s *cpu) sample.OptUint { return s.Cgroup.User }),
				seconds(attr(semconv.CPUModeSystem), func(s *cpu) sample.OptUint { return s.Cgroup.System }),
			},
		}, {
			Metric: Metric{
				Name: "container.cpu.usage", Unit: "{cpu}", Kind: Gauge, Float: true, Scope: Container, OptIn: WithUtilization, Standard: true,
				Description: "Container's CPU usage, measured in cpus. Range from 0 to the number of allocatable CPUs.",
			},
			Series: []Series[cpu]{{Ratios: func(dst []counter.Ratio, s *cpu, _ int) []counter.Ratio {
				return containerUsage(dst, s, 1)
			}}},
		}, {
			Metric: Metric{
				Name: "container.cpu.limit", Unit: "{cpu}", Kind: UpDownCounter, Float: true, Scope: Container,
				Description: "Effective CPU limit: the smallest quota over all visible ancestors, the cpuset or the machine.",
				PriorArt:    "container.cpu.limit (Collector, dockerstats)", Note: "the affinity of the one process is left out",
			},
			Series: []Series[cpu]{{Float: func(s *cpu, _ int) (float64, bool) { return s.CgroupLimit.Value, s.CgroupLimit.Known() }}},
		}, {
			Metric: Metric{
				Name: "container.cpu.limit.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: Container, OptIn: WithUtilization,
				Description: "CPU usage as a share of the limit, the highest over the visible levels; bursts exceed 1.",
				PriorArt:    "k8s.container.cpu_limit_utilization (Collector, kubeletstats)",
			},
			Series: []Series[cpu]{{Ratios: limitUtilization}},
		},
		throttling("container.cpu.throttling.periods", "{period}", "Enforcement periods that have passed, of the cgroup whose quota binds.", quota,
			func(t *sample.Throttling) sample.OptUint { return t.Periods }),
		throttling("container.cpu.throttling.throttled_periods", "{period}", "Periods in which the quota ran out, of the cgroup whose quota binds.", quota,
			func(t *sample.Throttling) sample.OptUint { return t.Throttled }),
		throttling("container.cpu.throttling.time", "s", "Time that CPUs were withheld, of the cgroup whose quota binds; it sums over CPUs and may pass wall time.", quota,
			func(t *sample.Throttling) sample.OptUint { return t.Time }),
		throttling("container.cpu.burst.periods", "{period}", "Periods in which more than the quota was used, from what earlier periods left.", burst,
			func(t *sample.Throttling) sample.OptUint { return t.Bursts }),
		throttling("container.cpu.burst.time", "s", "CPU time used above the quota.", burst,
			func(t *sample.Throttling) sample.OptUint { return t.BurstTime }),
		pressureTime(Container, "cpu", func(s *cpu) *sample.Pressure { return &s.Cgroup.Pressure }),
		pressureRatio(Container, "cpu", func(s *cpu) *sample.Pressure { return &s.Cgroup.Pressure }),
		limitInfo("cpu", func(s *cpu) sample.Source { return s.CgroupLimit.Source }),
		{
			Metric: Metric{
				Name: "container.pids.count", Unit: "{thread}", Kind: UpDownCounter, Scope: Container, Reads: sample.PartTasks,
				Description: "Tasks of the container; the kernel's pids controller counts every thread.",
				PriorArt:    "container.pids.count (Collector, dockerstats)",
			},
			Series: []Series[cpu]{integer(nil, func(s *cpu) sample.OptUint { return s.Cgroup.Tasks.Count })},
		}, {
			Metric: Metric{
				Name: "container.pids.limit", Unit: "{thread}", Kind: UpDownCounter, Scope: Container, Reads: sample.PartTasks,
				Description: "Tasks that the container may have at most, the smallest limit over all visible ancestors.",
				PriorArt:    "container.pids.limit (Collector, dockerstats)", Note: "no point without a limit",
			},
			Series: []Series[cpu]{integer(nil, func(s *cpu) sample.OptUint { return s.Cgroup.Tasks.Limit })},
		}, {
			Metric: Metric{
				Name: "container.uptime", Unit: "s", Kind: Gauge, Float: true, Scope: Container, Standard: true, Reads: sample.PartTasks,
				Description: "The time the container has been running.",
				Note:        "only with a PID namespace of its own",
			},
			Series: []Series[cpu]{seconds(nil, func(s *cpu) sample.OptUint { return s.Cgroup.Uptime })},
		},
	}
}

// containerUsage compares the cgroup's CPU time with the time that passed. A
// total that was not read again stands still, which is not the same as idle.
func containerUsage(dst []counter.Ratio, s *cpu, scale float64) []counter.Ratio {
	if s.Cgroup.Held {
		return dst
	}
	return usage(dst, s.Cgroup.Usage, scale, s.Cgroup.Breaks)
}

// limitUtilization compares the CPU time of the cgroup with the limit, and that
// of each ancestor with its quota. Under a quota that siblings use up, a process
// is throttled however little it uses itself.
func limitUtilization(dst []counter.Ratio, s *cpu, _ int) []counter.Ratio {
	if s.Cgroup.Held {
		return dst // it may be the highest
	}
	if s.CgroupLimit.Value > 0 {
		dst = containerUsage(dst, s, 1/s.CgroupLimit.Value)
	}
	for i := range s.Cgroup.Levels {
		l := &s.Cgroup.Levels[i]
		if n, ok := l.Usage.Get(); ok && l.Quota > 0 {
			dst = append(dst, counter.Ratio{Num: n, PerTime: true, Scale: 1 / l.Quota, Which: l.Level, Breaks: l.Breaks})
		}
	}
	return dst
}

// cpuModes are the modes of a machine's CPU.
var cpuModes = []struct {
	mode attribute.KeyValue
	time func(*sample.CPUTimes) sample.OptUint
}{
	{semconv.CPUModeUser, func(t *sample.CPUTimes) sample.OptUint { return t.User }},
	{semconv.CPUModeNice, func(t *sample.CPUTimes) sample.OptUint { return t.Nice }},
	{semconv.CPUModeSystem, func(t *sample.CPUTimes) sample.OptUint { return t.System }},
	{semconv.CPUModeIdle, func(t *sample.CPUTimes) sample.OptUint { return t.Idle }},
	{semconv.CPUModeIOWait, func(t *sample.CPUTimes) sample.OptUint { return t.IOWait }},
	{semconv.CPUModeInterrupt, interrupt},
	{semconv.CPUModeSteal, func(t *sample.CPUTimes) sample.OptUint { return t.Steal }},
}

// interrupt is hard and soft interrupts together: the convention has one mode.
func interrupt(t *sample.CPUTimes) sample.OptUint {
	hard, ok := t.IRQ.Get()
	if !ok {
		return t.IRQ
	}
	return sample.SomeUint(hard + t.SoftIRQ.Or(0))
}

func systemCPU() []Row[cpu] {
	time := Row[cpu]{
		Metric: Metric{
			Name: "system.cpu.time", Unit: "s", Kind: Counter, Float: true, Scope: System, Standard: true,
			Description: "Seconds each logical CPU spent on each mode.",
			Note:        "guest time is inside user and nice; cpu.logical_number with WithPerCPU",
		},
		Items: eachCPU(),
	}
	share := Row[cpu]{
		Metric: Metric{
			Name: "system.cpu.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: System, OptIn: WithUtilization, Standard: true,
			Description: "For each logical CPU, the utilization is calculated as the change in cumulative CPU time (cpu.time) over a measurement interval, divided by the elapsed time.",
			Note:        "the modes sum to 1; cpu.logical_number with WithPerCPU",
		},
		Items: eachCPU(),
	}
	// The modes are shares of their sum: the clock is read at another moment than the times.
	of := func(dst []counter.Ratio, mode sample.OptUint, all *sample.CPUTimes, breaks uint32) []counter.Ratio {
		if n, ok := mode.Get(); ok {
			dst = append(dst, counter.Ratio{Num: n, Den: all.All(), Breaks: breaks})
		}
		return dst
	}
	for _, m := range cpuModes {
		time.Series = append(time.Series, point(attr(m.mode), micros, func(s *cpu) sample.OptUint { return m.time(&s.System.Times) }))
		time.Items.Series = append(time.Items.Series, Series[cpu]{
			Attributes: attr(m.mode), Per: micros,
			Uint: func(s *cpu, i int) sample.OptUint { return m.time(&s.System.PerCPU[i].Times) },
		})
		share.Series = append(share.Series, Series[cpu]{
			Attributes: attr(m.mode),
			Ratios: func(dst []counter.Ratio, s *cpu, _ int) []counter.Ratio {
				return of(dst, m.time(&s.System.Times), &s.System.Times, s.System.Breaks)
			},
		})
		share.Items.Series = append(share.Items.Series, Series[cpu]{
			Attributes: attr(m.mode),
			Ratios: func(dst []counter.Ratio, s *cpu, i int) []counter.Ratio {
				one := &s.System.PerCPU[i]
				return of(dst, m.time(&one.Times), &one.Times, one.Breaks)
			},
		})
	}
	return []Row[cpu]{time, share, pressureTime(System, "cpu", func(s *cpu) *sample.Pressure { return &s.System.Pressure }),
		pressureTime(System, "irq", func(s *cpu) *sample.Pressure { return &s.System.IRQ }), {
			Metric: Metric{
				Name: "system.cpu.logical.count", Unit: "{cpu}", Kind: UpDownCounter, Scope: System, Standard: true, Reads: sample.PartSystemInfo,
				Description: "Reports the number of logical (virtual) processor cores created by the operating system to manage multitasking.",
			},
			Series: []Series[cpu]{integer(nil, func(s *cpu) sample.OptUint { return s.System.Logical })},
		}, {
			Metric: Metric{
				Name: "system.uptime", Unit: "s", Kind: Gauge, Float: true, Scope: System, Standard: true, Reads: sample.PartSystemInfo,
				Description: "The time the system has been running.",
				Note:        "suspended time counts; under LXCFS it is the container's, as /proc/uptime shows it",
			},
			Series: []Series[cpu]{seconds(nil, func(s *cpu) sample.OptUint { return s.System.Uptime })},
		}}
}

func eachCPU() *Items[cpu] {
	return &Items[cpu]{
		Detail:     PerCPU,
		Len:        func(s *cpu) int { return len(s.System.PerCPU) },
		Key:        func(s *cpu, i int) ItemKey { return ItemKey{Number: s.System.PerCPU[i].Number} },
		Attributes: func(k ItemKey) []attribute.KeyValue { return attr(semconv.CPULogicalNumber(k.Number)) },
	}
}
