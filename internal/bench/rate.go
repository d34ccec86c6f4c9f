//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// rate is what a program pays that reads once a second: by then the caches are
// cold, for the kernel and the SDK as well as for us.
func rate() table {
	const (
		rounds = 12
		rest   = 500 * time.Millisecond
	)
	t := table{
		title: "Once a second",
		note: fmt.Sprintf("Time of the whole process on a CPU for one refresh and its expiry, every %v, without what the same process "+
			"takes that only sleeps: medians of %d, and the share of a core that they are once a second. Default: a collection of the metrics of "+
			"Start without options. Everything: of all scopes with WithUtilization, WithPerCPU, each disk and interface. Alone: "+
			"the preads of the same files and an empty callback that observes as many points.", rest, rounds),
		head: []string{"", "us", "share", "alone us"},
	}
	sets := []struct {
		what     string
		detailed bool
		options  []otelresource.Option
	}{
		{"default", false, nil},
		{"everything", true, []otelresource.Option{
			otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem, otelresource.ScopeProcess),
			otelresource.WithUtilization(), otelresource.WithPerCPU(),
		}},
	}
	work := []func(){func() {}}
	for _, set := range sets {
		ours, err := expiring(set.detailed, set.options)
		if err != nil {
			return t.failed(err)
		}
		alone, err := kernelAndPoints(set.detailed, set.options)
		if err != nil {
			return t.failed(err)
		}
		work = append(work, ours, alone)
	}
	spent := make([][]time.Duration, len(work))
	for range rounds {
		for i, f := range work {
			before := processTime()
			f()
			time.Sleep(rest)
			spent[i] = append(spent[i], processTime()-before)
		}
	}
	asleep := median(spent[0])
	for i, set := range sets {
		ours, alone := median(spent[2*i+1])-asleep, median(spent[2*i+2])-asleep
		t.row(set.what, fmt.Sprint(ours.Microseconds()), fmt.Sprintf("%.3f %%", 100*ours.Seconds()), fmt.Sprint(alone.Microseconds()))
	}
	return t
}

func median(of []time.Duration) time.Duration {
	slices.Sort(of)
	return of[len(of)/2]
}

// briefMonitor has snapshots that expire before the next round.
func briefMonitor(detailed bool) (*otelresource.Monitor, error) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.EnableDetailedIO, c.EnableDetailedNetwork = counter.MinWindow, detailed, detailed
	return otelresource.NewResourceMonitorWithConfig(c)
}

// expiring collects what has to be read again every time.
func expiring(detailed bool, opts []otelresource.Option) (func(), error) {
	m, err := briefMonitor(detailed)
	if err != nil {
		return nil, err
	}
	return collectFrom(m, nil, opts...)
}

// kernelAndPoints is what expiring reads and observes, with nothing in between.
func kernelAndPoints(detailed bool, opts []otelresource.Option) (func(), error) {
	m, err := briefMonitor(detailed)
	if err != nil {
		return nil, err
	}
	observe, err := constantly(m, nil, opts)
	if err != nil {
		return nil, err
	}
	calls := []func(){observe, affinity, namespace, dump}
	return raw(func() (func(), error) { return expiring(detailed, opts) }, []string{"/uptime"}, calls).build()
}

func processTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
