//go:build linux

package guest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// interval is the probe's UpdateInterval.
const interval = 200 * time.Millisecond

// patience is the time for what the library promises within UpdateInterval +
// 250 ms: an emulated machine may take many times as long for anything.
const patience = 20 * time.Second

// inside refuses to run anywhere but in a machine that the lab booted: the
// tests take CPUs offline and fill the memory.
func inside(t *testing.T) {
	t.Helper()
	if mode() == "" {
		t.Skip("these tests run inside the lab's virtual machines only: make lab")
	}
}

// check is one cell of the lab's matrix.
func check(t *testing.T, environment, name string, test func(*testing.T)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		t.Attr("cell", environment+"|"+name)
		test(t)
	})
}

// mode is the machine's cgroup layout: v2, v1 or hybrid.
func mode() string { return os.Getenv("LAB_MODE") }

// distribution says whether the machine has systemd and the runtimes.
func distribution() bool { return os.Getenv("LAB_ROOT") != "" }

// file finds what the lab put beside the test binary.
func file(name string) string {
	if distribution() {
		return "/lab/" + name
	}
	return "/" + name
}

// client talks to a probe.
type client struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr bytes.Buffer
	ended  bool
	pid    int
}

// start runs a command that ends in the probe, and waits for its first answer.
// It ends with the test.
func start(t *testing.T, name string, arguments ...string) (*client, error) {
	t.Helper()
	c := &client{t: t, cmd: exec.Command(name, arguments...)}
	c.cmd.Stderr = &c.stderr
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a runtime may leave children
	c.cmd.WaitDelay = time.Second
	var err error
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.out = bufio.NewReaderSize(stdout, 1<<20)
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(c.stop)
	r, err := c.ask("read")
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(c.stderr.String()))
	}
	c.pid = int(r.must(t, "pid"))
	return c, nil
}

// stop ends the probe, and where it does not obey, the command.
func (c *client) stop() {
	if c.ended {
		return
	}
	c.ended = true
	_, _ = io.WriteString(c.in, "exit\n") // it may be dead already
	_ = c.in.Close()
	timer := time.AfterFunc(patience, c.kill)
	defer timer.Stop()
	_ = c.cmd.Wait() // its exit status is the business of who killed it
}

func (c *client) kill() { _ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) }

// silence is how long an answer may take: a load under a quota is slow.
const silence = 2 * time.Minute

// ask sends one command and returns the answer.
func (c *client) ask(command string, arguments ...any) (reply, error) {
	line := command
	for _, argument := range arguments {
		line += fmt.Sprint(" ", argument)
	}
	timer := time.AfterFunc(silence, c.kill)
	defer timer.Stop()
	if _, err := io.WriteString(c.in, line+"\n"); err != nil {
		return reply{}, err
	}
	for {
		text, err := c.out.ReadString('\n')
		if err != nil {
			return reply{}, fmt.Errorf("%s: no answer: %w", command, err)
		}
		if !strings.HasPrefix(text, "{") {
			continue // a runtime's own message
		}
		var r reply
		if err := json.Unmarshal([]byte(text), &r.values); err != nil {
			return reply{}, err
		}
		if message, ok := r.text("error"); ok {
			return r, errors.New(message)
		}
		return r, nil
	}
}

// do is ask where a failure ends the test.
func (c *client) do(command string, arguments ...any) reply {
	c.t.Helper()
	r, err := c.ask(command, arguments...)
	if err != nil {
		c.t.Fatalf("probe: %v %s", err, c.stderr.String())
	}
	return r
}

// read is what every getter says, once the last snapshot has expired.
func (c *client) read() reply {
	c.t.Helper()
	time.Sleep(2 * interval)
	return c.do("read")
}

// until reads until the condition holds, and says how long that took.
func (c *client) until(what string, holds func(reply) bool) reply {
	c.t.Helper()
	began := time.Now()
	for {
		r := c.do("read")
		if holds(r) {
			c.t.Logf("%s: seen after %v", what, time.Since(began).Round(time.Millisecond))
			return r
		}
		if time.Since(began) > patience {
			c.t.Fatalf("%s: not seen within %v: %s", what, patience, r)
		}
		time.Sleep(interval / 4)
	}
}

// equals is a condition of until.
func equals(path string, want float64) func(reply) bool {
	return func(r reply) bool {
		n, _ := r.number(path)
		return n == want
	}
}

// reply is a tree of JSON. Absent things are absent.
type reply struct{ values map[string]any }

func (r reply) get(path string) (any, bool) {
	var at any = r.values
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[key]; !ok {
			return nil, false
		}
	}
	return at, true
}

func (r reply) text(path string) (string, bool) {
	v, _ := r.get(path)
	s, ok := v.(string)
	return s, ok
}

func (r reply) number(path string) (float64, bool) {
	v, _ := r.get(path)
	n, ok := v.(float64)
	return n, ok
}

// must is number where it has to be there.
func (r reply) must(t *testing.T, path string) float64 {
	t.Helper()
	n, ok := r.number(path)
	if !ok {
		t.Errorf("%s is absent; errors: %v", path, r.values["errors"])
	}
	return n
}

// is holds a number against its witness, exactly.
func (r reply) is(t *testing.T, path string, want float64, witness string) {
	t.Helper()
	if got := r.must(t, path); got != want {
		t.Errorf("%s is %v; %s says %v", path, got, witness, want)
	}
}

// says holds a text against what is expected.
func (r reply) says(t *testing.T, path, want string) {
	t.Helper()
	if got, _ := r.text(path); got != want {
		t.Errorf("%s is %q, want %q", path, got, want)
	}
}

// within holds a number against a witness that was read before and after it.
func (r reply) within(t *testing.T, path string, low, high float64, witness string) {
	t.Helper()
	// The slack is that of the conversion to a fraction.
	const slack = 1e-6
	if got := r.must(t, path); got < low-slack || got > high+slack {
		t.Errorf("%s is %v; %s said %v before and %v after", path, got, witness, low, high)
	}
}

// absent expects no number: not even 0.
func (r reply) absent(t *testing.T, path string) {
	t.Helper()
	if v, ok := r.get(path); ok {
		t.Errorf("%s is %v, and should be absent", path, v)
	}
}

// String leaves the environment out, which is long.
func (r reply) String() string {
	values := maps.Clone(r.values)
	delete(values, "environment")
	b, err := json.Marshal(values)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// rises expects a counter that neither went back nor jumped.
func rises(t *testing.T, path string, before, after reply, most float64) {
	t.Helper()
	b, a := before.must(t, path), after.must(t, path)
	if a < b || a-b > most || math.IsNaN(a) {
		t.Errorf("%s went from %v to %v; it may rise by %v at most", path, b, a, most)
	}
}
