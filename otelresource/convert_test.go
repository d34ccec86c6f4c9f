package otelresource

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// fill sets every field below v to a value of its own. Opt hides its fields, so it is set through Some.
func fill(v reflect.Value, next *uint64) {
	*next++
	switch p := v.Addr().Interface().(type) {
	case *sample.OptUint:
		*p = sample.SomeUint(*next * 1_000_000_007)
		return
	case *sample.Opt[float64]:
		*p = sample.Some(float64(*next) + 0.25)
		return
	case *sample.Opt[bool]:
		*p = sample.Some(true)
		return
	case *sample.Opt[sample.Stall]:
		n := float64(*next)
		*p = sample.Some(sample.Stall{Avg10: n, Avg60: n + 0.1, Avg300: n + 0.2, Total: *next})
		return
	case *error:
		return
	case *time.Time:
		*p = time.Unix(int64(*next), 0)
		return
	case *[]sample.PerCPU:
		*p = []sample.PerCPU{{Number: 1, Usage: sample.SomeUint(*next * 1_000_000_007)}}
		return
	case *[]sample.Disk:
		*p = make([]sample.Disk, 1)
		fill(reflect.ValueOf(&(*p)[0]).Elem(), next)
		return
	case *[]sample.Interface:
		*p = make([]sample.Interface, 1)
		fill(reflect.ValueOf(&(*p)[0]).Elem(), next)
		(*p)[0].Name = "eth0"
		return
	case *sample.Source:
		*p = sample.SourceCgroupV2
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Uint64:
		v.SetUint(*next)
	case reflect.Float64:
		v.SetFloat(float64(*next))
	case reflect.String:
		v.SetString("text" + time.Unix(int64(*next), 0).String())
	case reflect.Bool:
		v.SetBool(true)
	}
}

// zeros lists the exported fields below v that are zero.
func zeros(v reflect.Value, path string) (all []string) {
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name := path + f.Name
		switch {
		case !f.IsExported():
		case f.Anonymous:
			all = append(all, zeros(v.Field(i), name+".")...)
		case v.Field(i).IsZero():
			all = append(all, name)
		case f.Type.Kind() == reflect.Pointer && f.Type.Elem().Kind() == reflect.Struct:
			all = append(all, zeros(v.Field(i), name+".")...)
		}
	}
	return all
}

// publicOf makes the public struct of a sample in which everything is set.
func publicOf[S, P, B any, To public[S, P, B]](t *testing.T, next *uint64) *P {
	t.Helper()
	u := &usage{began: time.Unix(0, 0)}
	var p *P
	for range 2 { // two readings make a window
		var s S
		fill(reflect.ValueOf(&s).Elem(), next)
		if c, ok := any(&s).(*sample.CPU); ok {
			c.Cgroup.Held = false
		}
		var err error
		if p, err = To(new(B)).convert(&s, u); err != nil {
			t.Fatal(err)
		}
	}
	if z := zeros(reflect.ValueOf(p), ""); len(z) > 0 {
		t.Errorf("%T: nothing reaches %v", *p, z)
	}
	return p
}

func TestEveryReadingReachesThePublicStruct(t *testing.T) {
	var next uint64
	memory := publicOf[sample.Memory, MemoryStats, memoryPublic](t, &next)
	cpu := publicOf[sample.CPU, CPUStats, cpuPublic](t, &next)
	disks := publicOf[sample.IO, IOStats, ioPublic](t, &next)
	network := publicOf[sample.Network, NetworkStats, networkPublic](t, &next)
	if z := zeros(reflect.ValueOf(&disks.Devices[0]), ""); len(z) > 0 {
		t.Errorf("DeviceIOStats: nothing reaches %v", z)
	}
	if z := zeros(reflect.ValueOf(&network.Interfaces[0]), ""); len(z) > 0 {
		t.Errorf("InterfaceStats: nothing reaches %v", z)
	}
	for f := FieldReceiveBytes; f <= FieldLinkSpeed; f++ {
		own := f <= FieldTransmitErrorRate // the rest is of one link
		if network.Has(f) != own || !network.Interfaces[0].Has(f) {
			t.Errorf("%v: NetworkStats %v, InterfaceStats %v", f, network.Has(f), network.Interfaces[0].Has(f))
		}
	}
	for f := FieldReadBytes; f <= FieldInProgress; f++ {
		if !disks.Has(f) {
			t.Errorf("IOStats has no %v", f)
		}
	}
	for f := FieldReadBytes; f <= FieldCostWaitSeconds; f++ {
		if !disks.Devices[0].Has(f) {
			t.Errorf("DeviceIOStats has no %v", f)
		}
	}
	for f := FieldUsageBytes; f <= FieldSwapLimitBytes; f++ {
		if !memory.Has(f) {
			t.Errorf("MemoryStats has no %v", f)
		}
	}
	for f := FieldUsagePercent; f <= FieldQuotaUs; f++ {
		if !cpu.Has(f) {
			t.Errorf("CPUStats has no %v", f)
		}
	}
}

func TestEveryFieldHasAName(t *testing.T) {
	seen := map[string]bool{}
	for f := range numFields {
		if name := f.String(); name == "" || seen[name] {
			t.Errorf("field %d is called %q", f, name)
		} else {
			seen[name] = true
		}
	}
	var full presence
	for i := range full {
		full[i] = math.MaxUint64
	}
	if Field(200).String() != "unknown" || full.has(200) {
		t.Error("a field out of range is something")
	}
}

// The limits of this process, by its affinity or its cgroup, do not bound the
// other processes of the machine.
func TestMachineUsageIsAShareOfTheMachine(t *testing.T) {
	for name, limit := range map[string]sample.Limit[float64]{
		"affinity": {Value: 1, Source: sample.SourceAffinity}, "quota": {Value: 1.5, Source: sample.SourceCgroupV1}, "none": {Value: 8, Source: sample.SourceHost},
	} {
		u := &usage{began: time.Unix(0, 0)}
		var s *CPUStats
		for i := range uint64(2) {
			from := sample.CPU{Time: time.Unix(int64(i), 0), Limit: limit, CgroupLimit: limit}
			from.System.Logical = sample.SomeUint(8)
			from.System.Times = sample.CPUTimes{User: sample.SomeUint(i * 6e6), Idle: sample.SomeUint(i * 2e6)}
			var err error
			if s, err = new(cpuPublic).convert(&from, u); err != nil {
				t.Fatal(err)
			}
		}
		if s.UsagePercent != 75 || s.UsageCores != 6 || s.Scope != ScopeSystem {
			t.Errorf("limited by %s: got %v cores, %v%%, scope %s, want 6, 75%%, system", name, s.UsageCores, s.UsagePercent, s.Scope)
		}
	}
}

// CPUs that went offline before the reading have worked in its window.
func TestMachineUsageIsAtMostAllOfIt(t *testing.T) {
	u := &usage{began: time.Unix(0, 0)}
	var s *CPUStats
	for i, cpus := range []uint64{4, 1} {
		from := sample.CPU{Time: time.Unix(int64(i), 0)}
		from.System.Logical = sample.SomeUint(cpus)
		from.System.Times = sample.CPUTimes{User: sample.SomeUint(uint64(i) * 4e6)}
		var err error
		if s, err = new(cpuPublic).convert(&from, u); err != nil {
			t.Fatal(err)
		}
	}
	if s.UsagePercent != 100 {
		t.Errorf("got %v%%, want 100%%", s.UsagePercent)
	}
}

// The affinity is that of this process, the usage that of the whole cgroup.
func TestCgroupUsageIsAShareOfTheCgroupsLimit(t *testing.T) {
	u := &usage{began: time.Unix(0, 0)}
	var s *CPUStats
	for i := range uint64(2) {
		from := sample.CPU{
			Time: time.Unix(int64(i), 0), Own: true,
			Limit:       sample.Limit[float64]{Value: 1, Source: sample.SourceAffinity},
			CgroupLimit: sample.Limit[float64]{Value: 4, Source: sample.SourceCgroupV2},
		}
		from.Cgroup.Usage = sample.SomeUint(i * 3e9)
		var err error
		if s, err = new(cpuPublic).convert(&from, u); err != nil {
			t.Fatal(err)
		}
	}
	if s.UsagePercent != 75 || s.LimitCores != 1 {
		t.Errorf("got %v%% and a limit of %v cores, want 75%% and 1", s.UsagePercent, s.LimitCores)
	}
}

// The machine's usage goes with the machine's limit, though a cgroup limits the process.
func TestMachineUsageIsNotPairedWithACgroupsLimit(t *testing.T) {
	from := sample.CPU{
		Limit:       sample.Limit[float64]{Value: 0.5, Source: sample.SourceCgroupV2, Cgroup: "/app", File: "/cpu.max"},
		SystemLimit: sample.Limit[float64]{Value: 8, Source: sample.SourceHost, File: "/online"},
	}
	s, err := new(cpuPublic).convert(&from, newUsage(0))
	if err != nil {
		t.Fatal(err)
	}
	if s.Scope != ScopeSystem || s.LimitCores != 8 || s.LimitSource != LimitSourceHost || s.LimitCgroup != "" || s.LimitFile != "/online" {
		t.Errorf("got scope %s, %v cores by %s %s %s, want system, 8 by host /online", s.Scope, s.LimitCores, s.LimitSource, s.LimitCgroup, s.LimitFile)
	}
}
