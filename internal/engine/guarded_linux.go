package engine

import (
	"context"
	"io/fs"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// guarded looks at what is in or below dir. The machine's own /proc and /sys
// answer; below another root may be any file system, and a dead one does not.
func guarded[T any](ctx context.Context, o *kernfs.Opener, dir string, look func() (T, error)) (T, error) {
	if o.Root.IsHost() {
		return look()
	}
	found := make(chan T, 1) // not a variable: what was abandoned may still return
	_, err := o.Guard.Do(ctx, func() error {
		v, err := look()
		found <- v
		return err
	}, func(error) {})
	var v T
	select {
	case v = <-found:
		return v, err
	default:
		return v, &fs.PathError{Op: "stat", Path: o.Root.Path(dir), Err: err}
	}
}
