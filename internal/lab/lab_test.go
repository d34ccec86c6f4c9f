//go:build linux

package lab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What every container may use, where its runtime can set it.
const (
	memoryLimit = 64 << 20
	cpuLimit    = 0.5
)

// commandTime is the patience with one command of a runtime.
const commandTime = 60 * time.Second

// hostTable is the matrix's table of the runtimes on this machine.
const hostTable = "Runtimes on the machine itself"

// lab is the folder that all runtimes live in, and what they share.
type lab struct {
	folder  string
	image   string // a folder: the root file system that every container gets a copy of
	archive string // the same as a tar file
	name    string // part of the name of everything that is made
	outside report // what doctor says where the test runs
	matrix  []string
}

// report is what the payload found inside.
type report struct {
	Doctor      *doctor           `json:"doctor"`
	DoctorError string            `json:"doctor_error"`
	DetectVirt  map[string]string `json:"detect_virt"`
	Files       map[string]string `json:"files"`
	Entries     map[string]int    `json:"entries"`
}

// doctor is the part of doctor's report that is held against the runtime.
type doctor struct {
	Environment struct {
		Platform  string `json:"platform"`
		Container *struct {
			Runtime string `json:"runtime"`
			ID      string `json:"id"`
			Name    string `json:"name"`
			PodUID  string `json:"pod_uid"`
			Sandbox string `json:"sandbox"`
		} `json:"container"`
		Virtualization *struct {
			Type string `json:"type"`
		} `json:"virtualization"`
		Evidence []finding `json:"evidence"`
	} `json:"environment"`
	Limits struct {
		Memory limit `json:"memory"`
		CPU    limit `json:"cpu"`
	} `json:"limits"`
	Memory struct {
		Usage       int64  `json:"usage_bytes"`
		Limit       int64  `json:"limit_bytes"`
		LimitSource string `json:"limit_source"`
		Scope       string `json:"scope"`
	} `json:"memory"`
	CPU struct {
		LimitCores float64 `json:"limit_cores"`
		Scope      string  `json:"scope"`
	} `json:"cpu"`
	Errors   map[string]string `json:"errors"`
	Failures []string          `json:"failures"`
}

type finding struct {
	Key           string `json:"key"`
	Value         string `json:"value"`
	Source        string `json:"source"`
	Reason        string `json:"reason"`
	Contradiction bool   `json:"contradiction"`
}

type limit struct {
	Value  float64 `json:"value"`
	Source string  `json:"source"`
}

func (d *doctor) virtualization() string {
	if d.Environment.Virtualization == nil {
		return ""
	}
	return d.Environment.Virtualization.Type
}

// TestRuntimes runs doctor inside every runtime that this machine can have.
func TestRuntimes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("containers with limits need root")
	}
	ctx := deadline(t)
	// The daemons and their children must find each other's programs too.
	t.Setenv("PATH", systemPath+":"+os.Getenv("PATH"))
	wanted := runtimes
	if testing.Short() {
		wanted = quickRuntimes
	}
	install(ctx, t, wanted...)
	began := time.Now()
	l := newLab(ctx, t)
	t.Run("outside", func(t *testing.T) { l.checkOutside(ctx, t) })
	l.version(ctx, t, "uname -sr")
	for _, r := range []struct {
		name    string
		test    func(context.Context, *testing.T, *lab)
		quick   bool   // in the short run too
		version string // a script that prints it
	}{
		{"runc", testRunc, true, "runc --version"},
		{"crun", testCrun, true, "crun --version"},
		{"gVisor", testGVisor, false, "runsc --version"},
		{"docker", testDocker, true, "dockerd --version"},
		{"podman", testPodman, false, "podman --version"},
		{"lxc", testLXC, false, "echo LXC $(lxc-start --version)"},
		{"nspawn", testNspawn, false, "systemd-nspawn --version"},
		{"bwrap", testBwrap, true, "bwrap --version"},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Attr("cell", hostTable+"|"+r.name+"|doctor in a container")
			if testing.Short() && !r.quick {
				t.Skip("a few runtimes are enough for make test: make lab runs all")
			}
			l.version(ctx, t, r.version)
			r.test(ctx, t, l)
		})
	}
	t.Logf("%v after the installs\n%s", time.Since(began).Round(time.Second), strings.Join(l.matrix, "\n"))
	if ctx.Err() != nil {
		t.Fatal(context.Cause(ctx)) // what was skipped could have run
	}
	if len(l.matrix) == 0 && !t.Failed() {
		t.Skip("no runtime started: see the reason of each")
	}
}

// deadline ends with the test's time limit, early enough to clean up, and on
// the signals that would end the test without any cleaning.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if end, ok := t.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, end.Add(-time.Minute), errors.New("the test's time limit is near"))
		t.Cleanup(cancel)
	}
	return ctx
}

func newLab(ctx context.Context, t *testing.T) *lab {
	t.Helper()
	// Not t.TempDir: sockets have short paths, and it must not be removed
	// before everything in it is unmounted.
	folder, err := os.MkdirTemp("", "lab")
	if err != nil {
		t.Fatal(err)
	}
	l := &lab{folder: folder, name: filepath.Base(folder), image: filepath.Join(folder, "image"), archive: filepath.Join(folder, "image.tar")}
	l.cleanUpLater(t)
	for _, name := range []string{"etc", "proc", "sys", "dev", "tmp", "run", "usr", "var"} {
		if err := os.MkdirAll(filepath.Join(l.image, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{
		"etc/passwd": "root:x:0:0:root:/:/doctor\n",
		"etc/group":  "root:x:0:\n",
		// systemd-nspawn takes a folder for an operating system by this file.
		"etc/os-release": "ID=lab\n",
	} {
		if err := os.WriteFile(filepath.Join(l.image, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build(ctx, t, "../..", filepath.Join(l.image, "doctor"), "./examples/doctor")
	build(ctx, t, ".", filepath.Join(l.image, "payload"), "./payload")
	l.provePayload(ctx, t)
	if err := installDetectVirt(ctx, filepath.Join(l.image, "detect")); err != nil {
		t.Logf("SYSTEMD-DETECT-VIRT IS NOT ASKED: %v", err)
	}
	if _, err := l.command(ctx, "tar", "-C", l.image, "-cf", l.archive, "."); err != nil {
		t.Fatal(err)
	}
	l.outside.Doctor = &doctor{}
	output, err := l.command(ctx, filepath.Join(l.image, "doctor"), "-json")
	if err == nil {
		err = json.Unmarshal(output, l.outside.Doctor)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// provePayload runs the payload where there is nothing but the image: a
// container in which it does not print is taken for one that does not start.
func (l *lab) provePayload(ctx context.Context, t *testing.T) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "/payload")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: l.image}
	output, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(output, &report{})
	}
	if err != nil {
		t.Fatalf("the payload does not report: %v", err)
	}
}

// build makes a static program: a container has no libraries.
func build(ctx context.Context, t *testing.T, folder, program, pkg string) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, pkg)
	cmd.Dir = folder
	// A workspace of the developer's would mix the modules that are kept apart.
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%s", pkg, err, output)
	}
}

// root is a fresh copy of the root file system: some runtimes write into it.
func (l *lab) root(ctx context.Context, t *testing.T, name string) string {
	t.Helper()
	folder := filepath.Join(l.folder, "roots", name)
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := l.command(ctx, "cp", "-a", l.image, folder); err != nil {
		t.Fatal(err)
	}
	return folder
}

// command runs a program and returns what it printed to standard output.
func (l *lab) command(ctx context.Context, name string, arguments ...string) ([]byte, error) {
	return l.commandEnv(ctx, nil, name, arguments...)
}

func (l *lab) commandEnv(ctx context.Context, env []string, name string, arguments ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, commandTime, fmt.Errorf("no end after %v", commandTime))
	defer cancel()
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir = l.folder
	cmd.Env = append(os.Environ(), env...)
	// The whole group is killed: some runtimes leave the container behind.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		err = cmp.Or(context.Cause(ctx), err)
		return stdout.Bytes(), fmt.Errorf("%s: %w: %s", name, err, tail(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// version notes what was tested, where it is there.
func (l *lab) version(ctx context.Context, t *testing.T, script string) {
	t.Helper()
	output, err := l.command(ctx, "sh", "-c", script)
	if err != nil {
		return // the test itself says what is missing
	}
	line, _, _ := strings.Cut(string(output), "\n")
	t.Attr("version", "the machine itself: "+line)
}

// need skips the test where a program is missing.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed and could not be: %v", program, err)
		}
	}
}

// container runs the given program in a new container and returns what it
// printed to standard output and the id that the runtime gives the container.
type container func(ctx context.Context, t *testing.T, arguments ...string) (output []byte, id string, err error)

// examine runs the payload, then doctor as the first process, and holds both
// against what is to be expected.
func (l *lab) examine(ctx context.Context, t *testing.T, want expectation, run container) {
	t.Helper()
	t.Attr("cell", hostTable+"|"+strings.TrimPrefix(t.Name(), "TestRuntimes/")+"|doctor in a container")
	began := time.Now()
	output, id, err := run(ctx, t, "/payload")
	r := &report{}
	if ctx.Err() != nil {
		t.Fatal(context.Cause(ctx))
	}
	if json.Unmarshal(output, r) != nil {
		// The payload always ends well and always prints: no container began.
		t.Skipf("the container does not start: %v", cmp.Or(err, fmt.Errorf("it printed %q", tail(output))))
	}
	want.resolve(r, id)
	l.check(t, want, id, r)

	t.Run("first process", func(t *testing.T) {
		output, id, err := run(ctx, t, "/payload", "-become")
		if err != nil {
			t.Error(err)
		}
		first := &report{Doctor: &doctor{}, Entries: r.Entries, Files: map[string]string{"/proc/self/mountinfo": r.Files["/proc/self/mountinfo"]}}
		if err := json.Unmarshal(output, first.Doctor); err != nil {
			t.Fatalf("%v in %q", err, tail(output))
		}
		l.check(t, want, id, first)
	})

	result := "pass"
	if t.Failed() {
		result = "FAIL"
		t.Logf("inside: %v", r)
	}
	c, found := r.Doctor.Environment.Container, "no container"
	if c != nil {
		found = fmt.Sprintf("container %q id %.12s name %q", c.Runtime, c.ID, c.Name)
	}
	l.matrix = append(l.matrix, fmt.Sprintf("%s %-44s %s, %s, memory %d of %.0f (%s), cpu %.2g (%s); systemd-detect-virt: %s on %s; %v",
		result, strings.TrimPrefix(t.Name(), "TestRuntimes/"), found, r.Doctor.virtualization(),
		r.Doctor.Memory.Usage, r.Doctor.Limits.Memory.Value, r.Doctor.Limits.Memory.Source, r.Doctor.Limits.CPU.Value, r.Doctor.Limits.CPU.Source,
		r.DetectVirt["container"], r.DetectVirt["vm"], time.Since(began).Round(10*time.Millisecond)))
}

// String shows what doctor said, and what it could have read.
func (r *report) String() string {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err.Error()
	}
	return string(bytes.ReplaceAll(text, []byte(`\n`), []byte("\n\t")))
}

func copyFile(from, to string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}
