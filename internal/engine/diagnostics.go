package engine

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"slices"
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
	counts []sample.Failure // in the order in which they came; they are few
	told   map[string]bool
	notify func(error)
}

// NewDiagnostics returns empty diagnostics; a nil logger is silent.
func NewDiagnostics(logger *slog.Logger) *Diagnostics {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Diagnostics{logger: logger, told: map[string]bool{}}
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
	d.count(source, kind)
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

// count runs under the lock.
func (d *Diagnostics) count(source, kind string) {
	i := slices.IndexFunc(d.counts, func(f sample.Failure) bool { return f.Source == source && f.Type == kind })
	if i < 0 {
		i = len(d.counts)
		d.counts = append(d.counts, sample.Failure{Source: source, Type: kind})
	}
	d.counts[i].Count++
}

// Failures returns the counts, each at its place for ever: whoever remembers
// the attributes of one finds it there again.
func (d *Diagnostics) Failures() *sample.Failures {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &sample.Failures{List: slices.Clone(d.counts)}
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
