package otelresource

import (
	"context"
	"errors"
)

// errNotYet is what the getters return whose collectors are not in this version.
var errNotYet = errors.New("not available in this version")

// NetworkStats is one reading of network traffic. This version has no collector for it.
type NetworkStats struct{}

// GetNetworkStats always fails: this version has no collector for network traffic.
func (m *Monitor) GetNetworkStats(context.Context) (*NetworkStats, error) {
	return nil, &Error{Op: "GetNetworkStats", Err: errNotYet}
}
