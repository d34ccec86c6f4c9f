package kernfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// ErrHung says that a file did not answer in time. The read goes on in the
// background; until it returns, its Guard refuses further work.
var ErrHung = errors.New("the file system does not answer")

// ErrRefused is ErrHung for work that was never started, because another file
// of the same Guard hangs.
var ErrRefused = fmt.Errorf("not tried while another file hangs: %w", ErrHung)

// HangLimit is how long a Guard waits where the context sets no earlier end.
// A healthy FUSE file system answers within a millisecond.
const HangLimit = 200 * time.Millisecond

// Guard runs work that may never return, such as a read from a dead FUSE or NFS mount, on a
// helper goroutine, one at a time: whatever hangs, a Guard holds at most one
// goroutine and one descriptor.
type Guard struct {
	// Report is called once for each work that runs for HangLimit or longer, with a
	// *fs.PathError that names its file and wraps ErrHung. A caller of the Guard
	// calls it, never the helper goroutine. If every caller gives up before
	// HangLimit, the first that is refused afterwards calls it. nil: no reports.
	Report func(error)

	running atomic.Pointer[running] // nil: idle
}

// Work is the system call that a helper goroutine makes, for messages.
type Work struct {
	Op   string // such as "open"
	Root hostfs.Root
	Name string // the file, without the root
}

// Err returns the error of the work.
func (w *Work) Err(cause error) error {
	return &fs.PathError{Op: w.Op, Path: w.Root.Path(w.Name), Err: cause}
}

// running is work that a helper goroutine does.
type running struct {
	Work
	since    time.Time
	reported atomic.Bool
}

// report reports the hang of r unless that was done before.
func (g *Guard) report(r *running) {
	if g.Report != nil && !r.reported.Swap(true) {
		g.Report(r.Err(ErrHung))
	}
}

// start claims the Guard for w. It returns ErrRefused if other work is running.
func (g *Guard) start(w Work) (*running, error) {
	if r := g.running.Load(); r != nil {
		if time.Since(r.since) >= HangLimit {
			g.report(r)
		}
		return nil, fmt.Errorf("%w (%s %s)", ErrRefused, r.Op, r.Root.Path(r.Name))
	}
	r := &running{Work: w, since: time.Now()}
	if !g.running.CompareAndSwap(nil, r) {
		return nil, ErrRefused
	}
	return r, nil
}

// outcome is what work returned.
type outcome[T any] struct {
	value T
	err   error
}

// Run calls do on a helper goroutine of g and waits for its result, for at most HangLimit and until
// ctx ends. Then it abandons do: do goes on to own whatever it uses, the Guard stays busy until do and
// late have returned, and late is called with the result on the helper goroutine. late may be nil. Refused work, with
// ErrRefused, is never started.
//
// do may run long after Run has returned. It must use copied values only, never
// a variable or a struct that its caller may use again.
func Run[T any](ctx context.Context, g *Guard, w Work, do func() (T, error), late func(T, error)) (value T, abandoned bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, err
	}
	r, err := g.start(w)
	if err != nil {
		return value, false, err
	}
	result := make(chan outcome[T])
	gone := make(chan struct{})
	dispose := func(o outcome[T]) {
		if late != nil {
			late(o.value, o.err)
		}
	}
	go func() {
		var o outcome[T]
		o.value, o.err = do()
		select {
		case <-gone:
			dispose(o)
			g.running.Store(nil)
			return
		default:
		}
		// Before the result, or its receiver's next work would find the Guard busy.
		g.running.Store(nil)
		select {
		case result <- o:
		case <-gone:
			dispose(o)
		}
	}()
	timer := time.NewTimer(HangLimit)
	defer timer.Stop()
	select {
	case o := <-result:
		return o.value, false, o.err
	case <-timer.C:
		g.report(r)
		err = ErrHung
	case <-ctx.Done():
		err = ctx.Err()
	}
	close(gone)
	return value, true, err
}

// Do is Run for work without a value or a name.
func (g *Guard) Do(ctx context.Context, work func() error, late func(error)) (abandoned bool, err error) {
	_, abandoned, err = Run(ctx, g, Work{},
		func() (struct{}, error) { return struct{}{}, work() },
		func(_ struct{}, err error) { late(err) })
	return abandoned, err
}
