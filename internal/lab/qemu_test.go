//go:build linux

package lab

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// machine is a virtual machine that boots, prints and powers off. QEMU
// emulates its CPUs (TCG): that works everywhere, and time in it is not real.
type machine struct {
	kernel   *kernel
	initrd   string
	cmdline  string
	memory   string   // of QEMU's -m
	program  string   // of QEMU; empty: the architecture's
	options  []string // further ones of QEMU's
	cpu      string   // empty: max
	patience time.Duration
}

// What the guest prints around its tests, on lines of their own.
const (
	beginMark = "LAB BEGIN "
	endMark   = "LAB END "
)

// boot runs the machine until it powers off and returns what its tests
// printed. Where the emulated kernel was lost, it is booted again once, and the
// matrix says so.
func (m *machine) boot(ctx context.Context, t *testing.T) (output string) {
	t.Helper()
	console, err := m.run(ctx, t)
	output, ended, lost := outcome(console, errors.Is(err, errSilent))
	if lost != "" && ctx.Err() == nil {
		t.Attr("version", t.Name()+": booted twice, for "+lost)
		t.Logf("%s: %s", lost, tail([]byte(console)))
		console, err = m.run(ctx, t)
		output, ended, _ = outcome(console, false)
	}
	if !ended {
		t.Errorf("the machine did not come to the end of its tests: %v: %s", err, tail([]byte(console)))
	}
	return output
}

// outcome is what the tests printed and whether they came to their end, or why
// the kernel was lost: of the emulated ones, one in dozens panics before the tests, or
// hangs. The tests' own time limit ends before the patience with the machine: where it
// does not fire, no program runs any more. A kernel that changes its code while it runs
// (text_poke of x86) puts a breakpoint there for a moment. Where it then dies of it, another
// emulated CPU has, to all appearance, run the old code: no program can do that. Nothing else is ever tried again.
func outcome(console string, silent bool) (output string, ended bool, lost string) {
	_, output, begun := strings.Cut(console, beginMark)
	_, output, _ = strings.Cut(output, "\n")
	output, _, ended = strings.Cut(output, endMark)
	switch {
	case !begun && strings.Contains(console, "Kernel panic"):
		lost = "the first kernel panicked before the tests"
	case begun && !ended && silent:
		lost = "in the first the kernel hung"
	case begun && !ended && strings.Contains(console, "Oops: int3"):
		lost = "in the first the kernel met a breakpoint of its own"
	}
	return output, ended, lost
}

func TestOnlyALostKernelIsBootedAgain(t *testing.T) {
	for _, c := range []struct {
		console string
		silent  bool
		lost    bool
	}{
		{"Kernel panic - not syncing", false, true},
		{"LAB BEGIN 6.1\n=== RUN TestA\n", true, true},
		{"LAB BEGIN 6.1\npanic: test timed out after 4m0s\nLAB END 2\n", true, false},
		{"LAB BEGIN 6.1\n--- FAIL: TestA\nLAB END 1\n", false, false},
		{"LAB BEGIN 6.1\nKernel panic - not syncing", false, false},
		{"LAB BEGIN 6.1\nOops: int3: 0000 [#1] PREEMPT SMP NOPTI\nKernel panic - not syncing", false, true},
		{"no init", true, false},
	} {
		if _, _, lost := outcome(c.console, c.silent); (lost != "") != c.lost {
			t.Errorf("%q: lost %q", c.console, lost)
		}
	}
}

// errSilent says that the patience with a machine is over.
var errSilent = errors.New("the machine does not end")

func (m *machine) run(ctx context.Context, t *testing.T) (console string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(ctx, m.patience, fmt.Errorf("%w within %v", errSilent, m.patience))
	defer cancel()
	program, serial, cpu := cmp.Or(m.program, emulator(m.kernel.arch)), "ttyS0", "max"
	var arguments []string
	if m.kernel.arch == "arm64" {
		serial, cpu = "ttyAMA0", "max,pauth-impdef=on"
		arguments = append(arguments, "-machine", "virt")
	}
	cpu = cmp.Or(m.cpu, cpu)
	need(t, program)
	arguments = append(arguments, "-accel", "tcg,thread=multi", "-cpu", cpu, "-m", m.memory, "-smp", "2", "-nodefaults", "-no-reboot",
		"-display", "none", "-serial", "stdio", "-monitor", "none", "-kernel", m.kernel.image, "-initrd", m.initrd,
		// loglevel=1: the kernel's own lines must not cut the tests' in two.
		"-append", "console="+serial+" quiet loglevel=1 panic=-1 psi=1 lab.timeout="+(m.patience*4/5).String()+" "+m.cmdline)
	cmd := exec.CommandContext(ctx, program, append(arguments, m.options...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = 5 * time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if folder := os.Getenv("LAB_CONSOLES"); folder != "" { // to watch a machine that hangs
		f, err := os.Create(filepath.Join(folder, strings.ReplaceAll(t.Name(), "/", "-")))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }() // it is a copy
		cmd.Stdout = io.MultiWriter(&stdout, f)
	}
	err = cmd.Run()
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(err, cause)
	}
	console = strings.ReplaceAll(stdout.String(), "\r", "")
	if stderr.Len() > 0 {
		err = errors.Join(err, errors.New(tail(stderr.Bytes())))
	}
	return console, err
}
