//go:build linux

package e2e

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

var (
	withBackend = flag.Bool("backend", false, "also run what needs a metrics database, which takes minutes to build")
	demo        = flag.Bool("demo", false, "run the demonstration until interrupted")
)

const demoService = "demo"

// stack is the way from a program to a picture: the example under load in a
// cgroup of its own, an agent, a gateway and a metrics database, each with the
// configuration that is shipped.
type stack struct {
	folder  string
	program string // the database's
	backend *process
	gateway *process
	agent   *process
	app     *process
	cgroup  *testCgroup

	address     string // of the database, which has a page as well
	gatewayOTLP string
	agentOTLP   string
	began       time.Time // of the example
}

// buildBackend builds a program of the backend's module.
func buildBackend(ctx context.Context, t *testing.T, name string) string {
	t.Helper()
	return build(ctx, t, name, filepath.Join(checkout(t), "internal", "e2e", "backend"),
		"github.com/VictoriaMetrics/VictoriaMetrics/app/"+name, "CGO_ENABLED=0")
}

// startStack starts everything, from the database to the load.
func startStack(ctx context.Context, t *testing.T, export time.Duration, address string) *stack {
	t.Helper()
	collector := buildCollector(ctx, t)
	example := build(ctx, t, "demo", checkout(t), "./examples/demo")
	s := &stack{folder: t.TempDir(), program: buildBackend(ctx, t, "victoria-metrics"), address: address}
	s.startBackend(ctx, t)

	free := freeAddresses(t, 7)
	s.gatewayOTLP, s.agentOTLP = free[0], free[1]
	_, gatewayMetrics, _ := net.SplitHostPort(free[5])
	s.gateway = s.startCollector(ctx, t, collector, "gateway", free[2], map[string]string{
		"GATEWAY_OTLP_GRPC_ENDPOINT": s.gatewayOTLP,
		"GATEWAY_HEALTH_ENDPOINT":    free[2],
		"GATEWAY_QUEUE_DIRECTORY":    filepath.Join(s.folder, "gateway"),
		"GATEWAY_METRICS_ENDPOINT":   "http://" + s.address + "/opentelemetry/v1/metrics",
		"GATEWAY_RETRY_MAX_INTERVAL": "1s",
		"GATEWAY_SELF_METRICS_PORT":  gatewayMetrics,
	})
	_, agentMetrics, _ := net.SplitHostPort(free[6])
	s.agent = s.startCollector(ctx, t, collector, "agent", free[3], map[string]string{
		"AGENT_OTLP_GRPC_ENDPOINT": s.agentOTLP,
		"AGENT_HEALTH_ENDPOINT":    free[3],
		"AGENT_QUEUE_DIRECTORY":    filepath.Join(s.folder, "agent"),
		"AGENT_GATEWAY_ENDPOINT":   "dns:///" + s.gatewayOTLP,
		"AGENT_RETRY_MAX_INTERVAL": "1s",
		"AGENT_SELF_METRICS_PORT":  agentMetrics,
	})

	s.cgroup = limitedCgroup(t)
	s.began = time.Now()
	s.app = start(t, "the example", helper(helperExec, s.cgroup, environment(map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + s.agentOTLP,
		"OTEL_METRIC_EXPORT_INTERVAL": fmt.Sprint(export.Milliseconds()),
		"OTEL_SERVICE_NAME":           demoService,
		"OTEL_RESOURCE_ATTRIBUTES":    "service.instance.id=demo-1",
	}), example, "-listen", free[4]))
	poll(ctx, t, "the example to serve", func() (bool, error) {
		return exec.CommandContext(ctx, example, "-check", "http://"+free[4]+"/").Run() == nil, nil
	}, s.app)
	start(t, "the load", exec.Command(example, "-load", "http://"+free[4]))
	return s
}

// startBackend starts the database, or starts it again on the same data.
func (s *stack) startBackend(ctx context.Context, t *testing.T) {
	t.Helper()
	s.backend = start(t, "the database", exec.Command(s.program,
		"-httpListenAddr="+s.address,
		"-storageDataPath="+filepath.Join(s.folder, "data"),
		"-retentionPeriod=7d",
		// The names that Prometheus gives.
		"-opentelemetry.usePrometheusNaming",
		// By default the newest 30 s are kept back from queries.
		"-search.latencyOffset=0s",
		"-memory.allowedBytes=256MiB",
		"-vmui.customDashboardsPath="+filepath.Join(checkout(t), "collector-config", "victoriametrics", "dashboards"),
	))
	poll(ctx, t, "the database", func() (bool, error) {
		_, err := get(ctx, "http://"+s.address+"/health")
		return err == nil, nil
	}, s.backend)
}

// startCollector starts a Collector with a shipped configuration.
func (s *stack) startCollector(ctx context.Context, t *testing.T, program, name, health string, variables map[string]string) *process {
	t.Helper()
	cmd := exec.Command(program, "--config", filepath.Join(checkout(t), "collector-config", name+".yaml"))
	cmd.Env = environment(variables)
	p := start(t, "the "+name, cmd)
	poll(ctx, t, "the "+name+"'s health check", func() (bool, error) {
		_, err := get(ctx, "http://"+health)
		return err == nil, nil
	}, p)
	return p
}

// TestDemo is "make demo": it runs until it is interrupted.
func TestDemo(t *testing.T) {
	if !*demo {
		t.Skip("the demonstration runs until it is interrupted: make demo")
	}
	ctx := deadline(t)
	address := "127.0.0.1:8428"
	if l, err := net.Listen("tcp", address); err == nil {
		_ = l.Close()
	} else {
		address = freeAddresses(t, 1)[0]
	}
	fmt.Println("Building the Collector, the database and the example; the first time takes some minutes.")
	s := startStack(ctx, t, time.Second, address)
	fmt.Printf("\nOpen http://%s/vmui/#/dashboards\n\n", s.address)
	if s.cgroup != nil {
		fmt.Printf("The example runs with %d MiB and %.1f cores, in waves of a minute; the first curves show after some seconds.\n", memoryLimit>>20, cpuLimit)
	} else {
		fmt.Println("The example runs without limits of its own: this user may not make a cgroup.")
	}
	fmt.Println("Ctrl-C ends it.")
	select {
	case <-ctx.Done():
	case <-s.app.done:
		t.Error("the example ended")
	case <-s.backend.done:
		t.Error("the database ended")
	}
}

// outage stops the database for a while and starts it again.
func (s *stack) outage(ctx context.Context, t *testing.T, length time.Duration) (from, to time.Time) {
	t.Helper()
	s.backend.stop(t, syscall.SIGTERM, 30*time.Second)
	from = time.Now()
	select {
	case <-time.After(length):
	case <-ctx.Done():
		t.Fatal(context.Cause(ctx))
	}
	s.startBackend(ctx, t)
	return from, time.Now()
}

// keep puts a file where it outlasts the test.
func keep(t *testing.T, file, name string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kept := filepath.Join(checkout(t), ".cache", "e2e", name)
	if err := os.WriteFile(kept, b, 0o644); err != nil {
		t.Fatal(err)
	}
	return kept
}
