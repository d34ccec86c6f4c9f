package otelresource

// ScopeName is the name of the instrumentation scope of every metric.
const ScopeName = "github.com/cboxdk/resource-monitor/otelresource"

// Version returns the version of this module, which is also that of its instrumentation scope.
func Version() string { return "0.1.0" }
