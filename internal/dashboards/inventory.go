package dashboards

func inventory() Dashboard {
	kinds := "max " + byAnd("container_runtime_name", "host_virtualization_type")
	known := "(" + kinds + "(<container.memory.limit>) or " + kinds + "(<system.memory.limit>))"
	limited := "(max " + byAnd("otelresource_limit_source") + `(<otelresource.limit.info otelresource.limit.resource="memory">))`
	count := func(title, description, label, programs string) Panel {
		p := curve(title, Count, description, "count by ("+label+") "+programs).named(label).wide(8)
		p.Kind = Bars
		return p
	}
	place := byAnd("k8s_namespace_name", "k8s_node_name", "container_runtime_name", "host_virtualization_type", "container_id")
	return Dashboard{
		UID: "otelresource-inventory", Title: "Resources / Inventory",
		Description: "What runs where, by runtime, virtualization and what limits it.",
		Rows: []Row{
			{"How many", []Panel{
				count("By container runtime", "Programs by the runtime of their container; an empty name is a program outside of one, or one whose runtime left no trace.", "container_runtime_name", known),
				count("By virtualization", "Programs by what their machine is; an empty name is bare metal or not known.", "host_virtualization_type", known),
				count("By what limits the memory", "cgroup_v1, cgroup_v2: somebody set a limit. host, virtualization: nobody did, and the program may take the whole machine.",
					"otelresource_limit_source", limited),
			}},
			{"Programs", []Panel{
				{
					Title: "Programs with a cgroup of their own", Kind: Table, Unit: Bytes, Width: 24,
					Description: "Memory limit of each program and where it runs.",
					Queries:     []Query{{Expression: "max " + place + "(<container.memory.limit>)"}},
				},
				{
					Title: "Programs on a machine", Kind: Table, Unit: Bytes, Width: 24,
					Description: "Memory of the machine of each program outside of a container.",
					Queries:     []Query{{Expression: "max " + place + "(<system.memory.limit>)"}},
				},
				curve("Uptime of containers", Seconds, "A curve that falls is a restart. Only with a PID namespace of its own.", highest("container.uptime")).wide(12),
				curve("Uptime of machines", Seconds, "A curve that falls is a reboot.", highest("system.uptime")).wide(12),
			}},
		},
	}
}
