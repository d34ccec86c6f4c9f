package dashboards

// The expressions that more than one place shows.
var (
	memoryUtilization = "max " + by + "(<container.memory.working_set> / <container.memory.limit>)"
	cpuUsage          = "sum " + by + "(rate(<container.cpu.time>[$__rate_interval]))"
	cpuLimit          = "max " + by + "(<container.cpu.limit>)"
	cpuUtilization    = cpuUsage + " / " + cpuLimit
	throttledShare    = "max " + by + "(rate(<container.cpu.throttling.throttled_periods>[$__rate_interval]) / (rate(<container.cpu.throttling.periods>[$__rate_interval]) > 0))"
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
					"count(max "+by+"(<container.memory.limit>) or max "+by+"(<system.memory.limit>))"),
				number("Fullest memory", Ratio, "The highest working set as a share of its own limit.",
					"max("+memoryUtilization+")").with(limits),
				number("Busiest CPU", Ratio, "The highest CPU usage as a share of its own limit.",
					"max("+cpuUtilization+")").with([]Threshold{{0, green}, {0.8, yellow}, {0.95, red}}),
				number("Most throttled", Ratio, "The highest share of periods in which a quota ran out. Nothing where no quota is set.",
					"max("+throttledShare+")").with([]Threshold{{0, green}, {throttledWarning, yellow}, {throttledCritical, red}}),
				number("OOM kills", Count, "Processes killed for memory in the time shown. A container that is replaced takes its count along.",
					`sum(increase(<container.memory.linux.events otelresource.memory.event="oom_kill">[$__range]))`).with(anything),
				number("Unreadable sources", Count, "Readings of a kernel file that failed in the time shown; the program examples/doctor says why.",
					"sum(increase(<otelresource.source.errors>[$__range])) or vector(0)").with(anything),
			}},
			{"Memory", []Panel{
				curve("Memory utilization", Ratio, "Working set as a share of the effective limit: the smallest over all ancestors. At 100 % the kernel kills.",
					memoryUtilization).with(limits),
				{
					Title: "Working set and limit", Unit: Bytes,
					Description: "What is really in use, against the limit that binds. A dashed line that moves is a limit that was changed in place.",
					Queries:     []Query{{Expression: "max " + by + "(<container.memory.working_set>)"}, {Expression: "max " + by + "(<container.memory.limit>)", Legend: "limit", Dashed: true}},
				},
				curve("Memory left", Bytes, "The least that is left at any level: a neighbor in the same pod or slice can take what this program does not use.",
					"min "+by+"(<container.memory.available>)"),
			}},
			{"CPU", []Panel{
				curve("CPU utilization", Ratio, "CPU usage as a share of the effective limit. Bursts may pass 100 %.",
					cpuUtilization).with([]Threshold{{0, green}, {0.8, yellow}, {0.95, red}}),
				curve("Cores in use and limit", Cores, "Cores in use, against the quota, the cpuset or the machine, whichever is smallest.", cpuUsage).
					against("limit", cpuLimit),
				curve("Throttled periods", Ratio, "Saturation: the share of enforcement periods in which the quota ran out, each a pause of up to a period.",
					throttledShare).with([]Threshold{{0, green}, {throttledWarning, yellow}, {throttledCritical, red}}),
			}},
			{"Disk", []Panel{
				curve("Disk I/O", BytesPerSec, "Bytes read and written by each program.",
					`sum `+by+`(rate(<container.disk.io disk.io.direction="read">[$__rate_interval]))`).
					named("read").
					and("write", `sum `+by+`(rate(<container.disk.io disk.io.direction="write">[$__rate_interval]))`),
				curve("Disk operations", PerSecond, "Operations by each program. Many small ones tire a disk before bytes do.",
					"sum "+by+"(rate(<container.disk.operations>[$__rate_interval]))"),
				curve("Disks at work", Ratio, "Time in which the machine's disks were at work, summed over the disks. A disk that serves many at once is not full at 100 %.",
					"sum "+by+"(rate(<system.disk.io_time>[$__rate_interval]))"),
			}},
			{"Network", []Panel{
				curve("Network I/O", BytesPerSec, "Bytes of each program's network namespace. The containers of a pod share one: each shows the traffic of all.",
					`sum `+by+`(rate(<container.network.io network.io.direction="receive">[$__rate_interval]))`).
					named("receive").
					and("transmit", `sum `+by+`(rate(<container.network.io network.io.direction="transmit">[$__rate_interval]))`),
				curve("Network errors", Ratio, "Share of packets that were lost to errors or dropped.",
					"(sum "+by+"(rate(<container.network.errors>[$__rate_interval])) + sum "+by+"(rate(<container.network.packet.dropped>[$__rate_interval]))) / (sum "+
						by+"(rate(<container.network.packet.count>[$__rate_interval])) > 0)").
					with([]Threshold{{0, green}, {networkErrors, red}}),
				curve("Network of the machine", BytesPerSec, "Bytes received and sent by the machine, without loopback and without what only repeats another interface.",
					"sum "+by+"(rate(<system.network.io>[$__rate_interval]))"),
			}},
			{"Machine", []Panel{
				curve("CPU of the machine", Ratio, "Share of all CPU time that was not idle, of programs outside of containers.",
					`1 - sum `+by+`(rate(<system.cpu.time cpu.mode=~"idle|iowait">[$__rate_interval])) / sum `+by+"(rate(<system.cpu.time>[$__rate_interval]))").
					with([]Threshold{{0, green}, {0.8, yellow}, {0.95, red}}),
				curve("Memory of the machine", Ratio, "Memory that is not available for new programs, as a share of all.",
					"1 - max "+by+"(<system.memory.linux.available> / <system.memory.limit>)").with(limits),
				curve("Stolen CPU", Ratio, "Share of CPU time that the hypervisor gave to others. No limit shows it; it is felt as slowness.",
					`sum `+by+`(rate(<system.cpu.time cpu.mode="steal">[$__rate_interval])) / sum `+by+"(rate(<system.cpu.time>[$__rate_interval]))").
					with([]Threshold{{0, green}, {0.05, yellow}, {0.2, red}}),
			}},
		},
	}
}
