package instruments

import (
	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

type network = sample.Network

// Network is the table of the network collector.
func Network() []Row[sample.Network] {
	container := func(name, unit, description, priorArt string, read func(*sample.Traffic) sample.OptUint) Row[network] {
		return counts(Metric{
			Name: name, Unit: unit, Kind: Counter, Scope: Container, Description: description,
			Standard: priorArt == "", PriorArt: priorArt,
			Note: "of the network namespace, where it is not the machine's; in a pod it is shared",
		}, semconv.NetworkInterfaceName, read)
	}
	system := func(name, unit, description string, item func(string) attribute.KeyValue, read func(*sample.Traffic) sample.OptUint) Row[network] {
		return counts(Metric{
			Name: name, Unit: unit, Kind: Counter, Scope: System, Description: description, Standard: true,
			Note: "not where the process has a network namespace of its own",
		}, item, read)
	}
	return []Row[network]{
		container("container.network.io", "By", "Network bytes for the container.", "", traffic.bytes),
		container("container.network.packet.count", "{packet}", "Packets that the container received and sent.",
			"container.network.io.usage.{rx,tx}_packets (Collector, dockerstats)", traffic.packets),
		container("container.network.packet.dropped", "{packet}", "Packets of the container that were dropped.",
			"container.network.io.usage.{rx,tx}_dropped (Collector, dockerstats)", traffic.dropped),
		container("container.network.errors", "{error}", "Network errors of the container.",
			"container.network.io.usage.{rx,tx}_errors (Collector, dockerstats)", traffic.errors),
		system("system.network.io", "By", "The number of bytes transmitted and received.", semconv.NetworkInterfaceName, traffic.bytes),
		system("system.network.packet.count", "{packet}", "The number of packets transferred.", semconv.SystemDevice, traffic.packets),
		system("system.network.packet.dropped", "{packet}", "Count of packets that are dropped or discarded even though there was no error.",
			semconv.NetworkInterfaceName, traffic.dropped),
		system("system.network.errors", "{error}", "Count of network errors detected.", semconv.NetworkInterfaceName, traffic.errors),
		{
			Metric: Metric{
				Name: "system.network.bandwidth.utilization", Unit: "1", Kind: Gauge, Float: true, Scope: System, OptIn: WithUtilization,
				Description: "Share of an interface's link speed in use.",
				PriorArt:    "none", Note: "only where the link has a speed, and with Config.EnableDetailedNetwork",
			},
			Items: eachInterface(System, semconv.NetworkInterfaceName,
				bandwidth(semconv.NetworkIODirectionReceive, func(i *sample.Interface) *sample.Traffic { return &i.Receive }),
				bandwidth(semconv.NetworkIODirectionTransmit, func(i *sample.Interface) *sample.Traffic { return &i.Transmit })),
		},
	}
}

// bandwidth is the bytes of one direction as a share of what the link can carry.
func bandwidth(direction attribute.KeyValue, of func(*sample.Interface) *sample.Traffic) Series[network] {
	return Series[network]{Attributes: attr(direction), Ratios: func(dst []counter.Ratio, s *network, i int) []counter.Ratio {
		link := &s.Interfaces[i]
		speed, ok := link.Speed.Get()
		bytes, ok2 := of(link).Bytes.Get()
		if !ok || !ok2 || speed == 0 {
			return dst
		}
		// Bits a second are bytes a nanosecond, eight billion to one.
		return append(dst, counter.Ratio{Num: bytes, PerTime: true, Scale: 8e9 / float64(speed), Breaks: link.Breaks})
	}}
}

// traffic names the counters of one direction.
var traffic = struct {
	bytes, packets, errors, dropped func(*sample.Traffic) sample.OptUint
}{
	func(t *sample.Traffic) sample.OptUint { return t.Bytes },
	func(t *sample.Traffic) sample.OptUint { return t.Packets },
	func(t *sample.Traffic) sample.OptUint { return t.Errors },
	func(t *sample.Traffic) sample.OptUint { return t.Dropped },
}

// counts reads the total, or each interface, in both directions.
func counts(m Metric, item func(string) attribute.KeyValue, read func(*sample.Traffic) sample.OptUint) Row[network] {
	r := Row[network]{Metric: m}
	var items []Series[network]
	for _, d := range []struct {
		attribute attribute.KeyValue
		of        func(*sample.Interface) *sample.Traffic
	}{
		{semconv.NetworkIODirectionReceive, func(i *sample.Interface) *sample.Traffic { return &i.Receive }},
		{semconv.NetworkIODirectionTransmit, func(i *sample.Interface) *sample.Traffic { return &i.Transmit }},
	} {
		r.Series = append(r.Series, integer(attr(d.attribute), func(s *network) sample.OptUint {
			if !describes(s, m.Scope) {
				return sample.OptUint{}
			}
			return read(d.of(&s.Total))
		}))
		items = append(items, Series[network]{
			Attributes: attr(d.attribute), Per: 1,
			Uint: func(s *network, i int) sample.OptUint { return read(d.of(&s.Interfaces[i])) },
		})
	}
	r.Items = eachInterface(m.Scope, item, items...)
	return r
}

func eachInterface(scope Scope, item func(string) attribute.KeyValue, series ...Series[network]) *Items[network] {
	return &Items[network]{
		Detail: PerInterface,
		Len: func(s *network) int {
			if !describes(s, scope) {
				return 0
			}
			return len(s.Interfaces)
		},
		Key:        func(s *network, i int) ItemKey { return ItemKey{Name: s.Interfaces[i].Name} },
		Attributes: named(item),
		Source:     func(s *network, i int) counter.Source { return counter.Source(s.Interfaces[i].Series) },
		Series:     series,
	}
}

// describes reports whether the namespace is the scope's. One of which nothing
// tells whose it is has no metrics: they would be somebody else's half of the time.
func describes(s *network, scope Scope) bool {
	own, ok := s.Own.Get()
	return ok && own == (scope == Container)
}
