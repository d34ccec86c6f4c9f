package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestDiagnosticsTellOfACauseOnceAndCountIt(t *testing.T) {
	var log bytes.Buffer
	d := NewDiagnostics(slog.New(slog.NewTextHandler(&log, nil)))
	var told []error
	d.Notify(func(err error) { told = append(told, err) })
	denied := func(name string) error { return &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES} }
	for range 3 {
		d.Failed("memory", denied("/cg/a/memory.stat"))
	}
	d.Failed("memory", denied("/cg/b/memory.stat")) // another file: another cause, the same count
	d.Failed("memory", fmt.Errorf("wrapped: %w", &fs.PathError{Op: "parse", Path: "/cg/a/memory.stat", Err: kernfs.ErrMalformed}))
	d.Failed("cpu", errors.New("no file"))
	if len(told) > 0 || log.Len() > 0 {
		t.Errorf("got %v and %q before Flush, want nothing", told, log.String())
	}
	for range 2 {
		d.Flush()
	}
	if len(told) != 4 || strings.Count(log.String(), "\n") != 4 {
		t.Errorf("told %d times, %d lines:\n%s", len(told), strings.Count(log.String(), "\n"), log.String())
	}
	want := []sample.Failure{ // in the order in which they came
		{Source: "memory.stat", Type: "permission_denied", Count: 4},
		{Source: "memory.stat", Type: "malformed", Count: 1},
		{Source: "cpu", Type: "io", Count: 1},
	}
	for range 20 {
		if got := failures(t, d); !slices.Equal(got, want) {
			t.Fatalf("%+v, want %+v", got, want)
		}
	}
}

// failures returns what was counted, without the times, which it checks.
func failures(t *testing.T, d *Diagnostics) []sample.Failure {
	t.Helper()
	s := d.Failures()
	for i := range s.List {
		if since := s.List[i].Since; since.IsZero() || since.After(s.Time) {
			t.Errorf("%s: got failures since %v, want a time before %v", s.List[i].Source, since, s.Time)
		}
		s.List[i].Since = time.Time{}
	}
	return s.List
}

func TestAFailureIsCountedSinceTheFirstOne(t *testing.T) {
	d := NewDiagnostics(nil)
	d.Failed("cpu", syscall.EIO)
	first := d.Failures().List[0].Since
	time.Sleep(time.Millisecond)
	d.Failed("cpu", syscall.EIO)
	d.Failed("cpu", syscall.EACCES)
	got := d.Failures().List
	expect(t, "the first kind", got[0].Since, first)
	if !got[1].Since.After(first) {
		t.Errorf("another kind: got failures since %v, want a time after %v", got[1].Since, first)
	}
}

func TestFailureTypes(t *testing.T) {
	for err, want := range map[error]string{
		syscall.EACCES: "permission_denied", syscall.EPERM: "permission_denied", syscall.ENOENT: "not_found",
		kernfs.ErrMalformed: "malformed", kernfs.ErrHung: "timeout",
		hostfs.ErrTooLarge: "too_large", hostfs.ErrNotRegular: "not_regular", syscall.EIO: "io",
	} {
		if got := failureType(&fs.PathError{Op: "read", Path: "/x", Err: err}); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// A reader's context that ended is no failure of a file, and a hang is reported by the Guard of its file.
func TestErrorsAboutTimeAreNoFailures(t *testing.T) {
	d := NewDiagnostics(nil)
	d.Notify(func(err error) { t.Errorf("got %v, want no notification", err) })
	for _, cause := range []error{context.Canceled, context.DeadlineExceeded, kernfs.ErrHung, kernfs.ErrRefused} {
		d.Failed("memory", cause)
		d.Failed("memory", &fs.PathError{Op: "open", Path: "/proc/meminfo", Err: cause})
	}
	d.Flush()
	if got := d.Failures().List; len(got) > 0 {
		t.Errorf("got failures %+v, want none", got)
	}
}

func TestALoggerMayReportAFailure(t *testing.T) {
	var d *Diagnostics
	var got []string
	d = NewDiagnostics(nil)
	d.Notify(func(err error) {
		got = append(got, err.Error())
		d.Failed("cpu", errors.New("second"))
		d.Flush()
		d.Failures()
	})
	d.Failed("memory", &fs.PathError{Op: "read", Path: "/first", Err: syscall.EIO})
	d.Flush()
	if want := []string{"read /first: input/output error", "second"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// On macOS a call fails, of a sysctl its name tells more.
func TestFailuresOfCallsHaveTheirNames(t *testing.T) {
	d := NewDiagnostics(nil)
	d.Failed("memory", &darwin.CallError{Call: "sysctl", Arg: "hw.memsize", Err: syscall.EPERM})
	d.Failed("memory", &darwin.CallError{Call: "host_statistics64", Err: darwin.KernReturn(5)})
	d.Failed("network", errors.Join(&darwin.CallError{Call: "sysctl", Arg: "NET_RT_IFLIST2", Err: darwin.ErrMalformed}))
	want := map[sample.Failure]bool{
		{Source: "hw.memsize", Type: "permission_denied", Count: 1}: true,
		{Source: "host_statistics64", Type: "io", Count: 1}:         true,
		{Source: "NET_RT_IFLIST2", Type: "malformed", Count: 1}:     true,
	}
	got := failures(t, d)
	for _, f := range got {
		if !want[f] {
			t.Errorf("unexpected %+v", f)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%+v", got)
	}
}

func TestDiagnosticsAreSafeForConcurrentUse(t *testing.T) {
	d := NewDiagnostics(nil)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				d.Failed("cpu", syscall.EIO)
				d.Notify(func(error) {})
				d.Flush()
				d.Failures()
			}
		})
	}
	wg.Wait()
	if got := d.Failures().List; len(got) != 1 || got[0].Count != 800 {
		t.Errorf("%+v", got)
	}
}
