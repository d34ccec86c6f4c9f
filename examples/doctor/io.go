package main

import (
	"fmt"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func (p *page) io(s *otelresource.IOStats) {
	if s == nil {
		return
	}
	p.title("Disk I/O (%s)", s.Scope)
	p.numbers(s.Has,
		number{"read", otelresource.FieldReadBytes, transfer(s.ReadBytes, s.ReadOperations)},
		number{"written", otelresource.FieldWriteBytes, transfer(s.WriteBytes, s.WriteOperations)})
	if s.Scope == otelresource.ScopeSystem { // a cgroup has no such numbers
		p.numbers(s.Has,
			number{"disks at work", otelresource.FieldIOSeconds, seconds(s.IOSeconds)},
			number{"in progress", otelresource.FieldInProgress, count(s.InProgress)})
	}
	p.pressure(s.Pressure)
	for i := range s.Devices {
		d := &s.Devices[i]
		if d.ReadBytes+d.WriteBytes > 0 { // a machine has devices that nobody ever used
			p.row(d.Name, "read "+size(d.ReadBytes), "written "+size(d.WriteBytes), d.Number)
		}
	}
}

func transfer(bytes, operations int64) string {
	return fmt.Sprintf("%s in %d operations", size(bytes), operations)
}
