package engine

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"sync"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Diagnostics counts what could not be read and tells of each cause once. It
// is safe for concurrent use.
type Diagnostics struct {
	logger *slog.Logger
	mu     sync.Mutex
	counts map[failureKey]uint64
	told   map[string]bool
	notify func(error)
}

type failureKey struct{ source, kind string }

// NewDiagnostics returns empty diagnostics; a nil logger is silent.
func NewDiagnostics(logger *slog.Logger) *Diagnostics {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Diagnostics{logger: logger, counts: map[failureKey]uint64{}, told: map[string]bool{}}
}

// Notify makes tell be called once with every cause, at the moment that it is
// first met.
func (d *Diagnostics) Notify(tell func(error)) {
	d.mu.Lock()
	d.notify = tell
	d.mu.Unlock()
}

// Failed counts a failure of the file, or on macOS of the call, that err names.
// An err without one is counted under collector. A reader that was canceled is no failure of the file's.
func (d *Diagnostics) Failed(collector string, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	kind := failureType(err)
	source, whole := origin(collector, err)
	d.mu.Lock()
	d.counts[failureKey{source, kind}]++
	first := !d.told[whole+kind]
	d.told[whole+kind] = true
	notify := d.notify
	d.mu.Unlock()
	if !first {
		return
	}
	d.logger.Warn("cannot read a source; what is left is still reported", "collector", collector, "error", err)
	if notify != nil {
		notify(err)
	}
}

// Failures returns the counts, in no order.
func (d *Diagnostics) Failures() *sample.Failures {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := new(sample.Failures)
	for k, n := range d.counts {
		f.List = append(f.List, sample.Failure{Source: k.source, Type: k.kind, Count: n})
	}
	return f
}

// netDevFile is the one file whose last name, dev, says nothing.
const netDevFile = "/net/dev"

// origin returns the short name of what failed, and the one that tells it from all others.
func origin(collector string, err error) (source, whole string) {
	var pe *fs.PathError
	var ce *darwin.CallError
	switch {
	case errors.As(err, &pe):
		if strings.HasSuffix(pe.Path, netDevFile) {
			return netDevFile[1:], pe.Path
		}
		return path.Base(pe.Path), pe.Path
	case errors.As(err, &ce) && ce.Arg != "":
		return ce.Arg, ce.Call + " " + ce.Arg
	case ce != nil:
		return ce.Call, ce.Call
	}
	return collector, collector
}

func failureType(err error) string {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return "permission_denied"
	case errors.Is(err, fs.ErrNotExist):
		return "not_found"
	case errors.Is(err, kernfs.ErrMalformed), errors.Is(err, darwin.ErrMalformed):
		return "malformed"
	case errors.Is(err, kernfs.ErrHung), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, hostfs.ErrTooLarge):
		return "too_large"
	case errors.Is(err, hostfs.ErrNotRegular):
		return "not_regular"
	}
	return "io"
}
