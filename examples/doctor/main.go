// Doctor prints all that can be found out about the resources of this process:
// where it runs, what limits it and what it uses, each with its evidence, and
// what is missing and what it would take.
//
//	go run ./examples/doctor              # this process
//	go run ./examples/doctor -json        # for machines
//	go run ./examples/doctor -root DIR    # the /proc, /sys and /etc under DIR
//
// It exits with an error only where nothing can be read.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	asJSON := flag.Bool("json", false, "print one JSON object")
	root := flag.String("root", "", "look at /proc, /sys and the rest under this folder")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *asJSON, *root); err != nil {
		fmt.Fprintln(os.Stderr, "doctor:", err)
		os.Exit(1)
	}
}

// window is how long CPU usage is measured.
const window = 250 * time.Millisecond

func run(ctx context.Context, out io.Writer, asJSON bool, root string) (err error) {
	failures := &recorder{}
	config := otelresource.DefaultConfig()
	config.UpdateInterval = window
	config.RootFS = root
	config.EnableDetailedIO, config.EnableDetailedNetwork = true, true
	config.Logger = failures.logger()
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, monitor.Close()) }()
	time.Sleep(window + window/10)

	r := examine(ctx, monitor)
	r.Failures = failures.list()
	r.Advice = advice(r)
	if asJSON {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		err = e.Encode(r)
	} else {
		err = r.print(out)
	}
	if r.Memory == nil && r.CPU == nil && r.Limits == nil {
		err = errors.Join(err, errors.New("nothing can be read"))
	}
	return err
}

// report is everything that was found.
type report struct {
	Environment *otelresource.EnvironmentInfo `json:"environment"`
	Limits      *otelresource.ResourceLimits  `json:"limits,omitempty"`
	Memory      *otelresource.MemoryStats     `json:"memory,omitempty"`
	CPU         *otelresource.CPUStats        `json:"cpu,omitempty"`
	IO          *otelresource.IOStats         `json:"io,omitempty"`
	Network     *otelresource.NetworkStats    `json:"network,omitempty"`
	// Errors are what the getters failed with, by the getter's name.
	Errors map[string]string `json:"errors,omitempty"`
	// Failures are the sources that could not be read.
	Failures []string `json:"failures,omitempty"`
	Advice   []string `json:"advice,omitempty"`

	causes []error
}

func examine(ctx context.Context, monitor otelresource.ResourceMonitor) *report {
	r := &report{Environment: monitor.GetEnvironmentInfo(), Errors: map[string]string{}}
	note := func(getter string, err error) {
		if err != nil {
			r.Errors[getter] = err.Error()
			r.causes = append(r.causes, err)
		}
	}
	var err error
	r.Limits, err = monitor.GetLimits(ctx)
	note("GetLimits", err)
	r.Memory, err = monitor.GetMemoryStats(ctx)
	note("GetMemoryStats", err)
	r.CPU, err = monitor.GetCPUStats(ctx)
	note("GetCPUStats", err)
	r.IO, err = monitor.GetIOStats(ctx)
	note("GetIOStats", err)
	r.Network, err = monitor.GetNetworkStats(ctx)
	note("GetNetworkStats", err)
	return r
}
