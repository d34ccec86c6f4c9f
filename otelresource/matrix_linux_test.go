package otelresource_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// matrix is every file of a root against every fault.
type matrix struct {
	archive  string
	healthy  *everything
	volatile map[string]bool        // what differs between two readings of a healthy root
	without  map[string]*everything // by file: what there is without it
	texts    map[string]string
	files    []string

	mu             sync.Mutex
	cells          map[string]int
	slowest, build time.Duration
}

// TestFaultMatrix breaks every file that is opened in every way, before a monitor is
// made and while it runs. Whatever happens to a file, what does not come from it
// stays; what comes from it is as without the file, never zero; who asks is told which
// file and why; and nothing is left behind.
func TestFaultMatrix(t *testing.T) {
	total := 0
	for _, name := range []string{"every-file-v2", "every-file-v1", "host"} {
		t.Run(name, func(t *testing.T) {
			m := newMatrix(t, "testdata/"+name+".txtar")
			for _, f := range faults {
				t.Run(f.name, func(t *testing.T) { m.run(t, &f) })
			}
			total += m.report(t)
		})
	}
	t.Logf("%d cells", total)
}

func newMatrix(t *testing.T, archive string) *matrix {
	t.Helper()
	m := &matrix{
		archive: archive, volatile: map[string]bool{}, without: map[string]*everything{},
		texts: map[string]string{}, cells: map[string]int{},
	}
	root := fixture.Load(t, archive)
	m.files = root.Opened(func() {
		s := newSubject(t, root)
		defer s.close(t)
		m.healthy = s.read(t, time.Minute)
		time.Sleep(120 * time.Millisecond) // the windows of what is measured over time are full
		later := s.read(t, time.Minute)
		for key, v := range later.values {
			if was, ok := m.healthy.values[key]; !ok || was != v {
				m.volatile[key] = true
			}
		}
	})
	// What is measured over a window is there or not, depending on how busy the machine
	// is. While no window is full it alone is missing.
	s := newSubject(t, root, every(time.Hour))
	early := s.read(t, time.Minute)
	s.close(t)
	for key := range m.healthy.values {
		if _, ok := early.values[key]; !ok {
			m.volatile[key] = true
		}
	}
	if len(m.files) < 10 {
		t.Fatalf("only %q are opened", m.files)
	}
	for _, err := range m.healthy.errs {
		if !strings.Contains(err.Error(), "not available in this version") {
			t.Errorf("a healthy root: %v", err)
		}
	}
	for _, file := range m.files {
		text, err := root.Hostfs().ReadFile("/"+file, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		m.texts[file] = string(text)
		root.Remove(file)
		m.without[file] = m.start(t, root, nil, time.Minute)
		root.Write(file, string(text))
		for key, v := range m.without[file].values {
			if v == 0.0 && m.healthy.values[key] != 0.0 && !m.volatile[key] && !m.without[file].counters[key] {
				t.Errorf("%s missing: %s is 0, which nothing says", file, key)
			}
		}
	}
	return m
}

// start makes a monitor and reads; then lets a fault happen that came later.
func (m *matrix) start(t *testing.T, root *fixture.Root, later func(), patience time.Duration) *everything {
	t.Helper()
	s := newSubject(t, root)
	defer s.close(t)
	if later != nil {
		s.read(t, time.Minute)
		later()
		time.Sleep(2 * time.Millisecond) // the membership is looked at again
	}
	return s.read(t, patience)
}

func (m *matrix) run(t *testing.T, f *fault) {
	if f.unable != nil {
		if why := f.unable(t); why != nil {
			t.Skip(why)
		}
	}
	goroutines, descriptors := runtime.NumGoroutine(), countDescriptors(t)
	atOnce := 1
	if f.hangs {
		atOnce = 8 // they wait
	}
	var wg sync.WaitGroup
	for i := range atOnce {
		wg.Go(func() {
			root := fixture.Load(t, m.archive)
			for n, file := range m.files {
				if n%atOnce != i {
					continue
				}
				for at, moment := range []string{"from the start", "later"} {
					if m.wanted(n, at, f) {
						m.cell(t, root, f, file, moment)
					}
				}
				if atOnce == 1 && !nothingLeft(t, file+": "+f.name, goroutines+1, descriptors) {
					return
				}
			}
		})
	}
	wg.Wait()
	nothingLeft(t, f.name, goroutines, descriptors)
}

var wholeMatrix = flag.Bool("matrix", false, "try each cell of the fault matrix at both moments")

// wanted spreads the moments over the cells: with the flag both are tried, without it
// one of them, and under the race detector, which makes it slow, in a third of the cells.
func (m *matrix) wanted(file, moment int, f *fault) bool {
	fault := slices.IndexFunc(faults, func(other fault) bool { return other.name == f.name })
	switch {
	case *wholeMatrix:
		return true
	case raceDetector:
		return (file+fault)%6 == 3*moment
	}
	return (file+fault)%2 == moment
}

func nothingLeft(t *testing.T, where string, goroutines, descriptors int) bool {
	t.Helper()
	settled := func() bool {
		return runtime.NumGoroutine() <= goroutines && countDescriptors(t) <= descriptors
	}
	for deadline := time.Now().Add(10 * time.Second); !settled(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%s: %d goroutines and %d descriptors, before it %d and %d", where,
				runtime.NumGoroutine(), countDescriptors(t), goroutines, descriptors)
			return false
		}
	}
	return true
}

// hangs is the patience of a getter where a file does not answer.
const hangs = 40 * time.Millisecond

func (m *matrix) cell(t *testing.T, root *fixture.Root, f *fault, file, moment string) {
	t.Helper()
	patience := time.Minute
	if f.hangs {
		patience = hangs
	}
	where := fmt.Sprintf("%s: %s %s", file, f.name, moment)
	var found complaints
	for range attempts {
		broken, undo := f.prepare(root, file, m.texts[file])
		var got *everything
		if moment == "later" {
			got = m.start(t, root, broken, patience)
		} else {
			broken()
			got = m.start(t, root, nil, patience)
		}
		undo()
		found = m.judge(f, file, moment, got)
		if got.took > patience+100*time.Millisecond {
			found.absent("with a context of %v a getter returned after %v", patience, got.took)
		}
		m.mu.Lock()
		m.slowest, m.build = max(m.slowest, got.took), max(m.build, got.build)
		m.mu.Unlock()
		if found.final() {
			break
		}
	}
	m.mu.Lock()
	m.cells[f.name]++
	m.mu.Unlock()
	found.report(t, where)
}

// attempts is how often something may be absent: a busy machine may keep a getter that
// has its answer from returning, and a callback from waiting for one, but not each time.
const attempts = 4

// complaints are what is wrong with a reading.
type complaints struct{ missing, false []string }

// absent notes that something is not there, or not in time.
func (c *complaints) absent(format string, args ...any) {
	c.missing = append(c.missing, fmt.Sprintf(format, args...))
}

// wrong notes that something is there which must never be, however busy the machine is.
func (c *complaints) wrong(format string, args ...any) {
	c.false = append(c.false, fmt.Sprintf(format, args...))
}

// final reports whether another attempt would change nothing.
func (c *complaints) final() bool { return len(c.false) > 0 || len(c.missing) == 0 }

func (c *complaints) report(t *testing.T, where string) {
	t.Helper()
	for _, one := range slices.Concat(c.false, c.missing) {
		t.Errorf("%s: %s", where, one)
	}
}

// judge says what is wrong with a reading under a fault.
func (m *matrix) judge(f *fault, file, moment string, got *everything) (c complaints) {
	without := m.without[file]
	lost := false
	for key, v := range m.healthy.values {
		if m.volatile[key] {
			continue
		}
		now, ok := got.values[key]
		// Who the process is, is told with its own evidence.
		lost = lost || !ok && !strings.HasPrefix(key, "Environment.")
		if other, depends := without.values[key]; !depends || other != v || f.blocks(moment, key) {
			continue
		}
		if !ok && bounds(file, key) {
			continue
		}
		switch {
		case ok && now != v && f.unreadable:
			c.wrong("%s is %v, and does not come from this file: %v", key, now, v)
		case !ok && (f.unreadable || !f.legal(key)):
			c.absent("%s is absent, and does not come from this file: %v", key, v)
		}
	}
	for key, now := range got.values {
		if m.volatile[key] {
			continue
		}
		before, was := m.healthy.values[key]
		other, there := without.values[key]
		switch {
		case was && now == before, there && now == other:
		case now == 0.0 && got.counters[key]: // exported counters start at 0
		case now == 0.0 && !f.legal(key) && (was || !f.blocks(moment, key)):
			c.wrong("%s is 0, which nothing says", key)
		case f.unreadable && !f.blocks(moment, key):
			c.wrong("%s is %v; of an unreadable file it can only be %v, or %v as without it", key, now, before, other)
		}
		// A huge page size is known by the own cgroup's file, readable or not; other levels have files of their own.
		if f.unreadable && moment != "later" && (!there || now != other) && !f.blocks(moment, key) && !strings.Contains(key, "hugetlb") {
			c.wrong("%s is %v, without the file %v", key, now, other)
		}
	}
	// A field of blkio that is no number is lost like the field of a newer kernel.
	lost = lost && (f.unreadable || !strings.Contains(file, "blkio"))
	// What sysfs says of an interface is refused by many drivers: that is ordinary.
	lost = lost && !strings.HasPrefix(file, "sys/class/net/")
	if lost && f.cause != nil && !f.told("/"+file, got.errs) {
		c.absent("what is lost is explained by %v", got.errs)
	}
	for _, err := range got.errs {
		if strings.Contains(err.Error(), "panic") {
			c.wrong("%v", err)
		}
	}
	return c
}

var (
	boundFiles  = regexp.MustCompile(`^sys/fs/cgroup/.*/(memory\.(max|high|limit_in_bytes|memsw\.limit_in_bytes)|cpu\.(max|cfs_(quota|period)_us)|cpuset\.(cpus\.effective|effective_cpus))$`)
	boundValues = regexp.MustCompile(`limit|available|Limits|utilization|usage_percent|throttl|burst|quota|events`)
)

// bounds reports whether a file of the process's own cgroup sets the bound of a value. If
// that file is missing, an ancestor's bound applies; if it cannot be read, none is known.
func bounds(file, key string) bool {
	if !boundFiles.MatchString(file) {
		return false
	}
	resource := "memory"
	if strings.HasPrefix(path.Base(file), "cpu") {
		resource = "cpu"
	}
	return boundValues.MatchString(key) && strings.Contains(strings.ToLower(key), resource)
}

func (m *matrix) report(t *testing.T) (total int) {
	for _, f := range faults {
		total += m.cells[f.name]
	}
	t.Logf("%d files, %d values, %d cells; slowest getter %v, slowest construction %v", len(m.files), len(m.healthy.values), total, m.slowest, m.build)
	for _, f := range faults {
		t.Logf("%-28s %4d cells", f.name, m.cells[f.name])
	}
	t.Logf("files: %s", strings.Join(m.files, " "))
	return total
}

func countDescriptors(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// told reports whether an error names the file and the cause.
func (f *fault) told(path string, errs []error) bool {
	return slices.ContainsFunc(errs, func(err error) bool {
		// The patience of who asks may be over before the file is known to hang.
		return (strings.Contains(err.Error(), path) || errors.Is(err, context.DeadlineExceeded)) && slices.ContainsFunc(f.cause, func(cause error) bool { return errors.Is(err, cause) })
	})
}
