package main

import (
	"fmt"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func (p *page) network(s *otelresource.NetworkStats) {
	if s == nil {
		return
	}
	whose := "of a namespace of which nothing tells whose it is"
	if s.Scope != "" {
		whose = string(s.Scope)
	}
	p.title("Network (%s)", whose)
	p.numbers(s.Has,
		number{"received", otelresource.FieldReceiveBytes, packets(s.ReceiveBytes, s.ReceivePackets)},
		number{"sent", otelresource.FieldTransmitBytes, packets(s.TransmitBytes, s.TransmitPackets)},
		number{"errors", otelresource.FieldReceiveErrors, count(s.ReceiveErrors + s.TransmitErrors)},
		number{"dropped", otelresource.FieldReceiveDropped, count(s.ReceiveDropped + s.TransmitDropped)})
	for i := range s.Interfaces {
		one := &s.Interfaces[i]
		p.row(one.Name, "received "+size(one.ReceiveBytes), "sent "+size(one.TransmitBytes))
	}
}

func packets(bytes, n int64) string { return fmt.Sprintf("%s in %d packets", size(bytes), n) }
