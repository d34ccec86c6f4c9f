package dashboards

func pressure() Dashboard {
	explain := "some: at least one task waited; full: all did, and nothing was done. The kernel has it since 4.20, in cgroups on v2 alone."
	// A machine's CPU has no full: some task always runs.
	some := func(scope, title, resource string, warning, critical float64) Panel {
		return curve(title, Ratio, "Share of time that tasks were held up for want of "+resource+". "+explain, stalled(scope, resource, "some")).
			with(levels(warning, critical))
	}
	both := func(scope, title, resource string, warning, critical float64) Panel {
		return some(scope, title, resource, warning, critical).and("full", stalled(scope, resource, "full"))
	}
	return Dashboard{
		UID: "otelresource-pressure", Title: "Resources / Pressure",
		Description: "Pressure stall information (PSI): how long tasks waited for a resource, which utilization alone does not tell.",
		Rows: []Row{
			{"Programs", []Panel{
				both("container", "Memory", "memory", memoryPressureWarning, memoryPressureCritical),
				both("container", "CPU", "cpu", cpuPressureWarning, cpuPressureCritical),
				both("container", "I/O", "io", ioPressureWarning, ioPressureCritical),
			}},
			{"Machines", []Panel{
				both("system", "Memory of the machine", "memory", memoryPressureWarning, memoryPressureCritical),
				some("system", "CPU of the machine", "cpu", cpuPressureWarning, cpuPressureCritical),
				both("system", "I/O of the machine", "io", ioPressureWarning, ioPressureCritical),
			}},
			{"Networks of machines", []Panel{
				curve("Packets", PerSecond, "Packets of the whole machine, both ways. Many small ones tire a CPU before bytes do.",
					rate("system.network.packet.count")).wide(12),
				curve("Packets lost", PerSecond, "Errors and drops of the whole machine. Drops are queues that were full, errors are links that are bad.",
					rate("system.network.packet.dropped")).named("dropped").
					and("errors", rate("system.network.errors")).wide(12),
			}},
			{"Disks and interrupts of machines", []Panel{
				curve("Disk throughput", BytesPerSec, "Bytes read and written by the whole machine.",
					"sum "+byAnd("disk_io_direction")+"(rate(<system.disk.io>[$__rate_interval]))").named("{{disk_io_direction}}"),
				curve("Time of one operation", Seconds, "Mean time from queue to completion: what pressure is made of.",
					rate("system.disk.operation_time")+" / ("+rate("system.disk.operations")+" > 0)"),
				curve("Interrupts", Ratio, "Share of time that tasks were held up by interrupts, from Linux 6.1. The kernel has full alone.",
					stalled("system", "irq", "full")),
			}},
		},
	}
}
