//go:build linux

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The files that the test runs, seen from the root of the checkout.
const (
	configFile  = "collector-config/collector.yaml"
	overlayFile = "internal/e2e/testdata/file.yaml"
)

// checkout is the root module's folder.
func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// build compiles a main package. The program is kept in the checkout's cache,
// where go build leaves it alone while it is up to date.
func build(ctx context.Context, t *testing.T, name, folder, pkg string, env ...string) string {
	t.Helper()
	program := filepath.Join(checkout(t), ".cache", "e2e", name)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, pkg)
	cmd.Dir = folder
	// A workspace of the developer's would mix the modules that are kept apart.
	cmd.Env = append(append(os.Environ(), "GOWORK=off"), env...)
	began := time.Now()
	output, err := cmd.CombinedOutput()
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		t.Fatalf("building %s after %v: %v\n%s", name, time.Since(began).Round(time.Second), err, output)
	}
	t.Logf("built %s in %v", name, time.Since(began).Round(100*time.Millisecond))
	return program
}

func buildCollector(ctx context.Context, t *testing.T) string {
	t.Helper()
	return build(ctx, t, "collector", filepath.Join(checkout(t), "internal", "e2e", "collector"), ".", "CGO_ENABLED=0")
}

// collector is a running Collector.
type collector struct {
	*process
	otlp       string // address of the OTLP/gRPC receiver
	prometheus string // address of the Prometheus exporter
	file       string // what the file exporter writes
}

// startCollector runs the shipped configuration on free ports and waits until
// its pipeline takes data.
func startCollector(ctx context.Context, t *testing.T, program string) *collector {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	file := filepath.Join(t.TempDir(), "metrics.json")
	for attempt := 1; ; attempt++ {
		addresses := freeAddresses(t, 4)
		c := &collector{start(t, "the Collector", collectorCommand(t, program, addresses, file)), addresses[0], addresses[1], file}
		taken := false
		poll(ctx, t, "the Collector's health check", func() (bool, error) {
			if c.ended() {
				// Another program may take a port between the search and the start.
				taken = strings.Contains(c.log(), "address already in use")
				if taken && attempt < 3 {
					return true, nil
				}
				return false, fmt.Errorf("the Collector ended: %v", c.err)
			}
			_, err := get(ctx, "http://"+addresses[2])
			return err == nil, nil
		})
		if !taken {
			return c
		}
	}
}

// collectorCommand runs the shipped configuration on four addresses: of the OTLP
// receiver, the Prometheus exporter, the health check and the Collector's own metrics.
func collectorCommand(t *testing.T, program string, addresses []string, file string) *exec.Cmd {
	t.Helper()
	_, selfPort, err := net.SplitHostPort(addresses[3])
	if err != nil {
		t.Fatal(err)
	}
	root := checkout(t)
	cmd := exec.Command(program, "--config", filepath.Join(root, configFile), "--config", filepath.Join(root, overlayFile))
	cmd.Env = environment(map[string]string{
		"COLLECTOR_OTLP_GRPC_ENDPOINT":  addresses[0],
		"COLLECTOR_PROMETHEUS_ENDPOINT": addresses[1],
		"COLLECTOR_HEALTH_ENDPOINT":     addresses[2],
		"COLLECTOR_SELF_METRICS_PORT":   selfPort,
		"COLLECTOR_FILE_PATH":           file,
	})
	return cmd
}

// get fetches a page; any status but 200 is an error.
func get(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, response.Status)
	}
	return string(body), err
}

// TestCollectorConfig lets the Collector itself judge the shipped
// configurations: with their defaults, and with the overlays of the test and of
// Kubernetes.
func TestCollectorConfig(t *testing.T) {
	ctx := deadline(t)
	program := buildCollector(ctx, t)
	root := checkout(t)
	for _, test := range []struct {
		name    string
		configs []string
		valid   bool
	}{
		{"as-shipped", []string{filepath.Join(root, configFile)}, true},
		{"with-overlay", []string{filepath.Join(root, configFile), filepath.Join(root, overlayFile)}, true},
		{"agent", []string{filepath.Join(root, "collector-config/agent.yaml")}, true},
		{"agent-in-kubernetes", []string{filepath.Join(root, "collector-config/agent.yaml"), filepath.Join(root, "collector-config/kubernetes/k8sattributes.yaml")}, true},
		{"gateway", []string{filepath.Join(root, "collector-config/gateway.yaml")}, true},
		// Shows that the judge would notice.
		{"misspelt-key", []string{filepath.Join(root, configFile), "yaml:processors::batch::time_out: 1s"}, false},
		{"misspelt-key-of-the-gateway", []string{filepath.Join(root, "collector-config/gateway.yaml"), "yaml:exporters::otlphttp::sending_queue::sise: 1"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"validate"}
			for _, config := range test.configs {
				args = append(args, "--config", config)
			}
			cmd := exec.CommandContext(ctx, program, args...)
			cmd.Env = environment(map[string]string{
				"COLLECTOR_FILE_PATH":     filepath.Join(t.TempDir(), "metrics.json"),
				"AGENT_QUEUE_DIRECTORY":   t.TempDir(),
				"GATEWAY_QUEUE_DIRECTORY": t.TempDir(),
				"K8S_NODE_NAME":           "node", // from the downward API
			})
			output, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if valid := err == nil; valid != test.valid {
				t.Errorf("valid is %v, want %v:\n%s", valid, test.valid, output)
			}
		})
	}
}
