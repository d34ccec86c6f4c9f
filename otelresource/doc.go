// Package otelresource tells an instrumented program what the machine really
// grants it, and what it uses of it: memory, CPU, disk I/O and network of its
// own container, cgroup or machine, with the limit that binds and the file that
// said so.
//
// It has two faces over one set of readings: OpenTelemetry metrics with a
// resource detector, and getters for programs that want the numbers
// themselves.
//
// # Quick start
//
// [Start] registers the metrics with a MeterProvider; [NewDetector] describes
// the container, the pod and the virtual machine in the resource:
//
//	res, err := resource.New(ctx,
//		resource.WithTelemetrySDK(),
//		resource.WithDetectors(otelresource.NewDetector()),
//		resource.WithFromEnv(),
//	)
//	// ... an error that wraps resource.ErrPartialResource leaves res usable
//	provider := metric.NewMeterProvider(metric.WithResource(res), metric.WithReader(reader))
//	instrumentation, err := otelresource.Start(otelresource.WithMeterProvider(provider))
//	// ...
//	provider.Shutdown(ctx) // exports once more, so it comes first
//	instrumentation.Shutdown(ctx)
//
// [NewResourceMonitor] reads without OpenTelemetry:
//
//	monitor, err := otelresource.NewResourceMonitor()
//	// ...
//	defer monitor.Close()
//	memory, err := monitor.GetMemoryStats(ctx)
//	// ...
//	if memory.Has(otelresource.FieldAvailableBytes) {
//		fmt.Println(memory.AvailableBytes, "bytes left under", memory.LimitSource, memory.LimitFile)
//	}
//
// # Absent numbers and limits
//
// What the kernel does not offer is absent: a nil pointer, no data point, and
// for a plain number Has returns false. It is never 0 and never a guess.
//
// A limit is the smallest that applies over all visible ancestors of the
// cgroup, the cpuset, the CPU affinity and the machine. LimitSource says which
// of them it is.
//
// There are two numbers for available memory. MemoryStats.AvailableBytes is for
// decisions: it counts page cache that can be reclaimed as free, and memory.high
// as a bound. The metric container.memory.available is limit - working set, as
// the semantic conventions define it, and absent without a limit. Both are the
// smallest over the cgroup and its visible ancestors, so other cgroups below the
// same ancestor count.
//
// # Environment
//
// [Monitor.GetEnvironmentInfo] says where the process runs, with the file or
// variable that each answer came from and the rule that decided. Whose numbers
// are measured follows from it: [ScopeContainer] in a container, [ScopeSystem]
// outside, and both if a cgroup outside a container sets the effective limit
// or memory.high. [WithScopes] decides otherwise. Without a readable cgroup a container
// has no container numbers; the host's never stand in for them.
//
// # Platforms
//
// Linux has all that is described here, on cgroup v1, v2 and hybrid machines.
// macOS, which has neither containers nor cgroups, has the system and the
// process scope; what it does not offer is absent (the README has the table).
// No test has run on a Mac yet. Elsewhere the package compiles: constructors
// return [ErrUnsupportedPlatform], Start returns it with an Instrumentation that
// does nothing, and the detector returns an empty resource.
//
// # Concurrency
//
// Everything is safe for concurrent use, but for a [Config] while its owner
// changes it. What a getter returns is a shared,
// immutable snapshot, at most Config.UpdateInterval old: change nothing in it.
// Reading a current snapshot is one atomic load without an allocation. While
// nobody reads, a Monitor runs no goroutine and makes no system call.
//
// # Debugging
//
// Config.Logger is told once of every source that cannot be read; the metric
// otelresource.source.errors counts the failures by file and cause, and errors
// of a collection go to OpenTelemetry's error handler once per cause. The
// program examples/doctor prints everything that was found, with its evidence
// and what is missing, also for another root than "/" (Config.RootFS).
//
// # Metrics
//
// Options add to what is always there, or divide it: (u) with WithUtilization,
// (c) with WithPerCPU, (d) with Config.EnableDetailedIO,
// (n) with Config.EnableDetailedNetwork.
//
//	Container scope: the process's own cgroup
//
//	  container.memory.usage                      up-down counter  By
//	  container.memory.working_set                up-down counter  By
//	  container.memory.rss                        up-down counter  By
//	  container.memory.available                  up-down counter  By
//	  container.memory.cache                      up-down counter  By
//	  container.memory.limit                      up-down counter  By
//	  container.memory.limit.utilization (u)      gauge            1
//	  container.memory.linux.high                 up-down counter  By
//	  container.memory.linux.peak                 gauge            By
//	  container.memory.swap.usage                 up-down counter  By
//	  container.memory.swap.limit                 up-down counter  By
//	  container.memory.linux.events               counter          {event}      otelresource.memory.event
//	  container.memory.paging.faults              counter          {fault}      system.paging.fault.type
//	  container.memory.linux.pressure.time        counter          s            otelresource.pressure.stall
//	  container.memory.linux.pressure.ratio (u)   gauge            1            otelresource.pressure.stall, otelresource.pressure.window
//	  otelresource.limit.info                     gauge            1            otelresource.limit.resource, otelresource.limit.source
//	  container.cpu.time                          counter          s            cpu.mode
//	  container.cpu.usage (u)                     gauge            {cpu}
//	  container.cpu.limit                         up-down counter  {cpu}
//	  container.cpu.limit.utilization (u)         gauge            1
//	  container.cpu.throttling.periods            counter          {period}
//	  container.cpu.throttling.throttled_periods  counter          {period}
//	  container.cpu.throttling.time               counter          s
//	  container.cpu.burst.periods                 counter          {period}
//	  container.cpu.burst.time                    counter          s
//	  container.cpu.linux.pressure.time           counter          s            otelresource.pressure.stall
//	  container.cpu.linux.pressure.ratio (u)      gauge            1            otelresource.pressure.stall, otelresource.pressure.window
//	  container.pids.count                        up-down counter  {thread}
//	  container.pids.limit                        up-down counter  {thread}
//	  container.uptime                            gauge            s
//	  container.disk.io                           counter          By           disk.io.direction, system.device (d)
//	  container.disk.operations                   counter          {operation}  disk.io.direction, system.device (d)
//	  container.io.linux.pressure.time            counter          s            otelresource.pressure.stall
//	  container.io.linux.pressure.ratio (u)       gauge            1            otelresource.pressure.stall, otelresource.pressure.window
//	  container.network.io                        counter          By           network.io.direction, network.interface.name (n)
//	  container.network.packet.count              counter          {packet}     network.io.direction, network.interface.name (n)
//	  container.network.packet.dropped            counter          {packet}     network.io.direction, network.interface.name (n)
//	  container.network.errors                    counter          {error}      network.io.direction, network.interface.name (n)
//
//	System scope: the machine
//
//	  system.memory.usage                       up-down counter  By           system.memory.state
//	  system.memory.utilization (u)             gauge            1            system.memory.state
//	  system.memory.linux.pressure.time         counter          s            otelresource.pressure.stall
//	  system.memory.limit                       up-down counter  By
//	  system.memory.linux.available             up-down counter  By
//	  system.paging.usage                       up-down counter  By           system.paging.state
//	  system.paging.faults                      counter          {fault}      system.paging.fault.type
//	  system.cpu.time                           counter          s            cpu.mode, cpu.logical_number (c)
//	  system.cpu.utilization (u)                gauge            1            cpu.mode, cpu.logical_number (c)
//	  system.cpu.linux.pressure.time            counter          s            otelresource.pressure.stall
//	  system.irq.linux.pressure.time            counter          s            otelresource.pressure.stall
//	  system.cpu.logical.count                  up-down counter  {cpu}
//	  system.uptime                             gauge            s
//	  system.disk.io                            counter          By           disk.io.direction, system.device (d)
//	  system.disk.operations                    counter          {operation}  disk.io.direction, system.device (d)
//	  system.disk.operation_time                counter          s            disk.io.direction, system.device (d)
//	  system.disk.io_time                       counter          s            system.device (d)
//	  system.disk.merged                        counter          {operation}  disk.io.direction, system.device (d)
//	  system.io.linux.pressure.time             counter          s            otelresource.pressure.stall
//	  system.network.io                         counter          By           network.io.direction, network.interface.name (n)
//	  system.network.packet.count               counter          {packet}     network.io.direction, system.device (n)
//	  system.network.packet.dropped             counter          {packet}     network.io.direction, network.interface.name (n)
//	  system.network.errors                     counter          {error}      network.io.direction, network.interface.name (n)
//	  system.network.bandwidth.utilization (u)  gauge            1            network.io.direction, network.interface.name (n)
//
//	Process scope
//
//	  process.cpu.time                    counter          s                  cpu.mode
//	  process.cpu.utilization (u)         gauge            1                  cpu.mode
//	  process.memory.usage                up-down counter  By
//	  process.memory.virtual              up-down counter  By
//	  process.disk.io                     counter          By                 disk.io.direction
//	  process.thread.count                up-down counter  {thread}
//	  process.unix.file_descriptor.count  up-down counter  {file_descriptor}
//	  process.context_switches            counter          {context_switch}   process.context_switch.type
//	  process.paging.faults               counter          {fault}            system.paging.fault.type
//	  process.uptime                      gauge            s
//
//	The module about itself: in every scope
//
//	  otelresource.source.errors  counter  {error}  otelresource.source, error.type
//
// # Errors
//
// Errors that concern a file are an [*Error] that names it. [errors.Is] tells
// apart [ErrUnsupportedPlatform], [ErrContainerNotFound], [ErrCgroupNotFound],
// [ErrInsufficientPerms] and [ErrClosed].
package otelresource
