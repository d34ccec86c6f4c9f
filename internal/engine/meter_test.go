package engine

import (
	"fmt"
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/instruments"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// meter computes usage from consecutive samples as their consumers do: the
// gauges of package instruments, and the getters of package otelresource.
type meter struct {
	began   time.Time
	least   time.Duration               // of a window
	windows map[string][]counter.Window // by what is measured
}

func newMeter(began time.Time, least time.Duration) *meter {
	return &meter{began: began, least: least, windows: map[string][]counter.Window{}}
}

// observe takes the ratios of one reading and returns the largest one over the newest windows.
func (m *meter) observe(what string, at time.Time, ratios ...counter.Ratio) (most sample.Opt[float64]) {
	windows := m.windows[what]
	for i, r := range ratios {
		if i == len(windows) {
			windows = append(windows, counter.Window{})
		}
		if v, ok := windows[i].Observe(at.Sub(m.began), r, m.least); ok && v >= most.Or(v) {
			most = sample.Some(v)
		}
	}
	m.windows[what] = windows
	return most
}

// readable is a pointer to a sample.
type readable[S any] interface {
	*S
	ReadAt() time.Time
}

// gauge returns the value of each series of a gauge, by its attribute's value.
// item is the index in the list of items, or -1 for the total over them.
func gauge[S any, P readable[S]](m *meter, rows []instruments.Row[S], s P, name string, item int, key string) map[string]sample.Opt[float64] {
	values := map[string]sample.Opt[float64]{}
	for i := range rows {
		if rows[i].Name != name {
			continue
		}
		series := rows[i].Series
		if item >= 0 {
			series = rows[i].Items.Series
		}
		for n := range series {
			label := ""
			if a := series[n].Attributes; len(a) > 0 {
				label = a[0].Value.AsString()
			}
			ratios := series[n].Ratios(nil, s, max(item, 0))
			values[label] = m.observe(name+" "+key+" "+label, s.ReadAt(), ratios...)
		}
	}
	return values
}

// cpuUsage is the usage of a reading of the CPUs, over the newest windows.
type cpuUsage struct {
	cgroup      sample.Opt[float64] // cores
	utilization sample.Opt[float64] // of the limit
	machine     sample.Opt[float64] // cores
	modes       map[string]float64  // of the machine; nil: no window yet
	perCPU      map[int]oneUsage    // of the machine, by number
	cgroupCPUs  map[int]sample.Opt[float64]
}

// oneUsage is the usage of one CPU.
type oneUsage struct {
	share sample.Opt[float64]
	modes map[string]float64
}

func (m *meter) cpu(s *sample.CPU) cpuUsage {
	rows := instruments.CPU()
	u := cpuUsage{
		cgroup:      gauge(m, rows, s, "container.cpu.usage", -1, "")[""],
		utilization: gauge(m, rows, s, "container.cpu.limit.utilization", -1, "")[""],
		machine:     m.busy("machine", s.Time, s.System.Times.Busy(), time.Microsecond, s.System.Breaks),
		modes:       whole(gauge(m, rows, s, "system.cpu.utilization", -1, "")),
		perCPU:      map[int]oneUsage{},
		cgroupCPUs:  map[int]sample.Opt[float64]{},
	}
	for i := range s.System.PerCPU {
		one := &s.System.PerCPU[i]
		key := fmt.Sprint("cpu", one.Number)
		u.perCPU[one.Number] = oneUsage{
			share: m.busy(key, s.Time, one.Times.Busy(), time.Microsecond, one.Breaks),
			modes: whole(gauge(m, rows, s, "system.cpu.utilization", i, key)),
		}
	}
	for i := range s.Cgroup.PerCPU {
		one := &s.Cgroup.PerCPU[i]
		u.cgroupCPUs[one.Number] = m.busy(fmt.Sprint("cgroup cpu", one.Number), s.Time, one.Usage, time.Nanosecond, one.Breaks)
	}
	return u
}

// busy returns the cores in use.
func (m *meter) busy(what string, at time.Time, total sample.OptUint, unit time.Duration, breaks uint32) (cores sample.Opt[float64]) {
	if n, ok := total.Get(); ok {
		cores = m.observe(what, at, counter.Ratio{Num: n, PerTime: true, Scale: float64(unit), Breaks: breaks})
	}
	return cores
}

// whole returns the shares of the modes that there are; nil if there are none.
func whole(modes map[string]sample.Opt[float64]) map[string]float64 {
	var shares map[string]float64
	for mode, share := range modes {
		if v, ok := share.Get(); ok {
			if shares == nil {
				shares = map[string]float64{}
			}
			shares[mode] = v
		}
	}
	return shares
}

// process returns the user time as a share of the CPUs that the process may use.
func (m *meter) process(s *sample.Process) sample.Opt[float64] {
	return gauge(m, instruments.OwnProcess(), s, "process.cpu.utilization", -1, "")["user"]
}

// errorRate returns the errors as a share of packets and errors.
func (m *meter) errorRate(what string, at time.Time, t *sample.Traffic, breaks uint32) (rate sample.Opt[float64]) {
	errors, ok := t.Errors.Get()
	packets, ok2 := t.Packets.Get()
	if ok && ok2 {
		rate = m.observe(what+" errors", at, counter.Ratio{Num: errors, Den: packets + errors, Breaks: breaks})
	}
	return rate
}

// bandwidth returns what an interface received as a share of what its link carries.
func (m *meter) bandwidth(s *sample.Network, item int) sample.Opt[float64] {
	return gauge(m, instruments.Network(), s, "system.network.bandwidth.utilization", item, s.Interfaces[item].Name)["receive"]
}
