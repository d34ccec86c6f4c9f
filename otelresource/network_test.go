package otelresource_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func TestNetworkOfAMachine(t *testing.T) {
	got := networkOf(t, monitorOn(t, fixture.Load(t, "testdata/host.txtar"), detailedNetwork))
	eth0 := otelresource.NetworkCounters{
		ReceiveBytes: 9000000, TransmitBytes: 2000000, ReceivePackets: 8000, TransmitPackets: 3000,
		ReceiveErrors: 5, TransmitErrors: 7, ReceiveDropped: 6, TransmitDropped: 8,
	}
	want := &otelresource.NetworkStats{
		NetworkCounters: eth0,
		Interfaces: []otelresource.InterfaceStats{
			{Name: "lo", NetworkCounters: otelresource.NetworkCounters{ReceiveBytes: 3193, TransmitBytes: 3193, ReceivePackets: 29, TransmitPackets: 29}},
			{Name: "eth0", NetworkCounters: eth0, LinkSpeed: 10e9},
			{Name: "docker0", NetworkCounters: otelresource.NetworkCounters{ReceiveBytes: 50000, TransmitBytes: 60000, ReceivePackets: 100, TransmitPackets: 110}},
		},
		Scope: otelresource.ScopeSystem,
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(otelresource.NetworkStats{}, "Timestamp"), cmpopts.IgnoreUnexported(otelresource.NetworkCounters{})); d != "" {
		t.Error(d)
	}
	isNew(t, got.Timestamp)
	for f, want := range map[otelresource.Field][3]bool{ // of the total, of eth0, of docker0
		otelresource.FieldReceiveBytes: {true, true, true}, otelresource.FieldTransmitErrors: {true, true, true},
		otelresource.FieldLinkSpeed: {false, true, false}, otelresource.FieldReceiveErrorRate: {}, otelresource.FieldTransmitUtilization: {},
		otelresource.FieldReadBytes: {},
	} {
		if has := [3]bool{got.Has(f), got.Interfaces[1].Has(f), got.Interfaces[2].Has(f)}; has != want {
			t.Errorf("Has(%v) is %v, want %v", f, has, want)
		}
	}
	if n := networkOf(t, monitorOn(t, fixture.Load(t, "testdata/host.txtar"))); n.Interfaces != nil {
		t.Errorf("not asked for: %+v", n.Interfaces)
	}
}

func TestAbsentNetworkNumbersAreLeftOutOfJSON(t *testing.T) {
	s := networkOf(t, monitorOn(t, fixture.Load(t, "testdata/host.txtar"), detailedNetwork, func(c *otelresource.Config) {
		c.IncludeInterfaces, c.ExcludeInterfaces = []string{"*0"}, []string{"docker*"}
	}))
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := strings.Cut(string(b), `"timestamp"`)
	const counts = `"receive_bytes":9000000,"transmit_bytes":2000000,"receive_packets":8000,"transmit_packets":3000,` +
		`"receive_errors":5,"transmit_errors":7,"receive_dropped":6,"transmit_dropped":8`
	want := `{` + counts + `,"interfaces":[{"name":"eth0",` + counts + `,"link_speed":10000000000}],"scope":"system",`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPatternsThatCannotBeReadAreErrors(t *testing.T) {
	for name, c := range map[string]*otelresource.Config{
		"IncludeInterfaces": {IncludeInterfaces: []string{"eth*", "wlan["}}, "ExcludeInterfaces": {ExcludeInterfaces: []string{"wlan["}},
	} {
		_, err := otelresource.NewResourceMonitorWithConfig(c)
		if !errors.Is(err, path.ErrBadPattern) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), `"wlan["`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCachedNetworkReadsAllocateNothing(t *testing.T) {
	m := monitorOn(t, fixture.Load(t, "testdata/host.txtar"), every(time.Hour), detailedNetwork)
	networkOf(t, m)
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { _, _ = m.GetNetworkStats(ctx) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Besides what the reading allocates, the interfaces, an export costs the
// snapshot. Who calls the getter pays for the public interfaces as well.
func TestARefreshOfNetworkAllocatesWhatItPublishes(t *testing.T) {
	for interfaces, want := range map[int]float64{0: 1, 3: 3} {
		m := otelresource.NewFakeMonitor(&otelresource.FakeSource{Memory: goodMemory, CPU: goodCPU, Network: func(s *sample.Network) error {
			if interfaces > 0 {
				s.Interfaces = make([]sample.Interface, interfaces)
			}
			return nil
		}})
		ctx := t.Context()
		if n := testing.AllocsPerRun(100, func() { _ = otelresource.RefreshNetwork(ctx, m) }); n > min(want, 2) {
			t.Errorf("%d interfaces: %v allocations to refresh", interfaces, n)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = m.GetNetworkStats(ctx) }); n > want {
			t.Errorf("%d interfaces: %v allocations of the getter", interfaces, n)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDetailedNetworkGivesEachInterfaceItsSeries(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	restore := earlier(t, root, map[string]string{"proc/self/net/dev": noTraffic + noDocker})
	m := monitorOn(t, root, detailedNetwork, uncached, every(time.Millisecond))
	_, reader := startedOn(t, m, otelresource.WithScopes(otelresource.ScopeSystem), otelresource.WithUtilization())
	time.Sleep(110 * time.Millisecond) // a window
	collect(t, reader)
	restore()
	got, _ := emitted(collect(t, reader))
	maps.DeleteFunc(got, func(key string, _ float64) bool { return !strings.Contains(key, ".network.") })
	want := map[string]float64{ // only eth0 has a speed, and nothing passed
		"system.network.bandwidth.utilization{network.interface.name=eth0,network.io.direction=receive}":  0,
		"system.network.bandwidth.utilization{network.interface.name=eth0,network.io.direction=transmit}": 0,
	}
	for name, n := range map[string][8]float64{
		"lo": {3193, 3193, 29, 29, 0, 0, 0, 0}, "eth0": {9000000, 2000000, 8000, 3000, 5, 7, 6, 8}, "docker0": {50000, 60000, 100, 110, 0, 0, 0, 0},
	} {
		for i, metric := range []string{"io", "packet.count", "errors", "packet.dropped"} {
			item := "network.interface.name=" + name + ",network.io.direction=%s"
			if metric == "packet.count" {
				item = "network.io.direction=%s,system.device=" + name
			}
			for j, direction := range []string{"receive", "transmit"} {
				want["system.network."+metric+"{"+fmt.Sprintf(item, direction)+"}"] = n[2*i+j]
			}
		}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d) // the totals are not there as well: sums over the interfaces would count twice
	}
}

// An export with delta temporality after an interface left, came back, was
// renamed and could not be read holds what was sent, no less and no more.
func TestDeltasOfAnInterfaceThatComesAndGoes(t *testing.T) {
	handled(t)
	for _, each := range []bool{false, true} {
		root := fixture.Load(t, "testdata/host.txtar")
		const header = "Inter-| Receive\n face |bytes\n"
		line := func(name string, received int) string {
			return fmt.Sprintf("%s: %d 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", name, received)
		}
		root.Remove("sys/class/net")
		root.Write("proc/self/net/dev", header+line("eth0", 4000)) // Start reads it
		reader := metric.NewManualReader(metric.WithTemporalitySelector(metric.DeltaTemporalitySelector))
		startedWith(t, reader, monitorOn(t, root, uncached, func(c *otelresource.Config) { c.EnableDetailedNetwork = each }))
		delta := func(lines string) (sum float64) {
			root.Write("proc/self/net/dev", lines)
			points, _ := emitted(collect(t, reader))
			for key, n := range points {
				if strings.HasPrefix(key, "system.network.io{") && strings.Contains(key, "receive") {
					sum += n
				}
			}
			return sum
		}
		got := []float64{
			delta(header + line("eth0", 4000)),
			delta(header + line("eth0", 4010) + line("eth1", 90000)),
			delta(header + line("eth0", 4010) + line("eth1", 90005)),
			delta("rubbish\n"),
			delta(header + line("eth1", 90006)),
			delta(header + line("eth1", 90007)),
			delta(header + line("eth0", 5000) + line("eth1", 90007)), // another one, perhaps
			delta(header + line("eth0", 5003) + line("eth1", 90007)),
			delta(header + line("eth0", 7) + line("eth1", 90007)), // its driver was reset
			delta(header + line("eth0", 9) + line("eth1", 90007)),
		}
		if want := []float64{0, 10, 5, 0, 1, 1, 0, 3, 0, 2}; !slices.Equal(got, want) {
			t.Errorf("each %v: deltas %v, want %v", each, got, want)
		}
	}
}
