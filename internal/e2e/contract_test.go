//go:build linux

package e2e

// row is what the published table says of one metric. The rows are written out here, and
// not taken from the instrument table: what leaves a Collector is held against
// the published names, not against the code that makes them.
type row struct {
	unit    string
	kind    kind
	integer bool
	// The keys of every point, with their values; no values: any value.
	attributes map[string][]string
	// Switched on by EnableDetailedNetwork, which the quickstart leaves off.
	detailed bool
	must     need
}

// need is where a metric must be seen; elsewhere it depends on the kernel.
type need int

const (
	whereOffered need = iota
	inCgroup          // whenever the program runs in a cgroup with both limits
	onMachine         // whenever the system scope is on
)

type attributes = map[string][]string

var (
	cpuMode       = attributes{"cpu.mode": {"user", "system"}}
	anyCPUMode    = attributes{"cpu.mode": {"user", "system", "nice", "idle", "iowait", "interrupt", "steal"}}
	stall         = attributes{"otelresource.pressure.stall": {"some", "full"}}
	stallWindow   = attributes{"otelresource.pressure.stall": {"some", "full"}, "otelresource.pressure.window": {"10s", "60s", "300s"}}
	memoryEvent   = attributes{"otelresource.memory.event": {"low", "high", "max", "oom", "oom_kill", "oom_group_kill"}}
	faultType     = attributes{"system.paging.fault.type": {"major", "minor"}}
	diskDirection = attributes{"disk.io.direction": {"read", "write"}}
	netDirection  = attributes{"network.io.direction": {"receive", "transmit"}}
	limitInfo     = attributes{
		"otelresource.limit.resource": {"memory", "cpu"},
		"otelresource.limit.source":   {"cgroup_v1", "cgroup_v2", "cpuset", "affinity", "platform", "virtualization", "host"},
	}
	memoryState = attributes{"system.memory.state": {"used", "free", "buffers", "cached"}}
	pagingState = attributes{"system.paging.state": {"used", "free"}}
	errorSource = attributes{"otelresource.source": nil, "error.type": nil}
)

// contract holds every row of the table but those of the process scope, which is
// off by default. Momentary usage and ratios are there because the quickstart
// asks for them.
var contract = map[string]row{
	"container.cpu.time":                         {unit: "s", kind: counter, attributes: cpuMode, must: inCgroup},
	"container.cpu.usage":                        {unit: "{cpu}", kind: gauge, must: inCgroup},
	"container.cpu.limit":                        {unit: "{cpu}", kind: upDownCounter, must: inCgroup},
	"container.cpu.limit.utilization":            {unit: "1", kind: gauge, must: inCgroup},
	"container.cpu.throttling.periods":           {unit: "{period}", kind: counter, integer: true, must: inCgroup},
	"container.cpu.throttling.throttled_periods": {unit: "{period}", kind: counter, integer: true, must: inCgroup},
	"container.cpu.throttling.time":              {unit: "s", kind: counter, must: inCgroup},
	"container.cpu.burst.periods":                {unit: "{period}", kind: counter, integer: true},
	"container.cpu.burst.time":                   {unit: "s", kind: counter},
	"container.cpu.linux.pressure.time":          {unit: "s", kind: counter, attributes: stall},
	"container.cpu.linux.pressure.ratio":         {unit: "1", kind: gauge, attributes: stallWindow},
	"container.memory.linux.pressure.time":       {unit: "s", kind: counter, attributes: stall},
	"container.memory.linux.pressure.ratio":      {unit: "1", kind: gauge, attributes: stallWindow},
	"container.io.linux.pressure.time":           {unit: "s", kind: counter, attributes: stall},
	"container.io.linux.pressure.ratio":          {unit: "1", kind: gauge, attributes: stallWindow},
	"container.memory.usage":                     {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.working_set":               {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.rss":                       {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.available":                 {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.cache":                     {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.limit":                     {unit: "By", kind: upDownCounter, integer: true, must: inCgroup},
	"container.memory.linux.high":                {unit: "By", kind: upDownCounter, integer: true},
	"container.memory.linux.peak":                {unit: "By", kind: gauge, integer: true},
	"container.memory.limit.utilization":         {unit: "1", kind: gauge, must: inCgroup},
	"container.memory.swap.usage":                {unit: "By", kind: upDownCounter, integer: true},
	"container.memory.swap.limit":                {unit: "By", kind: upDownCounter, integer: true},
	"container.memory.linux.events":              {unit: "{event}", kind: counter, integer: true, attributes: memoryEvent},
	"container.memory.paging.faults":             {unit: "{fault}", kind: counter, integer: true, attributes: faultType, must: inCgroup},
	"container.disk.io":                          {unit: "By", kind: counter, integer: true, attributes: diskDirection},
	"container.disk.operations":                  {unit: "{operation}", kind: counter, integer: true, attributes: diskDirection},
	"container.network.io":                       {unit: "By", kind: counter, integer: true, attributes: netDirection},
	"container.network.packet.count":             {unit: "{packet}", kind: counter, integer: true, attributes: netDirection},
	"container.network.packet.dropped":           {unit: "{packet}", kind: counter, integer: true, attributes: netDirection},
	"container.network.errors":                   {unit: "{error}", kind: counter, integer: true, attributes: netDirection},
	"container.pids.count":                       {unit: "{thread}", kind: upDownCounter, integer: true},
	"container.pids.limit":                       {unit: "{thread}", kind: upDownCounter, integer: true},
	"container.uptime":                           {unit: "s", kind: gauge},

	"system.cpu.time":                      {unit: "s", kind: counter, attributes: anyCPUMode, must: onMachine},
	"system.cpu.utilization":               {unit: "1", kind: gauge, attributes: anyCPUMode, must: onMachine},
	"system.cpu.logical.count":             {unit: "{cpu}", kind: upDownCounter, integer: true, must: onMachine},
	"system.memory.usage":                  {unit: "By", kind: upDownCounter, integer: true, attributes: memoryState, must: onMachine},
	"system.memory.utilization":            {unit: "1", kind: gauge, attributes: memoryState, must: onMachine},
	"system.memory.limit":                  {unit: "By", kind: upDownCounter, integer: true, must: onMachine},
	"system.memory.linux.available":        {unit: "By", kind: upDownCounter, integer: true, must: onMachine},
	"system.paging.usage":                  {unit: "By", kind: upDownCounter, integer: true, attributes: pagingState},
	"system.paging.faults":                 {unit: "{fault}", kind: counter, integer: true, attributes: faultType},
	"system.disk.io":                       {unit: "By", kind: counter, integer: true, attributes: diskDirection},
	"system.disk.operations":               {unit: "{operation}", kind: counter, integer: true, attributes: diskDirection},
	"system.disk.operation_time":           {unit: "s", kind: counter, attributes: diskDirection},
	"system.disk.io_time":                  {unit: "s", kind: counter},
	"system.disk.merged":                   {unit: "{operation}", kind: counter, integer: true, attributes: diskDirection},
	"system.network.io":                    {unit: "By", kind: counter, integer: true, attributes: netDirection},
	"system.network.errors":                {unit: "{error}", kind: counter, integer: true, attributes: netDirection},
	"system.network.packet.dropped":        {unit: "{packet}", kind: counter, integer: true, attributes: netDirection},
	"system.network.packet.count":          {unit: "{packet}", kind: counter, integer: true, attributes: netDirection},
	"system.network.bandwidth.utilization": {unit: "1", kind: gauge, attributes: netDirection, detailed: true},
	"system.cpu.linux.pressure.time":       {unit: "s", kind: counter, attributes: stall},
	"system.memory.linux.pressure.time":    {unit: "s", kind: counter, attributes: stall},
	"system.io.linux.pressure.time":        {unit: "s", kind: counter, attributes: stall},
	"system.irq.linux.pressure.time":       {unit: "s", kind: counter, attributes: stall},
	"system.uptime":                        {unit: "s", kind: gauge},

	"otelresource.limit.info":    {unit: "1", kind: gauge, integer: true, attributes: limitInfo, must: inCgroup},
	"otelresource.source.errors": {unit: "{error}", kind: counter, integer: true, attributes: errorSource},
}

// resourceKeys are the resource attributes that may arrive besides those that
// the test sets: the detector's own and those of the SDK.
var resourceKeys = []string{
	"container.id", "container.name", "container.runtime.name",
	"k8s.pod.uid", "k8s.pod.name", "k8s.namespace.name", "k8s.container.name", "k8s.node.name",
	"host.virtualization.type", "host.virtualization.role",
	"telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version",
	"service.instance.id", "service.version", "host.name", "host.id", "host.arch", "os.type", "os.description",
	"process.pid", "process.executable.name",
}
