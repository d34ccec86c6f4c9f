package dashboards

func limitsAndThrottling() Dashboard {
	return Dashboard{
		UID: "otelresource-limits", Title: "Resources / Limits and throttling",
		Description: "What limits each program, how near it is, and what happened at the limit.",
		Rows: []Row{
			{"What limits", []Panel{
				{
					Title: "Limits and what sets them", Kind: Table, Unit: Count, Width: 24,
					Description: "cgroup_v1, cgroup_v2: a limit of the program or of an ancestor; cpuset: the CPUs it may run on; platform, virtualization, host: nothing smaller than the machine limits it.",
					Queries:     []Query{{Expression: "max " + byAnd("otelresource_limit_resource", "otelresource_limit_source") + "(<otelresource.limit.info>)"}},
				},
			}},
			{"Memory", []Panel{
				curve("Memory against limit", Bytes, "Working set, and the limit that binds.", highest("container.memory.working_set")).
					against("limit", highest("container.memory.limit")),
				curve("Memory by kind", Bytes, "Anonymous memory cannot be dropped; page cache can, until it is in use again.", highest("container.memory.rss")).
					and("page cache", highest("container.memory.cache")),
				curve("Peak", Bytes, "The highest usage that the kernel saw, between two exports as well.", highest("container.memory.linux.peak")).
					against("limit", highest("container.memory.limit")),
				curve("Memory events", PerSecond, "high: throttled at memory.high. max: the limit was reached and memory reclaimed. oom_kill: a process was killed.",
					"sum "+byAnd("otelresource_memory_event")+"(rate(<container.memory.linux.events>[$__rate_interval]))").named("{{otelresource_memory_event}}"),
				curve("Major page faults", PerSecond, "Pages read from a disk: what was reclaimed is needed again.",
					rate(`container.memory.paging.faults system.paging.fault.type="major"`)),
				curve("Swap", Bytes, "Swap in use. Nothing where the kernel does not account it.", highest("container.memory.swap.usage")),
			}},
			{"CPU and tasks", []Panel{
				curve("CPU against limit", Cores, "Cores in use, and the limit that binds.", cpuUsage).against("limit", cpuLimit),
				curve("Throttled periods", Ratio, "Share of the enforcement periods in which the quota ran out. Short bursts do that while usage is far below the limit.",
					throttledShare).with(levels(throttledWarning, throttledCritical)),
				curve("CPU time withheld", Cores, "CPU seconds withheld in each second, over all CPUs: it may pass 1.",
					rate("container.cpu.throttling.time")),
				curve("Bursts", PerSecond, "Periods in which more than the quota was used, from what earlier periods left. Only where cpu.max.burst is set.",
					rate("container.cpu.burst.periods")),
				curve("Tasks against limit", Count, "Threads of the program's cgroup. At the limit no thread and no process can be started.",
					highest("container.pids.count")).against("limit", highest("container.pids.limit")),
			}},
		},
	}
}
