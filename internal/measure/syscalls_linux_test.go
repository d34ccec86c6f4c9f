package measure_test

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/measure"
)

// busyEnv makes this program one whose threads are inside system calls as it ends.
const busyEnv = "OTELRESOURCE_MEASURE_BUSY"

func TestMain(m *testing.M) {
	if os.Getenv(busyEnv) == "" {
		os.Exit(m.Run())
	}
	for range 4 {
		go func() {
			runtime.LockOSThread()
			for {
				time.Sleep(200 * time.Microsecond) // not less, or the tracer would hear of nobody else
			}
		}()
	}
	time.Sleep(10 * time.Millisecond)
	measure.Region(func() {
		for range 5 {
			_, _ = unix.Getpgid(0)
		}
	})
	os.Exit(0)
}

func TestThreadsThatEndWithTheProcessAreNoRefusalOfTracing(t *testing.T) {
	for range 40 {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), busyEnv+"=1", "GORACE=atexit_sleep_ms=0")
		own, _, err := measure.SystemCalls(cmd)
		if errors.Is(err, measure.ErrNoTracing) && !errors.Is(err, unix.ESRCH) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for call, times := range own {
			if !measure.Runtime(call) {
				n += times
			}
		}
		if n != 5 {
			t.Errorf("%d calls, want 5: %v", n, own)
		}
	}
}
