//go:build linux

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soakFault breaks something for a moment and mends it.
type soakFault struct {
	name   string
	inject func(*soakRun) error
}

// soakFaults are injected one at a time, at random. The machine's clock is not
// stepped: it belongs to whatever else runs there.
var soakFaults = []soakFault{
	{"a file vanishes", breakFile(func(string, []byte) error { return nil })},
	{"a file is empty", breakFile(func(name string, _ []byte) error { return os.WriteFile(name, nil, 0o644) })},
	{"a file is torn", breakFile(func(name string, b []byte) error { return os.WriteFile(name, b[:len(b)/2], 0o644) })},
	{"a file holds rubbish", breakFile(func(name string, _ []byte) error {
		return os.WriteFile(name, []byte("\xff\x00-1 NaN 99999999999999999999\n"), 0o644)
	})},
	{"a file of 100 MiB", breakFile(func(name string, b []byte) error {
		return orElse(os.WriteFile(name, b, 0o644), func() error { return os.Truncate(name, 100<<20) })
	})},
	{"a FIFO in a file's place", breakFile(func(name string, _ []byte) error { return syscall.Mkfifo(name, 0o644) })},
	{"a folder in a file's place", breakFile(func(name string, _ []byte) error { return os.Mkdir(name, 0o755) })},
	{"a file cannot be written over", breakInPlace},
	{"a cgroup vanishes with its files", func(r *soakRun) error {
		slice := filepath.Join(r.files, "sys/fs/cgroup/work.slice")
		err := os.Rename(slice, slice+".gone")
		r.pause(2 * time.Second)
		return orElse(err, func() error { return os.Rename(slice+".gone", slice) })
	}},
	{"moved to another cgroup, by its files", func(r *soakRun) error {
		name := filepath.Join(r.files, "proc/self/cgroup")
		own, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		err = os.WriteFile(name, []byte("0::/work.slice\n"), 0o644)
		r.pause(3 * time.Second)
		return orElse(err, func() error { return os.WriteFile(name, own, 0o644) })
	}},
	{"moved to another cgroup", func(r *soakRun) error { return r.move() }},
	{"the cgroup's limits change", func(r *soakRun) error {
		if r.cgroup == nil {
			return errNoHierarchy
		}
		return orElse(r.cgroup.setMemoryLimit(int64(200+rand.IntN(200))<<20), func() error {
			return r.cgroup.setCPULimit(0.6 + rand.Float64())
		})
	}},
	{"the Collector is killed and started again", func(r *soakRun) error {
		began := time.Now()
		_ = r.collector.cmd.Process.Kill()
		<-r.collector.done
		r.pause(4 * time.Second)
		r.startCollector()
		r.outages = append(r.outages, span{began, time.Now()})
		return nil
	}},
	{"the Collector stands still", func(r *soakRun) error {
		began := time.Now()
		err := r.collector.cmd.Process.Signal(syscall.SIGSTOP)
		r.pause(4 * time.Second)
		r.outages = append(r.outages, span{began, time.Now()})
		return orElse(err, func() error { return r.collector.cmd.Process.Signal(syscall.SIGCONT) })
	}},
}

func orElse(err error, next func() error) error {
	if err != nil {
		return err
	}
	return next()
}

// breakFile puts something else in the place of a file of the root of files.
func breakFile(by func(name string, text []byte) error) func(*soakRun) error {
	return func(r *soakRun) error {
		name := r.texts[rand.IntN(len(r.texts))]
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.Rename(name, name+".kept"); err != nil {
			return err
		}
		err = by(name, text)
		r.pause(2 * time.Second)
		return orElse(err, func() error {
			return orElse(os.RemoveAll(name), func() error { return os.Rename(name+".kept", name) })
		})
	}
}

// breakInPlace changes a file that is kept open.
func breakInPlace(r *soakRun) error {
	name := r.texts[rand.IntN(len(r.texts))]
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	err = os.WriteFile(name, text[len(text)/2:], 0o644)
	r.pause(2 * time.Second)
	return orElse(err, func() error { return os.WriteFile(name, text, 0o644) })
}

// move moves the program to the other of two real cgroups, and makes the one that it left anew.
func (r *soakRun) move() error {
	if r.cgroup == nil {
		return errNoHierarchy
	}
	to, from := "a", "b"
	if r.moves++; r.moves%2 == 0 {
		to, from = from, to
	}
	pid := strconv.Itoa(r.program.cmd.Process.Pid)
	for _, folder := range r.cgroup.folders() {
		if err := os.Mkdir(filepath.Join(folder, to), 0o755); err != nil && !os.IsExist(err) {
			return err
		}
		if err := write(filepath.Join(folder, to, "cgroup.procs"), pid); err != nil {
			return err
		}
	}
	for _, folder := range r.cgroup.folders() {
		// A cgroup is busy for a moment after its last process has left.
		for range 50 {
			if err := os.Remove(filepath.Join(folder, from)); err == nil || os.IsNotExist(err) {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return nil
}

// leave removes the two cgroups once the program has ended.
func (r *soakRun) leave() {
	if r.cgroup == nil {
		return
	}
	for _, folder := range r.cgroup.folders() {
		_ = os.Remove(filepath.Join(folder, "a"))
		_ = os.Remove(filepath.Join(folder, "b"))
	}
}

// unpackFiles makes a root of files from an archive in the txtar format.
func unpackFiles(t *testing.T, archive, dir string) (texts []string) {
	t.Helper()
	b, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	name, text := "", ""
	put := func() {
		if name == "" {
			return
		}
		link, target, isLink := strings.Cut(name, " -> ")
		at := filepath.Join(dir, link)
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		if err == nil && isLink {
			err = os.Symlink(target, at)
		} else if err == nil {
			err = os.WriteFile(at, []byte(text), 0o644)
			texts = append(texts, at)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for line := range strings.Lines(string(b)) {
		if marker, ok := strings.CutPrefix(strings.TrimSpace(line), "-- "); ok && strings.HasSuffix(marker, " --") {
			put()
			name, text = strings.TrimSuffix(marker, " --"), ""
			continue
		}
		text += line
	}
	put()
	slices.Sort(texts)
	if len(texts) < 20 {
		t.Fatalf("%s has %d files", archive, len(texts))
	}
	return texts
}

// advanceEverySecond returns the way to stop it, which may be called again.
func (r *soakRun) advanceEverySecond() (stop func()) {
	stopped, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for n := 1; ; n++ {
			select {
			case <-ticker.C:
				r.advance(n)
			case <-stopped:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(stopped)
		<-done
	})
}

// advance lets the CPU time of the root of files go on, unless it is broken just now.
func (r *soakRun) advance(seconds int) {
	for _, name := range r.texts {
		if !strings.HasSuffix(name, "/cpu.stat") {
			continue
		}
		if info, err := os.Lstat(name); err != nil || !info.Mode().IsRegular() || info.Size() > 4096 {
			continue
		}
		us := 10_000_000 + 100_000*seconds
		_ = os.WriteFile(name, fmt.Appendf(nil, "usage_usec %d\nuser_usec %d\nsystem_usec %d\nnr_periods %d\nnr_throttled %d\nthrottled_usec %d\nnr_bursts 0\nburst_usec 0\n",
			us, us/2, us-us/2, 100+seconds, 7+seconds/10, 900_000+1000*seconds), 0o644)
	}
}
