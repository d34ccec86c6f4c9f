package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// NetworkCounters are counts of traffic, cumulative since the interfaces were
// made, and error rates. They never go back: where an interface counts anew,
// leaves or returns, what was counted stays.
type NetworkCounters struct {
	// ReceiveBytes and TransmitBytes are counted by the driver, Ethernet headers included.
	ReceiveBytes    int64 `json:"receive_bytes"`
	TransmitBytes   int64 `json:"transmit_bytes"`
	ReceivePackets  int64 `json:"receive_packets"`
	TransmitPackets int64 `json:"transmit_packets"`
	// ReceiveErrors and TransmitErrors are packets that were damaged or could not be sent.
	ReceiveErrors  int64 `json:"receive_errors"`
	TransmitErrors int64 `json:"transmit_errors"`
	// ReceiveDropped and TransmitDropped are sound packets for which there was
	// no room, or no use: without errors they are normal.
	ReceiveDropped  int64 `json:"receive_dropped"`
	TransmitDropped int64 `json:"transmit_dropped"`
	// ReceiveErrorRate and TransmitErrorRate are errors as a share of packets
	// and errors over the newest window of at least max(UpdateInterval, 100 ms), 0-1.
	// Absent until the first window is full, and where nothing passed in it.
	ReceiveErrorRate  float64 `json:"receive_error_rate"`
	TransmitErrorRate float64 `json:"transmit_error_rate"`

	present presence
}

// Has reports whether the number is there: FieldReceiveBytes for ReceiveBytes and so on.
func (c *NetworkCounters) Has(f Field) bool { return c.present.has(f) }

// NetworkStats is one reading of the network traffic of the process's network namespace
// (rtnetlink(7) RTM_GETSTATS, else /proc/net/dev:
// https://docs.kernel.org/networking/statistics.html).
//
// A network namespace is not a cgroup: in a Kubernetes pod it is the pod's, and
// its numbers are those of all containers in it. With host networking it is the machine's.
//
// The counts at the top are totals. They leave out loopback and interfaces
// that only repeat others: bridges, the machine's ends of containers' veths, members
// of bonds, VLANs, and tunnels beside the interface that carries them. With
// Config.IncludeInterfaces they are of the interfaces that it names.
//
// What is absent is 0 and Has is false for it; JSON leaves it out. A
// *NetworkStats is a shared, immutable snapshot.
type NetworkStats struct {
	NetworkCounters
	// Interfaces are all interfaces of the namespace that are not filtered
	// out, loopback and those that repeat others as well, in the kernel's order.
	// nil without Config.EnableDetailedNetwork.
	Interfaces []InterfaceStats `json:"interfaces,omitzero"`
	// Scope says whose namespace it is: ScopeContainer where it is not the
	// machine's, in a pod the pod's; ScopeSystem where it is; "" where nothing tells.
	Scope Scope `json:"scope,omitzero"`
	// Timestamp is when it was read.
	Timestamp time.Time `json:"timestamp"`
}

// MarshalJSON leaves absent numbers out.
func (s NetworkStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

// InterfaceStats is one network interface. Of an interface that is renamed, what
// it counted stays with the old name.
type InterfaceStats struct {
	// Name is the kernel's, such as eth0.
	Name string `json:"name"`
	NetworkCounters
	// LinkSpeed is in bits per second (/sys/class/net/NAME/speed). Absent for
	// an interface that is down, whose driver does not know it, or that is virtual:
	// the constant that a veth or a tap reports limits nobody.
	LinkSpeed int64 `json:"link_speed"`
	// ReceiveUtilization and TransmitUtilization are the share of LinkSpeed in
	// use over the newest window, 0-1; a driver that updates its counters in
	// steps may pass 1 for a moment. Absent without LinkSpeed.
	ReceiveUtilization  float64 `json:"receive_utilization"`
	TransmitUtilization float64 `json:"transmit_utilization"`
}

// MarshalJSON leaves absent numbers out.
func (s InterfaceStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

func (m *Monitor) loadNetwork(ctx context.Context, parts sample.Parts) (*snapshot.Value[networkSnapshot], error) {
	if m.cfg.EnableDetailedNetwork {
		parts |= sample.PartInterfaces
	}
	return publish[sample.Network, NetworkStats, networkPublic]("GetNetworkStats", parts, &networkSamples, m.usage, func(s *sample.Network) error {
		return m.source.ReadNetwork(ctx, parts, s)
	})
}

// GetNetworkStats returns the traffic of the process's network namespace. It
// fails only where neither netlink nor /proc/net/dev can be read: the error
// is ErrInsufficientPerms, ErrClosed, that of the file or that of ctx.
func (m *Monitor) GetNetworkStats(ctx context.Context) (*NetworkStats, error) {
	if s := m.network.Peek(direct); s != nil {
		return s.stats, nil // as Get does, without its call
	}
	s, err := m.network.Get(ctx, direct)
	if err != nil {
		return nil, getterError("GetNetworkStats", err)
	}
	return s.stats, nil
}

// networkPublic is a NetworkStats, which points to nothing else.
type networkPublic struct{ NetworkStats }

// convert makes the public struct.
func (s *networkPublic) convert(from *sample.Network, u *usage) (*NetworkStats, error) {
	to := &s.NetworkStats
	to.Timestamp = from.Time
	if own, ok := from.Own.Get(); ok && own {
		to.Scope = ScopeContainer
	} else if ok {
		to.Scope = ScopeSystem
	}
	to.NetworkCounters.convert(&from.Total)
	to.setErrorRates(&from.Total, from.Time, u, &u.errors)
	if from.Interfaces == nil {
		return to, nil
	}
	to.Interfaces = make([]InterfaceStats, len(from.Interfaces))
	if u.links == nil || len(u.links) > 2*len(from.Interfaces)+16 { // most of them left
		u.links = make(map[string]*linkWindows, len(from.Interfaces))
	}
	for n := range to.Interfaces {
		from, to, at := &from.Interfaces[n], &to.Interfaces[n], from.Time
		w := u.links[from.Name]
		if w == nil {
			w = new(linkWindows)
			u.links[from.Name] = w
		}
		to.Name = from.Name
		to.NetworkCounters.convert(from)
		to.setErrorRates(from, at, u, &w.errors)
		p := &to.present
		setInt(p, FieldLinkSpeed, &to.LinkSpeed, from.Speed)
		setFloat(p, FieldReceiveUtilization, &to.ReceiveUtilization, u.bandwidth(&w.bandwidth[0], at, &from.Receive, from))
		setFloat(p, FieldTransmitUtilization, &to.TransmitUtilization, u.bandwidth(&w.bandwidth[1], at, &from.Transmit, from))
	}
	return to, nil
}

func (c *NetworkCounters) setErrorRates(from *sample.Interface, at time.Time, u *usage, w *[2]counter.Window) {
	setFloat(&c.present, FieldReceiveErrorRate, &c.ReceiveErrorRate, u.errorRate(&w[0], at, &from.Receive, from.Breaks))
	setFloat(&c.present, FieldTransmitErrorRate, &c.TransmitErrorRate, u.errorRate(&w[1], at, &from.Transmit, from.Breaks))
}

func (c *NetworkCounters) convert(from *sample.Interface) {
	p, rx, tx := &c.present, &from.Receive, &from.Transmit
	setInt(p, FieldReceiveBytes, &c.ReceiveBytes, rx.Bytes)
	setInt(p, FieldTransmitBytes, &c.TransmitBytes, tx.Bytes)
	setInt(p, FieldReceivePackets, &c.ReceivePackets, rx.Packets)
	setInt(p, FieldTransmitPackets, &c.TransmitPackets, tx.Packets)
	setInt(p, FieldReceiveErrors, &c.ReceiveErrors, rx.Errors)
	setInt(p, FieldTransmitErrors, &c.TransmitErrors, tx.Errors)
	setInt(p, FieldReceiveDropped, &c.ReceiveDropped, rx.Dropped)
	setInt(p, FieldTransmitDropped, &c.TransmitDropped, tx.Dropped)
}
