package engine

import (
	"context"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// guarded calls do, which looks at what is in or below dir. The machine's own /proc and /sys
// answer; below another root may be any file system, and a dead one does not.
//
// do may run after guarded has returned (see kernfs.Run). It must use root and copied values only.
func guarded[T any](ctx context.Context, o *kernfs.Opener, dir string, do func(root hostfs.Root) (T, error)) (T, error) {
	root := o.Root
	if root.IsHost() {
		return do(root)
	}
	type answer struct {
		value T
		given bool
	}
	w := kernfs.Work{Op: "stat", Root: root, Name: dir}
	a, _, err := kernfs.Run(ctx, &o.Guard, w, func() (answer, error) {
		v, err := do(root)
		return answer{v, true}, err
	}, nil)
	if !a.given {
		err = w.Err(err)
	}
	return a.value, err
}
