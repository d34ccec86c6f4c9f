package otelresource_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

var ignoreIO = cmp.Options{
	cmpopts.IgnoreFields(otelresource.IOStats{}, "Timestamp"),
	cmpopts.IgnoreUnexported(otelresource.DiskIO{}),
	cmpopts.EquateApprox(0, 1e-9),
}

func TestIOOfAContainer(t *testing.T) {
	got := ioOf(t, monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), detailedIO))
	counts := otelresource.DiskIO{
		ReadBytes: 1048576, WriteBytes: 2097152, DiscardBytes: 4096,
		ReadOperations: 100, WriteOperations: 200, DiscardOperations: 1,
	}
	stacked := counts
	stacked.ReadOperations, stacked.WriteOperations = 90, 190
	want := &otelresource.IOStats{
		DiskIO: counts, // dm-0 lies on sda: its bytes are the same ones
		Devices: []otelresource.DeviceIOStats{
			{Name: "sda", Number: "8:0", DiskIO: counts},
			{Name: "dm-0", Number: "253:0", DiskIO: stacked},
		},
		Pressure: &otelresource.IOPressure{
			Some: &otelresource.Stall{Avg10: 0.1, Avg60: 0.05, Avg300: 0.01, TotalSeconds: 0.3},
			Full: &otelresource.Stall{Avg10: 0.04, Avg60: 0.02, Avg300: 0.005, TotalSeconds: 0.2},
		},
		Scope: otelresource.ScopeContainer,
	}
	if d := cmp.Diff(want, got, ignoreIO); d != "" {
		t.Error(d)
	}
	isNew(t, got.Timestamp)
	for f, want := range map[otelresource.Field]bool{
		otelresource.FieldReadBytes: true, otelresource.FieldDiscardOperations: true,
		otelresource.FieldReadSeconds: false, otelresource.FieldIOSeconds: false, otelresource.FieldInProgress: false,
	} {
		if got.Has(f) != want || got.Devices[0].Has(f) != want {
			t.Errorf("Has(%v) is %v, of a device %v", f, got.Has(f), got.Devices[0].Has(f))
		}
	}
}

func TestIOOfAMachine(t *testing.T) {
	got := ioOf(t, monitorOn(t, fixture.Load(t, "testdata/host.txtar"), detailedIO))
	if got.Scope != otelresource.ScopeSystem || got.Pressure.Some.TotalSeconds != 7 {
		t.Errorf("%+v", got)
	}
	want := otelresource.DiskIO{
		ReadBytes: 4000 * 512, WriteBytes: 8000 * 512, DiscardBytes: 7 * 512,
		ReadOperations: 1000, WriteOperations: 2000, DiscardOperations: 5, FlushOperations: 9,
		ReadMerged: 10, WriteMerged: 20, DiscardMerged: 6,
		ReadSeconds: 0.5, WriteSeconds: 0.7, DiscardSeconds: 0.008, FlushSeconds: 0.01,
		IOSeconds: 0.9, QueueSeconds: 1.2, InProgress: 1,
	}
	if d := cmp.Diff(want, got.DiskIO, ignoreIO); d != "" {
		t.Error(d)
	}
	var names []string
	for _, d := range got.Devices {
		names = append(names, d.Name+" "+d.Number)
	}
	if want := []string{"sda 8:0", "sda1 8:1", "dm-0 253:0"}; !slices.Equal(names, want) {
		t.Errorf("devices %q", names)
	}
}

func TestWithoutDetailsThereAreNoDevices(t *testing.T) {
	if d := ioOf(t, monitorOn(t, fixture.Load(t, "testdata/host.txtar"))).Devices; d != nil {
		t.Errorf("%+v", d)
	}
}

func TestAbsentIONumbersAreLeftOutOfJSON(t *testing.T) {
	text := func(root *fixture.Root) string {
		b, err := json.Marshal(ioOf(t, monitorOn(t, root, detailedIO)))
		if err != nil {
			t.Fatal(err)
		}
		before, _, _ := strings.Cut(string(b), `"timestamp"`)
		return before
	}
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Remove(ownDir + "/io.pressure")
	root.Write(ownDir+"/io.stat", "8:0 rbytes=0 wbytes=2\n")
	want := `{"read_bytes":0,"write_bytes":2,"devices":[{"name":"sda","number":"8:0","read_bytes":0,"write_bytes":2}],"scope":"container",`
	if got := text(root); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// A cgroup that has done no I/O has no numbers, and that is no error (I11).
	root.Write(ownDir+"/io.stat", "")
	if got, want := text(root), `{"scope":"container",`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestIOOfAContainerWithoutTheController(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	root.Remove(ownDir + "/io.stat")
	s := ioOf(t, monitorOn(t, root))
	if s.Pressure == nil || s.Has(otelresource.FieldReadBytes) || s.Scope != otelresource.ScopeContainer {
		t.Errorf("%+v", s) // the kernel has pressure all the same
	}
	root.Remove(ownDir + "/io.pressure")
	_, err := monitorOn(t, root).GetIOStats(t.Context())
	var own *otelresource.Error
	if !errors.Is(err, otelresource.ErrCgroupNotFound) || !errors.As(err, &own) || own.Path != root.Dir()+"/"+ownDir+"/io.stat" {
		t.Errorf("%v", err)
	}
}

func TestIOOfAMachineWithoutDiskstats(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	root.Remove("proc/diskstats")
	root.Remove("proc/pressure/io")
	_, err := monitorOn(t, root).GetIOStats(t.Context())
	var own *otelresource.Error
	if !errors.As(err, &own) || own.Path != root.Dir()+"/proc/diskstats" || errors.Is(err, otelresource.ErrCgroupNotFound) {
		t.Errorf("%v", err)
	}
}

func TestGetIOStatsHonoursCloseAndContext(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.GetIOStats(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.GetIOStats(t.Context()); !errors.Is(err, otelresource.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestCachedIOReadsAllocateNothing(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/docker-v2.txtar"), every(time.Hour), detailedIO)
	ctx := t.Context()
	ioOf(t, m)
	if n := testing.AllocsPerRun(100, func() { _, _ = m.GetIOStats(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestDetailedIOGivesEachDeviceItsSeries(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	restore := earlier(t, root, map[string]string{
		ownDir + "/io.stat": "8:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n253:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n",
		"proc/diskstats": "8 0 sda 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n8 1 sda1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n" +
			"253 0 dm-0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
	})
	m := monitorOn(t, root, detailedIO)
	_, reader := startedOn(t, m, otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem))
	restore()
	got, _ := emitted(collect(t, reader))
	maps.DeleteFunc(got, func(key string, _ float64) bool { return !strings.Contains(key, ".disk.") })
	want := map[string]float64{
		"container.disk.io{disk.io.direction=read,system.device=sda}":          1048576,
		"container.disk.io{disk.io.direction=write,system.device=sda}":         2097152,
		"container.disk.io{disk.io.direction=read,system.device=dm-0}":         1048576,
		"container.disk.io{disk.io.direction=write,system.device=dm-0}":        2097152,
		"container.disk.operations{disk.io.direction=read,system.device=sda}":  100,
		"container.disk.operations{disk.io.direction=write,system.device=sda}": 200,
		"container.disk.operations{disk.io.direction=read,system.device=dm-0}": 90, "container.disk.operations{disk.io.direction=write,system.device=dm-0}": 190,
	}
	for device, n := range map[string][9]float64{
		"sda":  {4000 * 512, 8000 * 512, 1000, 2000, 0.5, 0.7, 0.9, 10, 20},
		"sda1": {3900 * 512, 7900 * 512, 990, 1990, 0.49, 0.69, 0.89, 10, 20},
		"dm-0": {3900 * 512, 7900 * 512, 980, 1980, 0.48, 0.68, 0.88, 0, 0},
	} {
		for i, name := range []string{"io", "operations", "operation_time"} {
			want["system.disk."+name+"{disk.io.direction=read,system.device="+device+"}"] = n[2*i]
			want["system.disk."+name+"{disk.io.direction=write,system.device="+device+"}"] = n[2*i+1]
		}
		want["system.disk.io_time{system.device="+device+"}"] = n[6]
		want["system.disk.merged{disk.io.direction=read,system.device="+device+"}"] = n[7]
		want["system.disk.merged{disk.io.direction=write,system.device="+device+"}"] = n[8]
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d) // the totals are not there as well: sums over the devices would count twice
	}
}

func TestAViewThatDropsAllOfIOCostsNoReading(t *testing.T) {
	for _, dropped := range []bool{true, false} {
		var readings atomic.Int32
		m := otelresource.NewFakeMonitor(&otelresource.FakeSource{
			Memory: goodMemory, CPU: goodCPU,
			IO: func(_ context.Context, s *sample.IO) error {
				readings.Add(1)
				s.System.Total.Read.Bytes = sample.SomeUint(5)
				return nil
			},
		})
		reader := metric.NewManualReader()
		opts := []metric.Option{metric.WithReader(reader)}
		if dropped {
			for _, name := range []string{"system.disk.*", "system.io.*"} {
				opts = append(opts, metric.WithView(metric.NewView(metric.Instrument{Name: name}, metric.Stream{Aggregation: metric.AggregationDrop{}})))
			}
		}
		i, err := otelresource.Start(otelresource.WithMeterProvider(metric.NewMeterProvider(opts...)), otelresource.WithMonitor(m),
			otelresource.WithScopes(otelresource.ScopeSystem))
		if err != nil {
			t.Fatal(err)
		}
		before := readings.Load()
		points, _ := emitted(collect(t, reader))
		if n := readings.Load() - before; (n == 0) != dropped {
			t.Errorf("dropped: %v; %d readings", dropped, n)
		}
		if _, ok := points["system.disk.io{disk.io.direction=read}"]; ok == dropped {
			t.Errorf("dropped: %v; points %v", dropped, points)
		}
		if err := errors.Join(i.Shutdown(t.Context()), m.Close()); err != nil {
			t.Error(err)
		}
	}
}

// An export with delta temporality after a disk left, came back and could not be
// read holds what was done, no less and no more.
func TestDeltasOfADiskThatComesAndGoes(t *testing.T) {
	handled(t)
	root := fixture.Load(t, "testdata/host.txtar")
	reader := metric.NewManualReader(metric.WithTemporalitySelector(metric.DeltaTemporalitySelector))
	startedWith(t, reader, monitorOn(t, root, uncached))
	delta := func(diskstats string) float64 {
		root.Write("proc/diskstats", diskstats)
		points, _ := emitted(collect(t, reader))
		return points["system.disk.io{disk.io.direction=read}"] / 512
	}
	const sda, sdb = "8 0 sda 1 0 %R 0 0 0 0 0 0 0 0\n", "8 16 sdb 1 0 %R 0 0 0 0 0 0 0 0\n"
	line := func(of, sectors string) string { return strings.ReplaceAll(of, "%R", sectors) }
	got := []float64{
		delta(line(sda, "4000")),
		delta(line(sda, "4010") + line(sdb, "90000")),
		delta(line(sda, "4010") + line(sdb, "90005")),
		delta("rubbish\n"),
		delta(line(sdb, "90006")),
		delta(line(sda, "4011") + line(sdb, "90006")),
		delta(line(sda, "7") + line(sdb, "90006")),
		delta(line(sda, "9") + line(sdb, "90006")),
	}
	if want := []float64{0, 10, 5, 0, 1, 1, 0, 2}; !slices.Equal(got, want) {
		t.Errorf("deltas %v, want %v", got, want)
	}
}
