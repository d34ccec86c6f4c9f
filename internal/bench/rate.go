//go:build linux

package main

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// rate is what a program pays that reads once a second: by then the caches are cold.
func rate() table {
	const seconds = 8
	t := table{
		title: "Once a second",
		note: fmt.Sprintf("Time of the whole process on a CPU for one refresh, the mean of %d that lie seconds apart, and its share of a core. "+
			"Default: the four getters. Everything: a collection of all scopes with WithUtilization, WithPerCPU, each disk and interface.", seconds),
		head: []string{"", "us", "share"},
	}
	everything, err := collectEverything()
	if err != nil {
		return t.failed(err)
	}
	m, err := monitor(false)
	if err != nil {
		return t.failed(err)
	}
	byDefault := func() {
		for _, g := range snapshots() {
			g.read(m)
		}
	}
	var spent [2]time.Duration
	for range seconds {
		for i, f := range []func(){byDefault, everything} {
			time.Sleep(time.Second)
			before := processTime()
			f()
			spent[i] += processTime() - before
		}
	}
	for i, what := range []string{"default", "everything"} {
		each := spent[i] / seconds
		t.row(what, fmt.Sprint(each.Microseconds()), fmt.Sprintf("%.3f %%", 100*each.Seconds()))
	}
	return t
}

func collectEverything() (func(), error) {
	c := otelresource.DefaultConfig()
	c.EnableCaching, c.EnableDetailedIO, c.EnableDetailedNetwork = false, true, true
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err != nil {
		return nil, err
	}
	return collectFrom(m, nil, otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem, otelresource.ScopeProcess),
		otelresource.WithUtilization(), otelresource.WithPerCPU())
}

func processTime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		panic(err)
	}
	return time.Duration(ts.Nano())
}
