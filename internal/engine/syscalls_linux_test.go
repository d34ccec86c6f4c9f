package engine

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const (
	countedEnv    = "OTELRESOURCE_TEST_COUNTED"
	countedRounds = 5
)

// TestMain stands in for the process whose system calls are counted, and for
// the one with a network namespace of its own.
func TestMain(m *testing.M) {
	if what := os.Getenv(countedEnv); what != "" {
		counted(what)
		return
	}
	if os.Getenv(namespaceEnv) != "" {
		os.Exit(inNamespace())
	}
	os.Exit(m.Run())
}

// collectors read this machine, with all that costs extra.
func collectors(s Source) map[string]func() error {
	ctx := context.Background()
	w := direct | wholeMachine | sample.PartTasks | sample.PartPerCPU | sample.PartUtilization | sample.PartDevices | sample.PartFiles
	return map[string]func() error{
		"memory":  func() error { return s.ReadMemory(ctx, w, new(sample.Memory)) },
		"paging":  func() error { return s.ReadPaging(ctx, new(sample.Paging)) },
		"cpu":     func() error { return s.ReadCPU(ctx, w, new(sample.CPU)) },
		"io":      func() error { return s.ReadIO(ctx, w, new(sample.IO)) },
		"network": func() error { return s.ReadNetwork(ctx, w, new(sample.Network)) },
		"process": func() error { return s.ReadProcess(ctx, w, new(sample.Process)) },
	}
}

// counted reads under a clock that stands still: what is due once in an
// interval is done before the marks.
func counted(what string) {
	now := time.Now()
	s, err := New(Config{Interval: time.Second, CgroupPaths: []string{"/sys/fs/cgroup", "/proc/self/cgroup"}, Now: func() time.Time { return now }})
	if err != nil {
		os.Exit(2)
	}
	read := collectors(s)[what]
	for range 3 {
		_ = read()
	}
	measure.Region(func() {
		for range countedRounds {
			_ = read()
		}
	})
}

// byThePage are the files that the kernel hands out a page at a time: they
// are read until nothing comes.
var byThePage = []string{"/vmstat", "/diskstats", "/net/dev"}

// TestOneSystemCallForEachFile counts on a process of its own, which reads
// this machine: whatever files it has, each costs one pread(2) and nothing else.
func TestOneSystemCallForEachFile(t *testing.T) {
	others := map[string][]string{
		// netlink: one question, and an answer for every 130 interfaces or so. The link names the namespace.
		"network": {"write", "recvfrom", "readlinkat"},
		"cpu":     {"sched_getaffinity", "clock_gettime"},
		"process": {"getrusage", "sched_getaffinity", "fstat", "clock_gettime"},
	}
	for what := range collectors(nil) {
		t.Run(what, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), countedEnv+"="+what)
			calls, _, err := measure.SystemCalls(cmd)
			if errors.Is(err, measure.ErrNoTracing) {
				t.Skipf("system calls cannot be counted: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			files := 0
			for call, n := range calls {
				name, file, _ := strings.Cut(call, " ")
				most := countedRounds
				switch {
				case measure.Runtime(call):
					continue
				case name == "pread64":
					files++
					for _, suffix := range byThePage {
						if strings.HasSuffix(file, suffix) {
							most = n // as many as it has pages
						}
					}
				default:
					expected := false
					for _, other := range others[what] {
						expected = expected || name == other
					}
					if !expected {
						t.Errorf("%s: %d times in %d rounds", call, n, countedRounds)
						continue
					}
				}
				if n > most && name != "recvfrom" {
					t.Errorf("%s: %d times in %d rounds", call, n, countedRounds)
				}
			}
			if files == 0 && what != "network" {
				t.Errorf("no file was read: %v", calls)
			}
			t.Logf("%d files: %v", files, calls)
		})
	}
}
