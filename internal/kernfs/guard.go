package kernfs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
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
	busy atomic.Bool
}

// Do runs work and waits for it, for at most HangLimit and until ctx ends. Work
// that is still running then is abandoned: it goes on to own whatever it uses,
// keeps the Guard busy until it returns, and late is called with its outcome
// on the helper goroutine. Refused work, with ErrRefused, was never started.
func (g *Guard) Do(ctx context.Context, work func() error, late func(error)) (abandoned bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if !g.busy.CompareAndSwap(false, true) {
		return false, ErrRefused
	}
	result := make(chan error)
	gone := make(chan struct{})
	go func() {
		err := work()
		select {
		case <-gone:
			late(err)
			g.busy.Store(false)
			return
		default:
		}
		// Before the result, or its receiver's next work would find the Guard busy.
		g.busy.Store(false)
		select {
		case result <- err:
		case <-gone:
			late(err)
		}
	}()
	timer := time.NewTimer(HangLimit)
	defer timer.Stop()
	select {
	case err := <-result:
		return false, err
	case <-timer.C:
		err = ErrHung
	case <-ctx.Done():
		err = ctx.Err()
	}
	close(gone)
	return true, err
}
