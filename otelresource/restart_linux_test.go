package otelresource_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// restarts is one provider on which the metrics are started and stopped again.
type restarts struct {
	*testing.T
	root     *fixture.Root
	now      time.Time
	provider *metric.MeterProvider
	global   bool // provider is set as the global one later
	deltas   *metric.ManualReader
	totals   *metric.ManualReader
	running  *otelresource.Instrumentation
	monitor  *otelresource.Monitor
	sum      map[string]float64 // of the deltas
}

func newRestarts(t *testing.T) *restarts {
	r := &restarts{
		T: t, root: fixture.Load(t, "testdata/docker-v2.txtar"), now: time.Unix(1_700_000_000, 0), sum: map[string]float64{},
		deltas: metric.NewManualReader(metric.WithTemporalitySelector(metric.DeltaTemporalitySelector)), totals: metric.NewManualReader(),
	}
	r.provider = metric.NewMeterProvider(metric.WithReader(r.deltas), metric.WithReader(r.totals))
	return r
}

func (r *restarts) start(options ...otelresource.Option) {
	r.Helper()
	var err error
	r.monitor, err = otelresource.NewMonitorAt(r.root.Dir(), func() time.Time { return r.now }, func(c *otelresource.Config) {
		c.EnableDetailedIO, c.EnableDetailedNetwork, c.UpdateInterval = true, true, time.Millisecond
	})
	if err != nil {
		r.Fatal(err)
	}
	if !r.global {
		options = append(options, otelresource.WithMeterProvider(r.provider))
	}
	r.running, err = otelresource.Start(append(options, otelresource.WithMonitor(r.monitor),
		otelresource.WithScopes(otelresource.ScopeContainer, otelresource.ScopeSystem), otelresource.WithPatience())...)
	if err != nil {
		r.Fatal(err)
	}
}

func (r *restarts) stop() {
	r.Helper()
	if err := r.running.Shutdown(context.Background()); err != nil {
		r.Error(err)
	}
	_ = r.monitor.Close()
}

// expect collects and compares the growth and the total of a series; below 0: it is absent.
func (r *restarts) expect(when, series string, delta, total float64) {
	r.Helper()
	r.now = r.now.Add(10 * time.Second)
	deltas, totals := counts(collect(r.T, r.deltas)), counts(collect(r.T, r.totals))
	got, ok := deltas[series]
	all, ok2 := totals[series]
	if total < 0 {
		if ok || ok2 {
			r.Errorf("%s: %s grew by %v to %v, want none", when, series, got, all)
		}
		return
	}
	if !ok || !ok2 || got != delta || all != total {
		r.Errorf("%s: %s grew by %v %v to %v %v, want %v to %v", when, series, got, ok, all, ok2, delta, total)
	}
}

const eachCPU = "system.cpu.time{cpu.logical_number=0,cpu.mode=user}"

const received = "container.network.io{network.interface.name=eth1,network.io.direction=receive}"

func (r *restarts) network(lines ...string) {
	text := "Inter-| Receive\n face |bytes\n"
	for _, line := range lines {
		name, bytes, _ := strings.Cut(line, "=")
		text += fmt.Sprintf("%s: %s 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", name, bytes)
	}
	r.root.Write("proc/self/net/dev", text)
}

// cpuTime sets the ticks of user time of the one CPU.
func (r *restarts) cpuTime(user int) {
	r.root.Write("proc/stat", fmt.Sprintf("cpu  %d 0 0 0\ncpu0 %d 0 0 0\n", user, user))
}

func TestASourceThatIsGoneKeepsItsTotalAcrossAnotherStart(t *testing.T) {
	r := newRestarts(t)
	r.network("lo=0", "eth1=500")
	r.start()
	r.network("lo=0", "eth1=1500")
	r.expect("before", received, 1000, 1000)
	r.network("lo=0")
	r.expect("gone", received, 0, 1000)
	r.stop()
	r.start()
	r.expect("gone, after another Start", received, 0, 1000)
	r.network("lo=0", "eth1=1500")
	r.expect("returned", received, 0, 1000)
	r.network("lo=0", "eth1=1507")
	r.expect("growth", received, 7, 1007)
	r.network("lo=0")
	r.expect("gone again", received, 0, 1007)
	for range 3 { // an hour, whatever is started meanwhile
		r.now = r.now.Add(18 * time.Minute)
		r.expect("gone for some time", received, 0, 1007)
		r.stop()
		r.start()
	}
	r.now = r.now.Add(18 * time.Minute)
	r.expect("gone for an hour", received, 0, -1)
	r.network("lo=0", "eth1=1507")
	r.expect("returned after an hour", received, 0, 0)
	r.stop()
}

func TestASourceThatCannotBeReadKeepsItsTotalAcrossAnotherStart(t *testing.T) {
	r := newRestarts(t)
	handled(t)
	r.network("lo=0", "eth1=500")
	r.start()
	r.network("lo=0", "eth1=1500")
	r.expect("before", received, 1000, 1000)
	r.stop()
	r.root.Write("proc/self/net/dev", "rubbish\n")
	for range 2 {
		r.start()
		r.expect("not readable", received, 0, 1000)
		r.stop()
	}
	r.start()
	r.network("lo=0", "eth1=9000")
	r.expect("readable again", received, 0, 1000)
	r.network("lo=0", "eth1=9002")
	r.expect("growth", received, 2, 1002)
	r.stop()
}

func TestAFailedStartKeepsTheTotals(t *testing.T) {
	for name, provider := range map[string]func(*restarts) *metric.MeterProvider{
		"on the same provider": func(r *restarts) *metric.MeterProvider { return r.provider },
		"on another provider":  func(*restarts) *metric.MeterProvider { return metric.NewMeterProvider() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRestarts(t)
			r.network("lo=0", "eth1=500")
			r.start()
			r.network("lo=0", "eth1=1500")
			r.expect("before", received, 1000, 1000)
			r.stop()
			if _, err := otelresource.Start(otelresource.WithMeterProvider(provider(r)), otelresource.WithMonitor(r.monitor)); err == nil {
				t.Fatal("a closed monitor was started")
			}
			r.start()
			r.network("lo=0", "eth1=1503")
			r.expect("after a Start that failed", received, 3, 1003)
			r.stop()
		})
	}
}

// Series that an Instrumentation did not export are not continued by the next one.
func TestOnlyWhatWasExportedIsContinued(t *testing.T) {
	r := newRestarts(t)
	const all = "system.cpu.time{cpu.mode=user}"
	r.cpuTime(1000)
	r.start(otelresource.WithPerCPU())
	r.cpuTime(1100)
	r.expect("each CPU", eachCPU, 1, 1)
	r.stop()
	r.start()
	r.expect("all CPUs", all, 0, 0)
	r.cpuTime(1200)
	r.expect("all CPUs", all, 1, 1)
	r.stop()
	r.start(otelresource.WithPerCPU())
	r.expect("each CPU again", eachCPU, 0, 0)
	r.stop()
}

// An interface that leaves while many others come and go may be forgotten. One that
// takes its name then starts where it stands.
func TestANameThatWasForgottenStartsWhereItStands(t *testing.T) {
	r := newRestarts(t)
	r.network("lo=0", "eth1=500")
	r.start()
	r.expect("before", received, 0, 0)
	for n := range 300 {
		r.network("lo=0", fmt.Sprintf("veth%d=1", n))
		networkOf(t, r.monitor)
	}
	r.network("lo=0", "eth1=9000000")
	r.expect("another interface", received, 0, 0)
	r.network("lo=0", "eth1=9000003")
	r.expect("growth", received, 3, 3)
	r.stop()
}

// In a cgroup a disk is listed from its first use on. One that leaves and returns
// after an hour has been used before.
func TestADiskThatReturnsIsNotUsedForTheFirstTime(t *testing.T) {
	const read = "container.disk.io{disk.io.direction=read,system.device=sda}"
	r := newRestarts(t)
	io := func(text string) { r.root.Write(ownDir+"/io.stat", text) }
	io("")
	r.start()
	r.expect("no use yet", read, 0, -1)
	io("8:0 rbytes=7000 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n")
	r.expect("first use", read, 7000, 7000)
	io("")
	r.expect("away", read, 0, 7000)
	r.now = r.now.Add(62 * time.Minute)
	r.expect("away for an hour", read, 0, -1)
	io("8:0 rbytes=7001 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n")
	r.expect("returned", read, 0, 0)
	io("8:0 rbytes=7003 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n")
	r.expect("growth", read, 2, 2)
	r.stop()
}

func TestAnAbsurdValueDoesNotStopACounter(t *testing.T) {
	for name, values := range map[string][]string{
		"at first": {"18446744073709551615", "1000", "1003"}, "for a moment": {"500", "18446744073709551615", "503"}, "twice": {"500", "9223372036854775808", "18446744073709551615", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRestarts(t)
			r.network("lo=0", "eth1="+values[0])
			r.start()
			for _, v := range values[1:] {
				r.network("lo=0", "eth1="+v)
				r.now = r.now.Add(10 * time.Second)
				collect(t, r.totals)
			}
			if got := counts(collect(t, r.totals))[received]; got != 3 {
				t.Errorf("%s is %v, want 3", received, got)
			}
			r.stop()
		})
	}
}

// No reader saw that the second Instrumentation does not export each CPU.
func TestAStartThatNobodyCollectedKeepsTheTotals(t *testing.T) {
	r := newRestarts(t)
	r.cpuTime(1000)
	r.start(otelresource.WithPerCPU())
	r.cpuTime(1100)
	r.expect("each CPU", eachCPU, 1, 1)
	r.stop()
	r.start()
	r.stop()
	r.start(otelresource.WithPerCPU())
	r.expect("each CPU again", eachCPU, 0, 1)
	r.stop()
}

// Until the global provider is set, OpenTelemetry has one in its place that hands everything over to it.
func TestStartingOnTheGlobalProviderBeforeAndAfterItIsSetIsStartingTwice(t *testing.T) {
	r := newRestarts(t)
	r.global = true
	r.network("lo=0", "eth1=500")
	r.start()
	otel.SetMeterProvider(r.provider)
	for name, opts := range map[string][]otelresource.Option{
		"the global one": {otelresource.WithMonitor(r.monitor)},
		"by name":        {otelresource.WithMonitor(r.monitor), otelresource.WithMeterProvider(r.provider)},
	} {
		if _, err := otelresource.Start(opts...); err == nil || !strings.Contains(err.Error(), "already started") {
			t.Errorf("%s: %v", name, err)
		}
	}
	r.network("lo=0", "eth1=1500")
	r.expect("before", received, 1000, 1000)
	r.stop()
	r.start()
	r.network("lo=0", "eth1=1503")
	r.expect("after", received, 3, 1003)
	r.stop()
}
