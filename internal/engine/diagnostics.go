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
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Diagnostics counts what could not be read, and reports each cause once to the logger and
// to what Notify set. It is safe for concurrent use.
//
// A reading that fails may hold locks that a logger needs if it reads the monitor. So a failure is
// counted at once, and reported by the next Flush.
type Diagnostics struct {
	logger *slog.Logger
	queued atomic.Bool // queue is not empty

	mu     sync.Mutex
	counts []sample.Failure // in the order in which they came; they are few
	told   map[string]bool
	queue  []cause
	notify func(error)
}

// cause is a failure to report.
type cause struct {
	collector string
	err       error
}

// NewDiagnostics returns empty diagnostics; a nil logger is silent.
func NewDiagnostics(logger *slog.Logger) *Diagnostics {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Diagnostics{logger: logger, told: map[string]bool{}}
}

// Notify makes Flush also call tell, once with every cause.
func (d *Diagnostics) Notify(tell func(error)) {
	d.mu.Lock()
	d.notify = tell
	d.mu.Unlock()
}

// Failed counts a failure of the file, or on macOS of the call, that err names.
// An err without one is counted under collector. It ignores an err that is only about time: that a reader's
// context ended says nothing about the file, and the Guard of a file that hangs reports that to Report.
func (d *Diagnostics) Failed(collector string, err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, kernfs.ErrHung) {
		return
	}
	d.Report(collector, err)
}

// Report is Failed for every err.
func (d *Diagnostics) Report(collector string, err error) {
	kind := failureType(err)
	source, whole := origin(collector, err)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.count(source, kind)
	if d.told[whole+kind] {
		return
	}
	d.told[whole+kind] = true
	d.queue = append(d.queue, cause{collector, err})
	d.queued.Store(true)
}

// Flush reports the causes that came since the last Flush. Its caller must hold no lock: a logger may read the
// monitor. If there is nothing to report it costs one atomic load.
func (d *Diagnostics) Flush() {
	if !d.queued.Load() {
		return
	}
	d.mu.Lock()
	queue, notify := d.queue, d.notify
	d.queue = nil
	d.queued.Store(false)
	d.mu.Unlock()
	for _, c := range queue {
		d.logger.Warn("cannot read a source; what is left is still reported", "collector", c.collector, "error", c.err)
		if notify != nil {
			notify(c.err)
		}
	}
}

// count runs under the lock.
func (d *Diagnostics) count(source, kind string) {
	i := slices.IndexFunc(d.counts, func(f sample.Failure) bool { return f.Source == source && f.Type == kind })
	if i < 0 {
		i = len(d.counts)
		d.counts = append(d.counts, sample.Failure{Since: time.Now(), Source: source, Type: kind})
	}
	d.counts[i].Count++
}

// Failures returns the counts, each at its place for ever: whoever remembers
// the attributes of one finds it there again.
func (d *Diagnostics) Failures() *sample.Failures {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &sample.Failures{Time: time.Now(), List: slices.Clone(d.counts)}
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
	case errors.Is(err, kernfs.ErrHung):
		return "timeout"
	case errors.Is(err, hostfs.ErrTooLarge):
		return "too_large"
	case errors.Is(err, hostfs.ErrNotRegular):
		return "not_regular"
	}
	return "io"
}
