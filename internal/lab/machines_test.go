//go:build linux

package lab

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

//go:embed testdata/init.sh
var initScript []byte

// needQEMU installs the emulator where that is possible, and skips where not.
func needQEMU(ctx context.Context, t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil && os.Geteuid() == 0 {
		install(ctx, t, program)
	}
	need(t, program)
}

// emulator is QEMU's program for an architecture.
func emulator(arch string) string {
	if arch == "arm64" {
		return "qemu-system-aarch64"
	}
	return "qemu-system-x86_64"
}

// programs are ours, by their names in a machine.
var programs = map[string]string{"probe": "./probe", "doctor": "./examples/doctor", "guest.test": "./guest", "cri": "./cri"}

// payloads are the static programs that go into a machine.
type payloads struct{ folder string }

// newPayloads builds them in the folder, which outlives the machines that share them.
func newPayloads(ctx context.Context, t *testing.T, folder, arch string, names ...string) *payloads {
	t.Helper()
	p := &payloads{filepath.Join(folder, arch)}
	for _, name := range names {
		pkg := programs[name]
		arguments := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(p.folder, name)}
		module := "."
		switch name {
		case "doctor":
			module = "../.."
		case "guest.test":
			arguments[0] = "test"
			arguments = append(arguments, "-c")
		}
		cmd := exec.CommandContext(ctx, "go", append(arguments, pkg)...)
		cmd.Dir = module
		cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOARCH="+arch)
		if output, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("building %s: %v\n%s", pkg, err, output)
		}
	}
	return p
}

// newInitrd packs a machine without a distribution, with the files of further folders.
func (p *payloads) newInitrd(ctx context.Context, t *testing.T, k *kernel, folders ...string) string {
	t.Helper()
	a := &initramfs{}
	a.file("init", initScript, 0o755)
	a.copy(t, "bin/busybox", busybox(ctx, t, k.arch))
	a.modules(t, k)
	for _, name := range []string{"probe", "doctor", "guest.test"} {
		a.copy(t, name, filepath.Join(p.folder, name))
	}
	for _, folder := range folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			a.copy(t, filepath.Base(folder)+"/"+entry.Name(), filepath.Join(folder, entry.Name()))
		}
	}
	name := filepath.Join(t.TempDir(), "initrd.gz")
	a.write(t, name)
	return name
}

// disk is an empty disk for the machine to read and write.
func disk(t *testing.T, size int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(name, size); err != nil {
		t.Fatal(err)
	}
	return name
}

// drive attaches a disk. What the machine writes is forgotten, unless kept.
func drive(name, id string, kept bool) []string {
	snapshot := "on"
	if kept {
		snapshot = "off"
	}
	return []string{
		"-drive", "file=" + name + ",format=raw,if=none,id=" + id + ",cache=unsafe,snapshot=" + snapshot,
		"-device", "virtio-blk-pci,drive=" + id,
	}
}

// guestResult is the outcome of one test inside.
type guestResult struct {
	name     string
	outcome  string // pass, fail, skip, or empty where it never ended
	output   string
	cell     string // environment|check; empty: not one of the matrix
	versions []string
	children []*guestResult
}

// results reads what the guest's test binary printed.
func results(ctx context.Context, t *testing.T, console string) *guestResult {
	t.Helper()
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json")
	cmd.Stdin = strings.NewReader(console)
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("go tool test2json: %v", err)
	}
	root := &guestResult{}
	all := map[string]*guestResult{"": root}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for decoder.More() {
		var event struct{ Action, Test, Output, Key, Value string }
		if err := decoder.Decode(&event); err != nil {
			t.Fatal(err)
		}
		r := all[event.Test]
		if r == nil {
			r = &guestResult{name: event.Test}
			all[event.Test] = r
			parent := root
			if i := strings.LastIndexByte(event.Test, '/'); i > 0 && all[event.Test[:i]] != nil {
				parent = all[event.Test[:i]]
				r.name = event.Test[i+1:]
			}
			parent.children = append(parent.children, r)
		}
		switch event.Action {
		case "output":
			if !strings.HasPrefix(strings.TrimSpace(event.Output), "===") && !strings.HasPrefix(strings.TrimSpace(event.Output), "---") {
				r.output += event.Output
			}
		case "attr":
			switch event.Key {
			case "cell":
				r.cell = event.Value
			case "version":
				r.versions = append(r.versions, event.Value)
			}
		case "pass", "fail", "skip":
			r.outcome = event.Action
		}
	}
	if len(root.children) == 0 {
		t.Error("no test ran inside")
	}
	return root
}

// message is all that stands before the text of a test's last one.
var message = regexp.MustCompile(`(?s)^.*\.go:\d+: `)

// report gives this test a subtest for each test inside, with its outcome. A
// check's environment becomes one of the machine's.
func (r *guestResult) report(t *testing.T, table, machine string) {
	t.Helper()
	for _, child := range r.children {
		t.Run(strings.TrimPrefix(child.name, "Test"), func(t *testing.T) {
			if child.cell != "" {
				// "|check" is one of the machine itself.
				t.Attr("cell", table+"|"+strings.Replace(machine+": "+child.cell, ": |", "|", 1))
			}
			for _, version := range child.versions {
				t.Attr("version", machine+": "+version)
			}
			child.report(t, table, machine)
			output := strings.TrimSpace(child.output)
			switch child.outcome {
			case "skip":
				t.Skip(output[len(message.FindString(output)):])
			case "pass":
				if output != "" {
					t.Log(output)
				}
			case "fail":
				if output != "" || !t.Failed() {
					t.Error(output)
				}
			default:
				t.Errorf("the test did not end: %s", output)
			}
		})
	}
}

// TestMachines boots machines without a distribution: Debian's kernels with
// each layout of cgroups, and the guest's tests as the only program.
func TestMachines(t *testing.T) {
	ctx := deadline(t)
	folder := t.TempDir()
	built := map[string]*payloads{}
	for _, m := range []struct {
		suite, arch, mode string
		always            bool // in the short run too
	}{
		{"bookworm", "amd64", "v2", true},
		{"bookworm", "amd64", "v1", false},
		{"bookworm", "amd64", "hybrid", false},
		{"bullseye", "amd64", "v2", false},
		{"bullseye", "amd64", "v1", false},
		{"trixie", "amd64", "v2", false},
		{"trixie-backports", "amd64", "v2", false},
		{"bookworm", "arm64", "v2", false},
	} {
		name := m.suite + " " + m.arch + " " + m.mode
		t.Run(name, func(t *testing.T) {
			t.Attr("cell", "Kernels|"+name+"|boot")
			if testing.Short() && !m.always {
				t.Skip("one machine is enough for make test: make lab runs all")
			}
			needQEMU(ctx, t, emulator(m.arch))
			k := newKernel(ctx, t, m.suite, m.arch)
			t.Attr("version", name+": Linux "+k.version)
			if built[m.arch] == nil {
				built[m.arch] = newPayloads(ctx, t, folder, m.arch, "probe", "doctor", "guest.test")
			}
			began := time.Now()
			machine := &machine{
				kernel: k, memory: "768", patience: 5 * time.Minute,
				initrd:  built[m.arch].newInitrd(ctx, t, k),
				cmdline: "lab.mode=" + m.mode + " lab.run=Cgroup|Change",
				options: drive(disk(t, 64<<20), "d0", false),
			}
			output := machine.boot(ctx, t)
			t.Logf("%v", time.Since(began).Round(time.Second))
			results(ctx, t, output).report(t, "Kernels", name)
		})
	}
}
