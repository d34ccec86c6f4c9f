package otelresource

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// memoryPublic is a MemoryStats and what it points to.
type memoryPublic struct {
	MemoryStats
	events, local MemoryEvents
	swap          SwapEvents
	stalls        stalls
}

// cpuPublic is a CPUStats and what it points to.
type cpuPublic struct {
	CPUStats
	throttling CPUThrottling
	stalls     stalls
}

// stalls is where the pressure of a snapshot lies.
type stalls struct {
	pressure   Pressure
	some, full Stall
}

// convert returns nil where the kernel has no pressure.
func (s *stalls) convert(from *sample.Pressure) *Pressure {
	set := func(to **Stall, at *Stall, from *sample.Opt[sample.Stall]) {
		if v := from.At(); v != nil {
			*at = Stall{Avg10: v.Avg10, Avg60: v.Avg60, Avg300: v.Avg300, TotalSeconds: float64(v.Total) / 1e6}
			*to = at
		}
	}
	set(&s.pressure.Some, &s.some, &from.Some)
	set(&s.pressure.Full, &s.full, &from.Full)
	if s.pressure.Some == nil && s.pressure.Full == nil {
		return nil
	}
	return &s.pressure
}

// setInt and setFloat fill a public number and note that it is there.
func setInt(p *presence, f Field, to *int64, from sample.OptUint) {
	if n, ok := from.Get(); ok && n <= 1<<63-1 {
		*to = int64(n)
		p.set(f)
	}
}

func setFloat(p *presence, f Field, to *float64, from sample.Opt[float64]) {
	if n, ok := from.Get(); ok {
		*to = n
		p.set(f)
	}
}

// setSeconds takes a number of which per are a second.
func setSeconds(p *presence, f Field, to *float64, from sample.OptUint, per float64) {
	if n, ok := from.Get(); ok {
		*to = float64(n) / per
		p.set(f)
	}
}

// convert makes the public struct, or says why there is none: in a container
// whose cgroup cannot be read.
func (s *memoryPublic) convert(from *sample.Memory, _ *usage) (*MemoryStats, error) {
	to := &s.MemoryStats
	p := &to.present
	to.Timestamp, to.Scope = from.Time, ScopeSystem
	setInt(p, FieldAvailableBytes, &to.AvailableBytes, from.Available)
	l := from.Limit
	if !from.Own && l.Source.Cgroup() { // a cgroup whose usage cannot be read: its limit says nothing about the machine's usage
		l = from.SystemLimit
	}
	if l.Known() {
		setInt(p, FieldLimitBytes, &to.LimitBytes, sample.SomeUint(l.Value))
		to.LimitSource, to.LimitCgroup, to.LimitFile = LimitSource(l.Source.String()), l.Cgroup, l.File
	}
	if !from.Own {
		g := &from.System
		setInt(p, FieldUsageBytes, &to.UsageBytes, g.Used)
		setInt(p, FieldCacheBytes, &to.CacheBytes, g.Cached)
		setInt(p, FieldSwapUsageBytes, &to.SwapUsageBytes, g.SwapUsed)
		setInt(p, FieldSwapLimitBytes, &to.SwapLimitBytes, g.SwapLimit)
		to.Pressure = s.stalls.convert(&g.Pressure)
		return to, nil
	}
	g := &from.Cgroup
	if !g.Usage.Present() {
		return nil, toError("GetMemoryStats", from.Err)
	}
	to.Scope, to.UsageCgroup = ScopeContainer, g.UsageCgroup
	to.Pressure = s.stalls.convert(&g.Pressure)
	setInt(p, FieldUsageBytes, &to.UsageBytes, g.Usage)
	setInt(p, FieldWorkingSetBytes, &to.WorkingSetBytes, g.WorkingSet)
	setInt(p, FieldRSSBytes, &to.RSSBytes, g.RSS)
	setInt(p, FieldCacheBytes, &to.CacheBytes, g.Cache)
	setInt(p, FieldHighBytes, &to.HighBytes, g.High)
	setInt(p, FieldSwapUsageBytes, &to.SwapUsageBytes, g.SwapUsage)
	setInt(p, FieldSwapLimitBytes, &to.SwapLimitBytes, g.SwapLimit)
	to.Events, to.LocalEvents = s.events.from(&g.Events), s.local.from(&g.LocalEvents)
	e := &s.swap
	setInt(&e.present, FieldHigh, &e.High, g.SwapEvents.High)
	setInt(&e.present, FieldMax, &e.Max, g.SwapEvents.Max)
	setInt(&e.present, FieldFail, &e.Fail, g.SwapEvents.Fail)
	if !e.present.empty() {
		to.SwapEvents = e
	}
	return to, nil
}

// from fills e and returns it, or nil where the kernel counts nothing.
func (e *MemoryEvents) from(events *sample.MemoryEvents) *MemoryEvents {
	setInt(&e.present, FieldLow, &e.Low, events.Low)
	setInt(&e.present, FieldHigh, &e.High, events.High)
	setInt(&e.present, FieldMax, &e.Max, events.Max)
	setInt(&e.present, FieldOOM, &e.OOM, events.OOM)
	setInt(&e.present, FieldOOMKill, &e.OOMKill, events.OOMKill)
	setInt(&e.present, FieldOOMGroupKill, &e.OOMGroupKill, events.OOMGroupKill)
	if e.present.empty() {
		return nil
	}
	return e
}

// convert makes the public struct, or says why there is none: in a container
// whose cgroup cannot be read.
func (s *cpuPublic) convert(from *sample.CPU, u *usage) (*CPUStats, error) {
	to := &s.CPUStats
	p := &to.present
	to.Timestamp, to.Scope = from.Time, ScopeSystem
	setFloat(p, FieldAvailableCores, &to.AvailableCores, from.Available)
	l := from.Limit
	if !from.Own && l.Source.Cgroup() {
		l = from.SystemLimit // the machine's usage is never that of a cgroup's limit
	}
	if l.Known() {
		setFloat(p, FieldLimitCores, &to.LimitCores, sample.Some(l.Value))
		to.LimitSource, to.LimitCgroup, to.LimitFile = LimitSource(l.Source.String()), l.Cgroup, l.File
	}
	perCPU, capacity := from.System.PerCPU, from.CgroupLimit.Value
	if from.Own {
		if from.Err != nil {
			return nil, toError("GetCPUStats", from.Err)
		}
		to.Scope, perCPU = ScopeContainer, from.Cgroup.PerCPU
		s.convertCgroup(from, u)
	} else {
		g := &from.System
		busy := g.Times.Busy()
		setFloat(p, FieldUsageCores, &to.UsageCores, u.busy(&u.cores, from.Time, busy, time.Microsecond, g.Breaks))
		setSeconds(p, FieldUsageSeconds, &to.UsageSeconds, busy, 1e6)
		setSeconds(p, FieldUserSeconds, &to.UserSeconds, g.Times.User, 1e6)
		setSeconds(p, FieldSystemSeconds, &to.SystemSeconds, g.Times.System, 1e6)
		to.Pressure = s.stalls.convert(&g.Pressure)
		// Other processes are not bound by the limits of this one. CPUs that went
		// offline within the window have worked in it.
		now := g.Logical.Or(0)
		capacity = float64(max(now, u.cpus))
		u.cpus = now
	}
	if cores := to.UsageCores; p.has(FieldUsageCores) && capacity > 0 {
		setFloat(p, FieldUsagePercent, &to.UsagePercent, sample.Some(100*cores/capacity))
	}
	for i := range perCPU {
		cpu := &perCPU[i]
		total, unit, breaks := cpu.Usage, time.Nanosecond, cpu.Breaks|cgroupTimes
		if !from.Own {
			total, unit, breaks = cpu.Times.Busy(), time.Microsecond, cpu.Breaks
		}
		share, ok := u.busy(u.cpu(cpu.Number), from.Time, total, unit, breaks).Get()
		if !ok {
			continue
		}
		if to.PerCPUUsage == nil {
			to.PerCPUUsage, to.PerCPUIDs = make([]float64, 0, len(perCPU)), make([]int, 0, len(perCPU))
		}
		to.PerCPUUsage = append(to.PerCPUUsage, 100*share)
		to.PerCPUIDs = append(to.PerCPUIDs, cpu.Number)
	}
	return to, nil
}

func (s *cpuPublic) convertCgroup(from *sample.CPU, u *usage) {
	g, to := &from.Cgroup, &s.CPUStats
	p := &to.present
	to.Pressure = s.stalls.convert(&g.Pressure)
	if !g.Held { // else the total stands still, which is not the same as idle
		setFloat(p, FieldUsageCores, &to.UsageCores, u.busy(&u.cores, from.Time, g.Usage, time.Nanosecond, g.Breaks|cgroupTimes))
	}
	setSeconds(p, FieldUsageSeconds, &to.UsageSeconds, g.Usage, 1e9)
	setSeconds(p, FieldUserSeconds, &to.UserSeconds, g.User, 1e9)
	setSeconds(p, FieldSystemSeconds, &to.SystemSeconds, g.System, 1e9)
	setInt(p, FieldShares, &to.Shares, g.Shares)
	setInt(p, FieldWeight, &to.Weight, g.Weight)
	setInt(p, FieldQuotaUs, &to.QuotaUs, g.Quota)
	setInt(p, FieldQuotaPeriodUs, &to.QuotaPeriodUs, g.Period)
	t, raw := &s.throttling, &g.Throttling
	setInt(&t.present, FieldPeriods, &t.Periods, raw.Periods)
	setInt(&t.present, FieldThrottledPeriods, &t.ThrottledPeriods, raw.Throttled)
	setSeconds(&t.present, FieldThrottledSeconds, &t.ThrottledSeconds, raw.Time, 1e9)
	setInt(&t.present, FieldBurstPeriods, &t.BurstPeriods, raw.Bursts)
	setSeconds(&t.present, FieldBurstSeconds, &t.BurstSeconds, raw.BurstTime, 1e9)
	if !t.present.empty() {
		to.Throttling = t
	}
}

// limits makes the public list.
func limits(from *sample.Limits) ResourceLimits {
	to := ResourceLimits{Timestamp: from.Time}
	if l := from.Memory; l.Known() {
		to.Memory = &Limit{Kind: "memory", Value: float64(l.Value), Unit: "By", Source: LimitSource(l.Source.String()), Cgroup: l.Cgroup, File: l.File}
	}
	if l := from.CPU; l.Known() {
		to.CPU = &Limit{Kind: "cpu", Value: l.Value, Unit: "{cpu}", Source: LimitSource(l.Source.String()), Cgroup: l.Cgroup, File: l.File}
	}
	for _, e := range from.Entries {
		to.All = append(to.All, Limit{e.Kind, e.Value, e.Unit, LimitSource(e.Source.String()), e.Device, e.Cgroup, e.File})
	}
	return to
}
