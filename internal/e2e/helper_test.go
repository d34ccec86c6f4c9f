//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also its own helper: with helperEnv set it moves itself
// into the cgroup named in cgroupEnv and then does what its arguments say. A
// process must move itself before it becomes the program under test, so that
// everything the program uses is charged to the cgroup from the beginning.
const (
	helperEnv = "OTELRESOURCE_E2E_HELPER"
	cgroupEnv = "OTELRESOURCE_E2E_CGROUP" // folders, one per line: paths may hold ':'
)

// The things that a helper does.
const (
	helperExec = "exec" // become the program in the arguments
	helperHold = "hold" // hold ballast bytes of memory until standard input ends
	helperBurn = "burn" // use CPU time for burnTime
)

const (
	ballast  = 64 << 20
	burnTime = 2 * time.Second
)

// TestMain turns the test binary into a helper where that is asked for.
func TestMain(m *testing.M) {
	mode := os.Getenv(helperEnv)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := help(mode, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func help(mode string, args []string) error {
	for folder := range strings.SplitSeq(os.Getenv(cgroupEnv), "\n") {
		if folder == "" {
			continue
		}
		if err := write(filepath.Join(folder, "cgroup.procs"), "0"); err != nil {
			return err
		}
	}
	os.Unsetenv(helperEnv)
	os.Unsetenv(cgroupEnv)
	switch mode {
	case helperExec:
		return syscall.Exec(args[0], args, os.Environ())
	case helperHold:
		return hold()
	case helperBurn:
		return burn()
	}
	return errors.New("unknown mode " + mode)
}

// hold makes the cgroup's memory much larger than that of the program under
// test: a number that only covered the program would be found out.
func hold() error {
	memory := make([]byte, ballast)
	for i := 0; i < len(memory); i += os.Getpagesize() {
		memory[i] = 1
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, os.Stdin)
	// The last use keeps the memory from being collected before.
	memory[0] = 2
	return err
}

// burn counts CPU time, not real time: a throttled or crowded machine only
// makes it take longer.
func burn() error {
	for {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			return err
		}
		if time.Duration(usage.Utime.Nano()+usage.Stime.Nano()) >= burnTime {
			return nil
		}
		for range 100_000 {
		}
	}
}
