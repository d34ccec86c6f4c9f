package dashboards

func pressure() Dashboard {
	explain := "some: at least one task waited; full: all did, and nothing was done. The kernel has it since 4.20, in cgroups on v2 alone."
	stalled := func(scope, title, resource string, warning, critical float64) Panel {
		metric := "<" + scope + "." + resource + ".linux.pressure.time"
		return curve(title, Ratio, "Share of time that tasks were held up for want of "+resource+". "+explain,
			`sum `+by+`(rate(`+metric+` otelresource.pressure.stall="some">[$__rate_interval]))`).
			and("full", `sum `+by+`(rate(`+metric+` otelresource.pressure.stall="full">[$__rate_interval]))`).
			with([]Threshold{{0, green}, {warning, yellow}, {critical, red}})
	}
	return Dashboard{
		UID: "otelresource-pressure", Title: "Resources / Pressure",
		Description: "Pressure stall information (PSI): how long tasks waited for a resource, which utilization alone does not tell.",
		Rows: []Row{
			{"Programs", []Panel{
				stalled("container", "Memory", "memory", memoryPressureWarning, memoryPressureCritical),
				stalled("container", "CPU", "cpu", cpuPressureWarning, cpuPressureCritical),
			}},
			{"Machines", []Panel{
				stalled("system", "Memory of the machine", "memory", memoryPressureWarning, memoryPressureCritical),
				stalled("system", "CPU of the machine", "cpu", cpuPressureWarning, cpuPressureCritical),
			}},
		},
	}
}
