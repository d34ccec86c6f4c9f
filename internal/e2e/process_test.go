//go:build linux

package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// process is a program that the test started. What it prints is kept, and
// shown if the test fails.
type process struct {
	name    string
	cmd     *exec.Cmd
	logFile string
	done    chan struct{} // closed when the program has ended
	err     error         // valid after done
}

// start runs a program that does not outlive the test, however either ends.
func start(t *testing.T, name string, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{name: name, cmd: cmd, logFile: filepath.Join(t.TempDir(), "log"), done: make(chan struct{})}
	log, err := os.Create(p.logFile)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-p.done
		if t.Failed() {
			t.Logf("%s printed:\n%s", name, p.log())
		}
	})
	return p
}

// stop sends a signal and expects the program to end by itself, with status 0.
func (p *process) stop(t *testing.T, signal os.Signal, patience time.Duration) {
	t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("sending %v to %s: %v", signal, p.name, err)
	}
	select {
	case <-p.done:
		if p.err != nil {
			t.Errorf("%s after %v: %v, want exit status 0", p.name, signal, p.err)
		}
	case <-time.After(patience):
		t.Fatalf("%s did not end within %v of %v", p.name, patience, signal)
	}
}

// ended reports whether the program has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) log() string {
	b, err := os.ReadFile(p.logFile)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// helper is the command that runs this test binary as a helper in the cgroup,
// or outside of any where there is none.
func helper(mode string, g *testCgroup, env []string, args ...string) *exec.Cmd {
	executable, err := os.Executable()
	if err != nil {
		executable = os.Args[0]
	}
	cmd := exec.Command(executable, args...)
	cmd.Env = append(env, helperEnv+"="+mode)
	if g != nil {
		cmd.Env = append(cmd.Env, cgroupEnv+"="+strings.Join(g.folders(), "\n"))
	}
	return cmd
}

// poll asks until the answer is yes. It fails the test when the context ends,
// when the question fails, or when one of the processes ends before.
func poll(ctx context.Context, t *testing.T, what string, question func() (bool, error), processes ...*process) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		yes, err := question()
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if yes {
			return
		}
		for _, p := range processes {
			if p.ended() {
				t.Fatalf("waiting for %s: %s ended: %v", what, p.name, p.err)
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waiting for %s: %v", what, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// freeAddresses finds unused ports of the loopback interface. All of them are
// held until the last one is found, so that they differ.
func freeAddresses(t *testing.T, n int) []string {
	t.Helper()
	addresses := make([]string, n)
	for i := range addresses {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		addresses[i] = listener.Addr().String()
	}
	return addresses
}

// environment is the test's own without what would configure OpenTelemetry,
// with the given variables added.
func environment(variables map[string]string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "OTEL_") {
			env = append(env, v)
		}
	}
	for name, value := range variables {
		env = append(env, fmt.Sprintf("%s=%s", name, value))
	}
	return env
}
