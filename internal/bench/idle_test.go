//go:build linux

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// idleEnv tells a helper process what to do before it is idle.
const idleEnv = "OTELRESOURCE_BENCH_IDLE"

// idleAge is short, so that whatever the module did once per UpdateInterval
// would show many times.
const idleAge, idleFor = 20 * time.Millisecond, time.Second

// idleness is what a process does while nobody reads.
type idleness struct {
	Goroutines int // more than before
	Switches   int // of all threads to and from a CPU
}

// TestIdleMonitorsSleep compares processes: with a monitor that was used and
// whose snapshots have expired, and without one.
func TestIdleMonitorsSleep(t *testing.T) {
	if what := os.Getenv(idleEnv); what != "" {
		if err := json.NewEncoder(os.Stdout).Encode(idle(t, what == "used")); err != nil {
			t.Fatal(err)
		}
		os.Exit(0) // what a test prints at its end is no JSON
	}
	const few = 15 // of the Go runtime itself; once per idleAge would be 50
	var used, without idleness
	for range attempts {
		without, used = idleProcess(t, "without"), idleProcess(t, "used")
		if used.Goroutines == 0 && used.Switches <= without.Switches+few {
			t.Logf("%d context switches in %v, %d without a monitor", used.Switches, idleFor, without.Switches)
			return
		}
	}
	t.Errorf("%d goroutines are left; %d context switches in %v, %d without a monitor", used.Goroutines, used.Switches, idleFor, without.Switches)
}

func idleProcess(t *testing.T, what string) (i idleness) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), idleEnv+"="+what)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, &i)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return i
}

func idle(t *testing.T, used bool) idleness {
	before := runtime.NumGoroutine()
	if used {
		use(t)
	}
	time.Sleep(10 * idleAge) // everything has expired
	goroutines, begin := runtime.NumGoroutine(), switches(t)
	time.Sleep(idleFor)
	return idleness{Goroutines: goroutines - before, Switches: switches(t) - begin}
}

// use reads all that there is, directly and through the SDK, and leaves it open.
func use(t *testing.T) {
	c := otelresource.DefaultConfig()
	c.UpdateInterval, c.EnableDetailedIO, c.EnableDetailedNetwork = idleAge, true, true
	m, err := otelresource.NewResourceMonitorWithConfig(c)
	if err != nil {
		t.Fatal(err)
	}
	reader := metric.NewManualReader()
	_, err = otelresource.Start(otelresource.WithMonitor(m), otelresource.WithUtilization(), otelresource.WithPerCPU(),
		otelresource.WithScopes(otelresource.ScopeSystem, otelresource.ScopeProcess),
		otelresource.WithMeterProvider(metric.NewMeterProvider(metric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	collect, err := collecting(reader)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		collect()
		_, _ = m.GetMemoryStats(background)
		_, _ = m.GetLimits(background)
		time.Sleep(2 * idleAge)
	}
}

var contextSwitches = regexp.MustCompile(`ctxt_switches:\s*(\d+)`)

// switches counts what the threads of this process did so far.
func switches(t *testing.T) (n int) {
	threads, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(threads) == 0 {
		t.Fatal("no threads", err)
	}
	for _, name := range threads {
		b, err := os.ReadFile(name)
		if err != nil {
			continue // the thread has ended
		}
		for _, m := range contextSwitches.FindAllSubmatch(b, -1) {
			of, err := strconv.Atoi(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			n += of
		}
	}
	return n
}
