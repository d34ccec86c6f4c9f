//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// daemonTime is the patience with a daemon's start and end.
const daemonTime = 20 * time.Second

// testDocker starts a daemon of its own, and asks its containerd too.
func testDocker(ctx context.Context, t *testing.T, l *lab) {
	need(t, "dockerd", "docker", "containerd", "runc")
	folder := filepath.Join(l.folder, "docker")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	// The machine's own configuration must not have a say.
	config := filepath.Join(folder, "daemon.json")
	if err := os.WriteFile(config, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	socket := "unix://" + filepath.Join(folder, "docker.sock")
	env := []string{"DOCKER_HOST=" + socket, "DOCKER_CONFIG=" + folder, "DOCKER_CONTEXT="}
	docker := func(ctx context.Context, arguments ...string) ([]byte, error) {
		return l.commandEnv(ctx, env, "docker", arguments...)
	}
	l.startDockerd(ctx, t, docker, "--config-file", config, "--host", socket,
		"--data-root", filepath.Join(folder, "data"), "--exec-root", filepath.Join(folder, "exec"), "--pidfile", filepath.Join(folder, "pid"),
		// With systemd's driver there is no parent but a slice.
		"--exec-opt", "native.cgroupdriver=cgroupfs",
		"--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none", "--group=")
	if _, err := docker(ctx, "import", l.archive, "lab:1"); err != nil {
		t.Skipf("the image cannot be imported: %v", err)
	}
	for _, variant := range []struct {
		name    string
		options []string
	}{
		{"cgroupns=host", []string{"--cgroupns=host"}},
		{"cgroupns=private", []string{"--cgroupns=private"}},
		{"cgroup-parent", []string{"--cgroup-parent=/" + l.name}},
		{"privileged", []string{"--privileged"}},
	} {
		t.Run(variant.name, func(t *testing.T) {
			l.examine(ctx, t, expectation{runtime: "docker", id: idAlways, private: variant.name == "cgroupns=private", limits: true},
				func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
					name := l.name + "-" + randomID()[:8]
					create := append([]string{"create", "--name", name, "--network", "none"}, variant.options...)
					create = append(append(append(create, limitFlags...), "lab:1"), arguments...)
					if _, err := docker(ctx, create...); err != nil {
						return nil, "", err
					}
					defer func() {
						if _, err := docker(ctx, "rm", "--force", name); err != nil {
							t.Error(err)
						}
					}()
					id, err := docker(ctx, "inspect", "-f", "{{.Id}}", name)
					if err != nil {
						return nil, "", err
					}
					output, err := docker(ctx, "start", "--attach", name)
					if err != nil {
						// The client does not always repeat what the runtime said.
						if why, _ := docker(ctx, "inspect", "-f", "{{.State.Error}}", name); tail(why) != "" {
							err = errors.New(tail(why))
						}
					}
					return output, strings.TrimSpace(string(id)), err
				})
		})
	}
	t.Run("containerd", func(t *testing.T) {
		l.testContainerd(ctx, t, docker, filepath.Join(folder, "exec", "containerd", "containerd.sock"))
	})
}

// startDockerd starts the daemon, or skips the test with its last words.
func (l *lab) startDockerd(ctx context.Context, t *testing.T, docker func(context.Context, ...string) ([]byte, error), arguments ...string) {
	t.Helper()
	logFile := filepath.Join(l.folder, "dockerd.log")
	log, err := os.Create(logFile)
	if err != nil {
		t.Fatal(err)
	}
	daemon := exec.Command("dockerd", arguments...)
	daemon.Stdout, daemon.Stderr = log, log
	// A signal to the test's group is the test's to pass on: the daemon's
	// containers are removed first.
	daemon.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	err = daemon.Start()
	if err := log.Close(); err != nil { // the daemon has its own by now
		t.Error(err)
	}
	if err != nil {
		t.Skipf("dockerd does not start: %v", err)
	}
	done := make(chan struct{})
	var ended error
	go func() {
		ended = daemon.Wait()
		close(done)
	}()
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		select {
		case <-done:
		case <-time.After(daemonTime):
			t.Errorf("dockerd did not end within %v", daemonTime)
			_ = syscall.Kill(-daemon.Process.Pid, syscall.SIGKILL)
			<-done
		}
	})
	why := func() string {
		b, _ := os.ReadFile(logFile)
		return tail(b)
	}
	patience := time.After(daemonTime)
	for {
		if _, err := docker(ctx, "version"); err == nil {
			return
		}
		select {
		case <-done:
			t.Skipf("dockerd does not start: %v: %s", ended, why())
		case <-patience:
			t.Skipf("dockerd does not answer within %v: %s", daemonTime, why())
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// testContainerd runs a container by ctr, in which nothing at all names
// containerd and no cgroup is mounted.
func (l *lab) testContainerd(ctx context.Context, t *testing.T, docker func(context.Context, ...string) ([]byte, error), socket string) {
	need(t, "ctr")
	archive := filepath.Join(l.folder, "containerd.tar")
	if _, err := docker(ctx, "save", "-o", archive, "lab:1"); err != nil {
		t.Fatal(err)
	}
	ctr := func(ctx context.Context, arguments ...string) ([]byte, error) {
		return l.command(ctx, "ctr", append([]string{"--address", socket, "--namespace", l.name}, arguments...)...)
	}
	if _, err := ctr(ctx, "images", "import", archive); err != nil {
		t.Skipf("the image cannot be imported: %v", err)
	}
	output, err := ctr(ctx, "images", "list", "-q")
	image := strings.TrimSpace(string(output))
	if err != nil || image == "" {
		t.Skipf("the image is not there: %v", err)
	}
	want := expectation{unseen: "there is no marker file, no variable and no cgroup mount: only the namespaces speak"}
	l.examine(ctx, t, want, func(ctx context.Context, t *testing.T, arguments ...string) ([]byte, string, error) {
		run := []string{"run", "--rm", "--memory-limit", fmt.Sprint(memoryLimit), image, l.name + "-" + randomID()[:8]}
		output, err := ctr(ctx, append(run, arguments...)...)
		return output, "", err
	})
}
