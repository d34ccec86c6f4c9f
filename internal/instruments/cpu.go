package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

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
	const quota, burst = "only while a quota exists", "only while a quota exists, since Linux 5.14"
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
			Series: []Series[cpu]{float(nil, func(s *cpu) sample.Opt[float64] { return s.Cgroup.Cores })},
		}, {
			Metric: Metric{
				Name: "container.cpu.limit", Unit: "{cpu}", Kind: UpDownCounter, Float: true, Scope: Container,
				Description: "Effective CPU limit: the smallest quota over all visible ancestors, the cpuset or the machine.",
				PriorArt:    "container.cpu.limit (Collector, dockerstats)", Note: "the affinity of the one process is left out",
			},
			Series: []Series[cpu]{{Float: func(s *cpu) (float64, bool) { return s.CgroupLimit.Value, s.CgroupLimit.Known() }}},
		}, {
			Metric: Metric{
				Name: "container.cpu.limit.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: Container, OptIn: WithUtilization,
				Description: "CPU usage as a share of the limit, the highest over the visible levels; bursts exceed 1.",
				PriorArt:    "k8s.container.cpu_limit_utilization (Collector, kubeletstats)",
			},
			Series: []Series[cpu]{float(nil, func(s *cpu) sample.Opt[float64] { return s.Cgroup.Utilization })},
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

// cpuModes are the modes of a machine's CPU.
var cpuModes = []struct {
	mode  attribute.KeyValue
	time  func(*sample.CPUTimes) sample.OptUint
	share func(sample.CPUShares) float64
}{
	{semconv.CPUModeUser, func(t *sample.CPUTimes) sample.OptUint { return t.User }, func(s sample.CPUShares) float64 { return s.User }},
	{semconv.CPUModeNice, func(t *sample.CPUTimes) sample.OptUint { return t.Nice }, func(s sample.CPUShares) float64 { return s.Nice }},
	{semconv.CPUModeSystem, func(t *sample.CPUTimes) sample.OptUint { return t.System }, func(s sample.CPUShares) float64 { return s.System }},
	{semconv.CPUModeIdle, func(t *sample.CPUTimes) sample.OptUint { return t.Idle }, func(s sample.CPUShares) float64 { return s.Idle }},
	{semconv.CPUModeIOWait, func(t *sample.CPUTimes) sample.OptUint { return t.IOWait }, func(s sample.CPUShares) float64 { return s.IOWait }},
	{semconv.CPUModeInterrupt, interrupt, func(s sample.CPUShares) float64 { return s.Interrupt }},
	{semconv.CPUModeSteal, func(t *sample.CPUTimes) sample.OptUint { return t.Steal }, func(s sample.CPUShares) float64 { return s.Steal }},
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
	for _, m := range cpuModes {
		time.Series = append(time.Series, seconds(attr(m.mode), func(s *cpu) sample.OptUint { return m.time(&s.System.Times) }))
		time.Items.Series = append(time.Items.Series, ItemSeries[cpu]{
			Attributes: attr(m.mode),
			Float: func(s *cpu, i int) (float64, bool) {
				n, ok := m.time(&s.System.PerCPU[i].Times).Get()
				return float64(n) / 1e9, ok
			},
		})
		share.Series = append(share.Series, Series[cpu]{
			Attributes: attr(m.mode),
			Float: func(s *cpu) (float64, bool) {
				modes, ok := s.System.Modes.Get()
				return m.share(modes), ok && m.time(&s.System.Times).Present()
			},
		})
		share.Items.Series = append(share.Items.Series, ItemSeries[cpu]{
			Attributes: attr(m.mode),
			Float: func(s *cpu, i int) (float64, bool) {
				one := &s.System.PerCPU[i]
				modes, ok := one.Modes.Get()
				return m.share(modes), ok && m.time(&one.Times).Present()
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
