package otelresource

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
)

// Option configures Start.
type Option interface{ apply(*startConfig) }

type optionFunc func(*startConfig)

func (f optionFunc) apply(c *startConfig) { f(c) }

type startConfig struct {
	provider    metric.MeterProvider
	monitor     *Monitor
	config      *Config
	scopes      []Scope
	utilization bool
	perCPU      bool
	maxWait     time.Duration
}

func newStartConfig(opts []Option) (*startConfig, error) {
	c := &startConfig{provider: otel.GetMeterProvider(), maxWait: maxWait}
	for _, o := range opts {
		if o != nil {
			o.apply(c)
		}
	}
	if c.monitor != nil && c.config != nil {
		return nil, errors.New("WithMonitor and WithConfig exclude each other: the monitor has its configuration")
	}
	for _, s := range c.scopes {
		if !slices.Contains([]Scope{ScopeContainer, ScopeSystem, ScopeProcess}, s) {
			return nil, fmt.Errorf("WithScopes: %q is not a scope", s)
		}
	}
	return c, nil
}

// WithMeterProvider sets the provider of the instruments. Default: the global
// one. nil is ignored.
func WithMeterProvider(p metric.MeterProvider) Option {
	return optionFunc(func(c *startConfig) {
		if p != nil {
			c.provider = p
		}
	})
}

// WithMonitor reads through m, which the caller closes after Shutdown. Default: Start makes
// a monitor of its own, which Shutdown closes. nil is ignored.
func WithMonitor(m *Monitor) Option {
	return optionFunc(func(c *startConfig) {
		if m != nil {
			c.monitor = m
		}
	})
}

// WithConfig configures the monitor that Start makes. Together with WithMonitor it is an error. nil is ignored.
func WithConfig(config *Config) Option {
	return optionFunc(func(c *startConfig) {
		if config != nil {
			c.config = config
		}
	})
}

// WithScopes chooses whose numbers are measured. Default: ScopeContainer in a
// container, and if a cgroup sets the effective memory or CPU limit or memory.high;
// ScopeSystem outside a container. Without arguments it changes nothing.
func WithScopes(scopes ...Scope) Option {
	return optionFunc(func(c *startConfig) {
		if len(scopes) > 0 {
			c.scopes = slices.Clone(scopes)
		}
	})
}

// WithUtilization adds ratios and usage over the time since the previous
// collection, at least 100 ms. A backend can also compute them from the
// counters, which is more accurate if the provider has several readers: these
// share one window.
func WithUtilization() Option { return optionFunc(func(c *startConfig) { c.utilization = true }) }

// WithPerCPU gives system.cpu.time one series for each logical CPU and mode, in
// place of one for each mode; under gVisor, which measures no single CPU, the
// totals stay. With WithUtilization it does so for system.cpu.utilization too. On large machines that is
// thousands of series: above 285 CPUs the SDK merges what passes its limit of 2,000 for an
// instrument, without an error, until metric.WithCardinalityLimit raises it. Package producer has no such limit.
func WithPerCPU() Option { return optionFunc(func(c *startConfig) { c.perCPU = true }) }
