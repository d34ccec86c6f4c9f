package dashboards

// The expressions that more than one place shows.
var (
	memoryUtilization = share("container.memory.working_set", "container.memory.limit")
	cpuUsage          = rate("container.cpu.time")
	cpuLimit          = highest("container.cpu.limit")
	cpuUtilization    = cpuUsage + " / " + cpuLimit
	throttledShare    = "max " + by + "(rate(<container.cpu.throttling.throttled_periods>[$__rate_interval]) / (rate(<container.cpu.throttling.periods>[$__rate_interval]) > 0))"
	networkLoss       = "(" + rate("container.network.errors") + " + " + rate("container.network.packet.dropped") + ") / (" + rate("container.network.packet.count") + " > 0)"
)

// overview follows the USE method: utilization, saturation and errors of each
// resource, the programs' own first and the machines' after them.
func overview() Dashboard {
	return Dashboard{
		UID: "otelresource-overview", Title: "Resources / Overview",
		Description: "Utilization, saturation and errors of each resource, of every program against its own limits.",
		Rows: []Row{
			{"At a glance", []Panel{
				number("Programs", Count, "Programs that report the limits of a cgroup or of their machine.",
					"count("+highest("container.memory.limit")+" or "+highest("system.memory.limit")+")"),
				number("Fullest memory", Ratio, "The highest working set as a share of its own limit.",
					"max("+memoryUtilization+")").with(limits),
				number("Busiest CPU", Ratio, "The highest CPU usage as a share of its own limit.",
					"max("+cpuUtilization+")").with(levels(cpuWarning, cpuCritical)),
				number("Most throttled", Ratio, "The highest share of periods in which a quota ran out. Nothing where no quota is set.",
					"max("+throttledShare+")").with(levels(throttledWarning, throttledCritical)),
				number("OOM kills", Count, "Processes killed for memory in the time shown. A container that is replaced takes its count along.",
					`sum(increase(<container.memory.linux.events otelresource.memory.event="oom_kill">[$__range]))`).with(anything),
				number("Unreadable sources", Count, "Readings of a kernel file that failed in the time shown; the program examples/doctor says why.",
					"sum(increase(<otelresource.source.errors>[$__range])) or vector(0)").with(anything),
			}},
			{"Memory", []Panel{
				curve("Memory utilization", Ratio, "Working set as a share of the effective limit: the smallest over all ancestors. At 100 % the kernel kills.",
					memoryUtilization).with(limits),
				curve("Working set and limit", Bytes, "What is really in use, against the limit that binds. A dashed line that moves is a limit that was changed in place.",
					highest("container.memory.working_set")).against("limit", highest("container.memory.limit")),
				curve("Memory left", Bytes, "Limit less working set, the smallest over all levels: other programs in the same pod or slice count. Page cache in active use counts as used. Nothing if no cgroup limits memory.",
					"min "+by+"(<container.memory.available>)"),
			}},
			{"CPU", []Panel{
				curve("CPU utilization", Ratio, "CPU usage as a share of the effective limit. Bursts may pass 100 %.",
					cpuUtilization).with(levels(cpuWarning, cpuCritical)),
				curve("Cores in use and limit", Cores, "Cores in use, against the quota, the cpuset or the machine, whichever is smallest.", cpuUsage).
					against("limit", cpuLimit),
				curve("Throttled periods", Ratio, "Saturation: the share of enforcement periods in which the quota ran out, each a pause of up to a period.",
					throttledShare).with(levels(throttledWarning, throttledCritical)),
			}},
			{"Disk", []Panel{
				curve("Disk I/O", BytesPerSec, "Bytes read and written by each program.",
					rate(`container.disk.io disk.io.direction="read"`)).
					named("read").
					and("write", rate(`container.disk.io disk.io.direction="write"`)),
				curve("Disk operations", PerSecond, "Operations by each program. Many small ones tire a disk before bytes do.",
					rate("container.disk.operations")),
				curve("Disks at work", Ratio, "Time in which the machine's disks were at work, summed over the disks. A disk that serves many at once is not full at 100 %.",
					rate("system.disk.io_time")),
			}},
			{"Network", []Panel{
				curve("Network I/O", BytesPerSec, "Bytes of each program's network namespace. The containers of a pod share one: each shows the traffic of all.",
					rate(`container.network.io network.io.direction="receive"`)).
					named("receive").
					and("transmit", rate(`container.network.io network.io.direction="transmit"`)),
				curve("Network errors", Ratio, "Share of packets that were lost to errors or dropped.", networkLoss).
					with([]Threshold{{0, green}, {networkErrors, red}}),
				curve("Network of the machine", BytesPerSec, "Bytes received and sent by the machine, without loopback and without what only repeats another interface.",
					rate("system.network.io")),
			}},
			{"Machine", []Panel{
				curve("CPU of the machine", Ratio, "Share of all CPU time that was not idle, of programs outside of containers.",
					"1 - "+rate(`system.cpu.time cpu.mode=~"idle|iowait"`)+" / "+rate("system.cpu.time")).
					with(levels(cpuWarning, cpuCritical)),
				curve("Memory of the machine", Ratio, "Memory that is not available for new programs, as a share of all.",
					"1 - "+share("system.memory.linux.available", "system.memory.limit")).with(limits),
				curve("Stolen CPU", Ratio, "Share of CPU time that the hypervisor gave to others. No limit shows it; it is felt as slowness.",
					rate(`system.cpu.time cpu.mode="steal"`)+" / "+rate("system.cpu.time")).
					with(levels(stolenWarning, stolenCritical)),
			}},
		},
	}
}
