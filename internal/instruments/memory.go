package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

type memory = sample.Memory

// Memory is the table of the memory collector.
func Memory() []Row[sample.Memory] {
	return append(reading(sample.PartCgroup, containerMemory()), reading(sample.PartSystem, systemMemory())...)
}

func containerMemory() []Row[memory] {
	rows := []Row[memory]{
		{
			Metric: Metric{
				Name: "container.memory.usage", Unit: "By", Kind: UpDownCounter, Scope: Container, Standard: true,
				Description: "Memory usage of the container.",
				Note:        "an up-down counter, as semantic conventions 1.44 correct it",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.Usage })},
		}, {
			Metric: Metric{
				Name: "container.memory.working_set", Unit: "By", Kind: UpDownCounter, Scope: Container, Standard: true,
				Description: "Container memory working set.",
				Note:        "usage without inactive file pages",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.WorkingSet })},
		}, {
			Metric: Metric{
				Name: "container.memory.rss", Unit: "By", Kind: UpDownCounter, Scope: Container, Standard: true,
				Description: "Container memory RSS.",
				Note:        "anonymous memory",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.RSS })},
		}, {
			Metric: Metric{
				Name: "container.memory.available", Unit: "By", Kind: UpDownCounter, Scope: Container, Standard: true,
				Description: "Container memory available.",
				Note:        "limit - working set, the smallest over the visible levels with a limit; no point without a limit; page cache that is active counts as used",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.Available })},
		}, {
			Metric: Metric{
				Name: "container.memory.cache", Unit: "By", Kind: UpDownCounter, Scope: Container,
				Description: "Page cache charged to the container.",
				PriorArt:    "container_memory_cache (cAdvisor)",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.Cache })},
		}, {
			Metric: Metric{
				Name: "container.memory.limit", Unit: "By", Kind: UpDownCounter, Scope: Container,
				Description: "Effective memory limit: the smallest that applies, over all visible ancestors.",
				PriorArt:    "container.memory.usage.limit (Collector, dockerstats)",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint {
				if !s.Limit.Known() {
					return sample.OptUint{}
				}
				return sample.SomeUint(s.Limit.Value)
			})},
		}, {
			Metric: Metric{
				Name: "container.memory.limit.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: Container, OptIn: WithUtilization,
				Description: "Working set as a share of the limit, the highest over the visible levels.",
				PriorArt:    "k8s.container.memory_limit_utilization (Collector, kubeletstats)",
			},
			Series: []Series[memory]{float(nil, func(s *memory) sample.Opt[float64] { return s.Cgroup.Utilization })},
		}, {
			Metric: Metric{
				Name: "container.memory.linux.high", Unit: "By", Kind: UpDownCounter, Scope: Container,
				Description: "Usage above which the kernel throttles the container and reclaims its memory (memory.high).",
				PriorArt:    "none", Note: "cgroup v2, the smallest over all visible levels; no point if none is set",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.High })},
		}, {
			Metric: Metric{
				Name: "container.memory.linux.peak", Unit: "By", Kind: Gauge, Scope: Container,
				Description: "Highest memory usage recorded; it may exceed the limit by some pages.",
				PriorArt:    "container_memory_max_usage_bytes (cAdvisor)", Note: "cgroup v1, and v2 since Linux 5.19",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.Peak })},
		}, {
			Metric: Metric{
				Name: "container.memory.swap.usage", Unit: "By", Kind: UpDownCounter, Scope: Container,
				Description: "Swap used by the container.",
				PriorArt:    "container_memory_swap (cAdvisor)", Note: "only where the kernel accounts swap",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.SwapUsage })},
		}, {
			Metric: Metric{
				Name: "container.memory.swap.limit", Unit: "By", Kind: UpDownCounter, Scope: Container,
				Description: "Swap that the container may use at most, the smallest limit over all visible ancestors.",
				PriorArt:    "container_spec_memory_swap_limit_bytes (cAdvisor)", Note: "no point without a limit; on cgroup v1 the limit of memory plus swap minus the memory limit",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.Cgroup.SwapLimit })},
		},
		memoryEvents(),
		faults(Metric{
			Name: "container.memory.paging.faults", Unit: "{fault}", Kind: Counter, Scope: Container, Standard: true,
			Description: "Container memory paging faults.",
		}, func(s *memory) *sample.Faults { return &s.Cgroup.Faults }),
		pressureTime(Container, "memory", func(s *memory) *sample.Pressure { return &s.Cgroup.Pressure }),
		pressureRatio(Container, "memory", func(s *memory) *sample.Pressure { return &s.Cgroup.Pressure }),
		limitInfo("memory", func(s *memory) sample.Source { return s.Limit.Source }),
	}
	return rows
}

func memoryEvents() Row[memory] {
	r := Row[memory]{Metric: Metric{
		Name: "container.memory.linux.events", Unit: "{event}", Kind: Counter, Scope: Container,
		Description: "Times that a memory boundary of the container was reached, and processes that were killed for it.",
		PriorArt:    "container_memory_failcnt, container_oom_events_total (cAdvisor)",
		Note:        "low, high, max, oom: of the cgroup with the smallest limit or, without a limit, the smallest memory.high; cgroup v1 has only max and oom_kill",
	}}
	for _, e := range []struct {
		name string
		read func(*sample.MemoryEvents) sample.OptUint
	}{
		{"low", func(e *sample.MemoryEvents) sample.OptUint { return e.Low }},
		{"high", func(e *sample.MemoryEvents) sample.OptUint { return e.High }},
		{"max", func(e *sample.MemoryEvents) sample.OptUint { return e.Max }},
		{"oom", func(e *sample.MemoryEvents) sample.OptUint { return e.OOM }},
		{"oom_kill", func(e *sample.MemoryEvents) sample.OptUint { return e.OOMKill }},
		{"oom_group_kill", func(e *sample.MemoryEvents) sample.OptUint { return e.OOMGroupKill }},
	} {
		r.Series = append(r.Series, integer(attr(MemoryEventKey.String(e.name)),
			func(s *memory) sample.OptUint { return e.read(&s.Cgroup.Events) }))
	}
	return r
}

func faults[S any](m Metric, of func(*S) *sample.Faults) Row[S] {
	return Row[S]{Metric: m, Series: []Series[S]{
		integer(attr(semconv.SystemPagingFaultTypeMinor), func(s *S) sample.OptUint { return of(s).Minor }),
		integer(attr(semconv.SystemPagingFaultTypeMajor), func(s *S) sample.OptUint { return of(s).Major }),
	}}
}

// Paging is the table of the paging collector.
func Paging() []Row[sample.Paging] {
	return []Row[sample.Paging]{faults(Metric{
		Name: "system.paging.faults", Unit: "{fault}", Kind: Counter, Scope: System, Standard: true,
		Description: "The number of page faults.",
		Note:        "on Linux the dearest of all: a View that drops it saves the reading of /proc/vmstat",
	}, func(s *sample.Paging) *sample.Faults { return &s.Faults })}
}

// memoryStates are the states that sum to the limit.
var memoryStates = []struct {
	state attribute.KeyValue
	read  func(*memory) sample.OptUint
}{
	{semconv.SystemMemoryStateUsed, func(s *memory) sample.OptUint { return s.System.Used }},
	{semconv.SystemMemoryStateFree, func(s *memory) sample.OptUint { return s.System.Free }},
	{semconv.SystemMemoryStateBuffers, func(s *memory) sample.OptUint { return s.System.Buffers }},
	{semconv.SystemMemoryStateCached, func(s *memory) sample.OptUint { return s.System.Cached }},
}

func systemMemory() []Row[memory] {
	usage := Row[memory]{Metric: Metric{
		Name: "system.memory.usage", Unit: "By", Kind: UpDownCounter, Scope: System, Standard: true,
		Description: "Reports memory in use by state.", Note: "the states sum to system.memory.limit; on macOS what firmware and kernel keep for themselves is in none",
	}}
	share := Row[memory]{Metric: Metric{
		Name: "system.memory.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: System, OptIn: WithUtilization, Standard: true,
		Description: "Percentage of memory bytes in use.", Note: "a ratio, 0 to 1",
	}}
	for _, m := range memoryStates {
		usage.Series = append(usage.Series, integer(attr(m.state), m.read))
		share.Series = append(share.Series, float(attr(m.state), func(s *memory) sample.Opt[float64] {
			n, ok := m.read(s).Get()
			total, ok2 := s.System.Total.Get()
			if !ok || !ok2 || total == 0 {
				return sample.Opt[float64]{}
			}
			return sample.Some(float64(n) / float64(total))
		}))
	}
	return []Row[memory]{
		usage, share,
		pressureTime(System, "memory", func(s *memory) *sample.Pressure { return &s.System.Pressure }), {
			Metric: Metric{
				Name: "system.memory.limit", Unit: "By", Kind: UpDownCounter, Scope: System, Standard: true,
				Description: "Total virtual memory available in the system.",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.System.Total })},
		}, {
			Metric: Metric{
				Name: "system.memory.linux.available", Unit: "By", Kind: UpDownCounter, Scope: System, Standard: true,
				Description: "An estimate of how much memory is available for starting new applications, without causing swapping.",
				Note:        "MemAvailable, at most MemTotal",
			},
			Series: []Series[memory]{integer(nil, func(s *memory) sample.OptUint { return s.System.Available })},
		}, {
			Metric: Metric{
				Name: "system.paging.usage", Unit: "By", Kind: UpDownCounter, Scope: System, Standard: true,
				Description: "Unix swap or windows pagefile usage.",
			},
			Series: []Series[memory]{
				integer(attr(semconv.SystemPagingStateUsed), func(s *memory) sample.OptUint { return s.System.SwapUsed }),
				integer(attr(semconv.SystemPagingStateFree), func(s *memory) sample.OptUint {
					total, ok := s.System.SwapTotal.Get()
					if !ok {
						return s.System.SwapTotal
					}
					return sample.SomeUint(total - min(total, s.System.SwapUsed.Or(0)))
				}),
			},
		}}
}
