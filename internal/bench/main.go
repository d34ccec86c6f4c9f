//go:build linux

package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/measure"
)

// countedEnv names the side that a helper process runs while its system calls are counted.
const (
	countedEnv    = "OTELRESOURCE_BENCH_COUNTED"
	countedRounds = 8
)

func main() {
	log.SetFlags(0)
	batches := flag.Int("batches", 300, "alternated batches of each comparison")
	out := flag.String("out", "", "also write the table to this Markdown file")
	readme := flag.String("readme", "", "also renew the summary in this Markdown file")
	flag.Parse()
	if which := os.Getenv(countedEnv); which != "" {
		helper(which)
		return
	}
	if err := write(*batches, *out, *readme); err != nil {
		log.Fatal(err)
	}
}

func write(batches int, out, readme string) error {
	all := groups()
	var results [][]result
	for i, g := range all {
		var of []result
		for j, c := range g.comparisons {
			r := run(c, batches)
			for k := range r.calls {
				n, err := count(fmt.Sprintf("%d/%d/%d", i, j, k))
				if err != nil && r.skipped == nil && !errors.Is(err, measure.ErrNoTracing) {
					return fmt.Errorf("%s, %s: %w", g.title, c.what, err)
				}
				r.calls[k] = n
			}
			of = append(of, r)
		}
		results = append(results, of)
	}
	page := page(all, results, tables())
	fmt.Print(page)
	if out != "" {
		if err := os.WriteFile(out, []byte(page), 0o644); err != nil {
			return err
		}
	}
	if readme != "" {
		return splice(readme, summary(results))
	}
	return nil
}

// machine names what the numbers were measured on, and no machine in particular.
func machine() string {
	model := "unknown CPU"
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	var u unix.Utsname
	kernel := "unknown"
	if unix.Uname(&u) == nil {
		kernel = string(u.Release[:bytes.IndexByte(u.Release[:], 0)])
		if version, _, ok := strings.Cut(kernel, "-"); ok {
			kernel = version
		}
	}
	return fmt.Sprintf("%d CPUs (%s), Linux %s, %s %s/%s", runtime.NumCPU(), model, kernel, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// count returns the system calls of one call of a side; "" where tracing is not permitted.
func count(which string) (string, error) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), countedEnv+"="+which)
	cmd.Stderr = os.Stderr
	own, others, err := measure.SystemCalls(cmd)
	if err != nil {
		return "", err
	}
	n := 0
	for _, calls := range []measure.Calls{own, others} { // a library may read on goroutines of its own
		for call, times := range calls {
			if !measure.Runtime(call) {
				n += times
			}
		}
	}
	// What is due now and then, such as a look for a file that is missing, is spread over the rounds.
	s := strconv.FormatFloat(float64(n)/countedRounds, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0"), nil
}

func helper(which string) {
	var i, j, k int
	if _, err := fmt.Sscanf(which, "%d/%d/%d", &i, &j, &k); err != nil {
		log.Fatal(err)
	}
	c := groups()[i].comparisons[j]
	s := c.ours
	if k == 1 {
		s = c.other
	}
	f, err := s.build()
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		f()
	}
	measure.Region(func() {
		for range countedRounds {
			f()
		}
	})
}
