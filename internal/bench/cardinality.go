//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/otelresource"
	"github.com/cboxdk/resource-monitor/otelresource/producer"
)

// bigMachine is a monitor of a machine of 72 CPUs, with seven series each.
var bigMachine = sync.OnceValues(func() (*otelresource.Monitor, error) {
	root, err := os.MkdirTemp("", "bench")
	if err != nil {
		return nil, err
	}
	var stat strings.Builder
	stat.WriteString("cpu  84127 213 40911 9931260 2210 7 1811 302 0 0\n")
	const cpus = 72
	for i := range cpus {
		fmt.Fprintf(&stat, "cpu%d %d 21 4091 993126 221 7 181 30 0 0\n", i, 8412+i)
	}
	err = writeFiles(root, map[string]string{
		"proc/stat": stat.String(), "sys/devices/system/cpu/online": fmt.Sprintf("0-%d", cpus-1),
		"proc/meminfo": "MemTotal: 8000000 kB\nMemFree: 4000000 kB\nMemAvailable: 6000000 kB",
		// A collector that fails is asked again by every collection.
		"proc/net/dev": "Inter-| Receive | Transmit\n face |bytes packets\n  eth0: 9184 493 0 0 0 0 0 0 8301 813 0 0 0 0 0 0",
	})
	if err != nil {
		return nil, err
	}
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.RootFS = time.Hour, root
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err == nil {
		_, err = m.GetCPUStats(background)
	}
	if err == nil {
		_, err = m.GetMemoryStats(background)
	}
	// What is open stays readable.
	return m, errors.Join(err, os.RemoveAll(root))
})

var perCPU = []otelresource.Option{otelresource.WithScopes(otelresource.ScopeSystem), otelresource.WithPerCPU()}

func producing() (func(), error) {
	m, err := bigMachine()
	if err != nil {
		return nil, err
	}
	p, err := producer.New(append(perCPU, otelresource.WithMonitor(m))...)
	if err != nil {
		return nil, err
	}
	reader := metric.NewManualReader(metric.WithProducer(p))
	metric.NewMeterProvider(metric.WithReader(reader))
	return collecting(reader)
}

func manySeries() (func(), error) {
	m, err := bigMachine()
	if err != nil {
		return nil, err
	}
	reader := metric.NewManualReader()
	_, err = otelresource.Start(append(perCPU, otelresource.WithMonitor(m),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))...)
	if err != nil {
		return nil, err
	}
	return collecting(reader)
}
