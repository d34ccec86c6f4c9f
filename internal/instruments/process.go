package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

type process = sample.Process

// OwnProcess is the table of the process collector.
func OwnProcess() []Row[sample.Process] {
	metric := func(name, unit string, kind Kind, description string) Metric {
		return Metric{Name: name, Unit: unit, Kind: kind, Float: unit == "s" || unit == "1", Scope: Process, Standard: true, Description: description}
	}
	share := metric("process.cpu.utilization", "1", Gauge,
		"Difference in process.cpu.time since the last measurement, divided by the elapsed time and number of CPUs available to the process.")
	share.OptIn = WithUtilization
	noted := func(m Metric, note string) Metric { m.Note = note; return m }
	file := func(m Metric) Metric { m.Reads = sample.PartFiles; return m }
	return []Row[process]{
		{
			Metric: metric("process.cpu.time", "s", Counter, "Total CPU seconds broken down by different CPU modes."),
			Series: []Series[process]{
				seconds(attr(semconv.CPUModeUser), func(s *process) sample.OptUint { return s.User }),
				seconds(attr(semconv.CPUModeSystem), func(s *process) sample.OptUint { return s.System }),
			},
		}, {
			Metric: share,
			Series: []Series[process]{
				processShare(semconv.CPUModeUser, func(s *process) sample.OptUint { return s.User }),
				processShare(semconv.CPUModeSystem, func(s *process) sample.OptUint { return s.System }),
			},
		}, {
			Metric: file(noted(metric("process.memory.usage", "By", UpDownCounter, "The amount of physical memory in use."),
				"the resident set; on macOS the footprint, as Activity Monitor shows it")),
			Series: []Series[process]{integer(nil, func(s *process) sample.OptUint { return s.RSS })},
		}, {
			Metric: file(metric("process.memory.virtual", "By", UpDownCounter, "The amount of committed virtual memory.")),
			Series: []Series[process]{integer(nil, func(s *process) sample.OptUint { return s.Virtual })},
		}, {
			Metric: file(metric("process.disk.io", "By", Counter, "Disk bytes transferred.")),
			Series: []Series[process]{
				integer(attr(semconv.DiskIODirectionRead), func(s *process) sample.OptUint { return s.ReadBytes }),
				integer(attr(semconv.DiskIODirectionWrite), func(s *process) sample.OptUint { return s.WriteBytes }),
			},
		}, {
			Metric: file(metric("process.thread.count", "{thread}", UpDownCounter, "Process threads count.")),
			Series: []Series[process]{integer(nil, func(s *process) sample.OptUint { return s.Threads })},
		}, {
			Metric: file(metric("process.unix.file_descriptor.count", "{file_descriptor}", UpDownCounter, "Number of unix file descriptors in use by the process.")),
			Series: []Series[process]{integer(nil, func(s *process) sample.OptUint { return s.Descriptors })},
		}, {
			Metric: metric("process.context_switches", "{context_switch}", Counter, "Number of times the process has been context switched."),
			Series: []Series[process]{
				integer(attr(semconv.ProcessContextSwitchTypeVoluntary), func(s *process) sample.OptUint { return s.Voluntary }),
				integer(attr(semconv.ProcessContextSwitchTypeInvoluntary), func(s *process) sample.OptUint { return s.Involuntary }),
			},
		}, {
			Metric: metric("process.paging.faults", "{fault}", Counter, "Number of page faults the process has made."),
			Series: []Series[process]{
				integer(attr(semconv.SystemPagingFaultTypeMinor), func(s *process) sample.OptUint { return s.Faults.Minor }),
				integer(attr(semconv.SystemPagingFaultTypeMajor), func(s *process) sample.OptUint { return s.Faults.Major }),
			},
		}, {
			Metric: file(metric("process.uptime", "s", Gauge, "The time the process has been running.")),
			Series: []Series[process]{float(nil, func(s *process) sample.Opt[float64] { return s.Uptime })},
		},
	}
}

// processShare is CPU time as a share of the CPUs that the process may run on.
func processShare(mode attribute.KeyValue, read func(*process) sample.OptUint) Series[process] {
	return Series[process]{Attributes: attr(mode), Ratios: func(dst []counter.Ratio, s *process, _ int) []counter.Ratio {
		cpus, ok := s.CPUs.Get()
		if !ok || cpus == 0 {
			return dst
		}
		return usage(dst, read(s), 1/float64(cpus), 0)
	}}
}
