package manifests

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func checkout(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func loadCompose(ctx context.Context, file string) (*types.Project, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithWorkingDirectory(filepath.Dir(file)))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(ctx)
}

// TestCompose loads docker-compose.yaml as docker compose does, and holds every
// service to what the file promises at its top.
func TestCompose(t *testing.T) {
	file := filepath.Join(checkout(t), "docker-compose.yaml")
	project, err := loadCompose(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if len(project.Services) != 5 {
		t.Errorf("%d services, want 5", len(project.Services))
	}
	for name, s := range project.Services {
		if _, tag, ok := strings.Cut(s.Image, ":"); !ok || (tag == "latest" && s.Image != "resource-monitor-demo:latest") {
			t.Errorf("%s: the image %s is not pinned", name, s.Image)
		}
		if s.MemLimit == 0 || s.CPUS == 0 {
			t.Errorf("%s has no memory or no CPU limit", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %s on %q", name, p.Published, p.HostIP)
			}
		}
		// The load asks others; the Collector's image has no program that could ask.
		if s.HealthCheck == nil && name != "load" && name != "collector" {
			t.Errorf("%s has no health check", name)
		}
		for _, v := range s.Volumes {
			if v.Type != types.VolumeTypeBind {
				continue
			}
			if _, err := os.Stat(v.Source); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
}

// TestComposeNotices shows that the loader would refuse a misspelt key.
func TestComposeNotices(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(checkout(t), "docker-compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "docker-compose.yaml")
	if err := os.WriteFile(file, []byte(strings.Replace(string(text), "mem_limit:", "memory_limit:", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadCompose(t.Context(), file); err == nil {
		t.Error("a misspelt key was accepted")
	}
}
