package manifests

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/config"
)

// TestPrometheus loads prometheus.yaml as Prometheus does.
func TestPrometheus(t *testing.T) {
	file := filepath.Join(checkout(t), "collector-config", "prometheus", "prometheus.yaml")
	c, err := config.LoadFile(file, false, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// What the dashboards and alerts tell programs apart by, and what tells one
	// container from the next.
	for _, attribute := range []string{"service.name", "service.instance.id", "k8s.pod.name", "container.id", "container.runtime.name", "host.virtualization.type", "k8s.namespace.name", "k8s.node.name"} {
		if !slices.Contains(c.OTLPConfig.PromoteResourceAttributes, attribute) {
			t.Errorf("%s is not promoted", attribute)
		}
	}
	for _, rules := range c.RuleFiles {
		if _, err := os.Stat(rules); err != nil {
			t.Error(err)
		}
	}

	// Shows that the loader would notice.
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.Load(strings.Replace(string(text), "promote_resource_attributes", "promote_attributes", 1), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a misspelt key was accepted")
	}
}
