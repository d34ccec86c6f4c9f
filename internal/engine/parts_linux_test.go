package engine

import (
	"context"
	"reflect"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// docker is the root of a container with every file that the collectors read.
func docker(t *testing.T) *fixture.Root {
	t.Helper()
	return fixture.Load(t, "../../otelresource/testdata/docker-v2.txtar")
}

func container(t *testing.T, root *fixture.Root) *linux {
	t.Helper()
	source, err := New(Config{Root: root.Hostfs(), Containerized: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(source.Close)
	return source.(*linux)
}

func TestAReadingOfTheMachineOpensNothingOfTheCgroup(t *testing.T) {
	l, ctx := container(t, docker(t)), context.Background()
	var m sample.Memory
	var c sample.CPU
	var d sample.IO
	for _, err := range []error{
		l.ReadMemory(ctx, wholeMachine, &m), l.ReadCPU(ctx, wholeMachine, &c), l.ReadIO(ctx, wholeMachine, &d),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if l.memory.reader != nil || l.cpu.reader != nil || l.io.reader != nil {
		t.Error("the own cgroup was looked for")
	}
	if m.Own || c.Own || d.Own || m.Cgroup != (sample.CgroupMemory{}) || !reflect.DeepEqual(c.Cgroup, sample.CgroupCPU{}) {
		t.Errorf("the own cgroup has numbers: %+v %+v", m.Cgroup, c.Cgroup)
	}
	if !m.System.Used.Present() || !c.System.Times.Busy().Present() || !c.System.Logical.Present() {
		t.Errorf("the machine has none: %+v %+v", m.System, c.System)
	}
}

func TestAPartAloneIsThatOfTheWhole(t *testing.T) {
	ctx, root := context.Background(), docker(t)
	var whole, part struct {
		m sample.Memory
		c sample.CPU
		d sample.IO
	}
	read := func(parts sample.Parts) {
		l := container(t, root)
		for _, err := range []error{
			l.ReadMemory(ctx, parts, &part.m), l.ReadCPU(ctx, parts, &part.c), l.ReadIO(ctx, parts, &part.d),
		} {
			if err != nil {
				t.Errorf("%b: %v", parts, err)
			}
		}
	}
	same := func(what string, got, want any) {
		t.Helper()
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", what, got, want)
		}
	}
	read(sample.PartCgroup | wholeMachine)
	whole = part
	read(sample.PartCgroup)
	same("memory of the cgroup", part.m.Cgroup, whole.m.Cgroup)
	same("limit of memory", part.m.Limit, whole.m.Limit)
	same("CPU of the cgroup", part.c.Cgroup, whole.c.Cgroup)
	same("limit of CPU", part.c.Limit, whole.c.Limit)
	same("I/O of the cgroup", part.d.Cgroup, whole.d.Cgroup)
	same("times of the machine", part.c.System.Times, sample.CPUTimes{})

	read(sample.PartSystemPressure)
	same("memory", part.m.System, sample.SystemMemory{Pressure: whole.m.System.Pressure})
	same("CPU", part.c.System, sample.SystemCPU{Pressure: whole.c.System.Pressure, IRQ: whole.c.System.IRQ})
	same("I/O", part.d.System, sample.Disks{Pressure: whole.d.System.Pressure})
	if part.m.System.Pressure == (sample.Pressure{}) {
		t.Error("the root has no pressure, and proves nothing")
	}

	read(sample.PartSystem | sample.PartSystemInfo)
	part.m.System.Pressure, part.c.System.Pressure, part.c.System.IRQ, part.d.System.Pressure = whole.m.System.Pressure, whole.c.System.Pressure, whole.c.System.IRQ, whole.d.System.Pressure
	same("memory of the machine", part.m.System, whole.m.System)
	same("CPU of the machine", part.c.System, whole.c.System)
	same("I/O of the machine", part.d.System, whole.d.System)
}
