package otelresource

import (
	"context"
	"errors"
)

// errNotYet is what the getters return whose collectors are not in this version.
var errNotYet = errors.New("not available in this version")

// IOStats is one reading of disk I/O. This version has no collector for it.
type IOStats struct{}

// NetworkStats is one reading of network traffic. This version has no collector for it.
type NetworkStats struct{}

// GetIOStats always fails: this version has no collector for disk I/O.
func (m *Monitor) GetIOStats(context.Context) (*IOStats, error) {
	return nil, &Error{Op: "GetIOStats", Err: errNotYet}
}

// GetNetworkStats always fails: this version has no collector for network traffic.
func (m *Monitor) GetNetworkStats(context.Context) (*NetworkStats, error) {
	return nil, &Error{Op: "GetNetworkStats", Err: errNotYet}
}
