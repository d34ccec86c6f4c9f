package otelresource_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/otelresource"
)

// fault is one way in which a file can be broken.
type fault struct {
	name string
	// prepare readies the file to be broken by happen, and to be mended by undo.
	prepare    func(root *fixture.Root, file, text string) (happen, undo func())
	unreadable bool    // nothing can be had of the file: it is as if it were missing
	hangs      bool    // reading it does not end
	cause      []error // one of these is told; nil: a kernel without the file is no fault
	unable     func(*testing.T) error
}

// blocks reports whether the fault may cost values of other files too: under a root
// of files everything is opened with care, and nothing more is opened while one opening
// hangs. GetLimits opens its files anew each time, and which limit of memory binds may
// hang on a file that was not needed before.
func (f *fault) blocks(moment, key string) bool {
	return f.hangs && (moment != "later" || strings.HasPrefix(key, "Limits.") || strings.Contains(key, "limit"))
}

// legal reports whether the fault may change the number in any way, because it makes
// another number of what the file says: nothing is left under a limit that was cut below the usage,
// nor of a usage cut below the inactive cache, nor of memory and swap cut below memory, nor of
// all faults where as many are major; and another quota may bind.
func (f *fault) legal(key string) bool {
	return !f.unreadable && slices.ContainsFunc([]string{"available", "working_set", "swap", "type=minor", "quota_"}, func(part string) bool {
		return strings.Contains(key, part)
	})
}

// malformed: where the process's own cgroup is not told, that is the cause.
var malformed = []error{kernfs.ErrMalformed, otelresource.ErrCgroupNotFound}

var faults = []fault{
	{name: "missing", prepare: replaced(func(string) error { return nil }), unreadable: true},
	{name: "EACCES", prepare: served(fixture.Answer{Open: unix.EACCES}), unreadable: true, cause: []error{unix.EACCES}, unable: canServe},
	{name: "EACCES of the read", prepare: served(fixture.Answer{Read: unix.EACCES}), unreadable: true, cause: []error{unix.EACCES}, unable: canServe},
	{name: "EIO", prepare: served(fixture.Answer{Read: unix.EIO}), unreadable: true, cause: []error{unix.EIO}, unable: canServe},
	{name: "EOPNOTSUPP", prepare: served(fixture.Answer{Read: unix.EOPNOTSUPP}), unreadable: true, unable: canServe},
	{name: "ENODEV", prepare: served(fixture.Answer{Read: unix.ENODEV}), unreadable: true, unable: canServe},
	{name: "silent", prepare: served(fixture.Answer{Silent: true}), unreadable: true, hangs: true, unable: canServe,
		cause: []error{kernfs.ErrHung, context.DeadlineExceeded}},
	{name: "one byte at a time", prepare: served(fixture.Answer{Chunk: 1}), unable: canServe},
	{name: "no permission bits", prepare: func(root *fixture.Root, file, _ string) (func(), func()) {
		return func() { root.Mode(file, 0) }, func() { root.Mode(file, 0o644) }
	}, unreadable: true, cause: []error{unix.EACCES}, unable: rootReads},

	{name: "empty", prepare: written(func(string) string { return "" })},
	{name: "torn", prepare: written(func(s string) string { return s[:len(s)/2] })},
	{name: "a blank line first", prepare: written(func(s string) string { return "\n" + s })},
	{name: "rubbish", prepare: written(func(string) string { return "\x7fELF\x02\x01\x01\x00\xff\xfe\x80 \x00\n\xc3\x28\xa0\xa1" }), cause: malformed},
	{name: "beyond 64 bits", prepare: written(numbers("99999999999999999999999")), cause: malformed},
	{name: "2^64-1", prepare: written(numbers("18446744073709551615"))},
	{name: "negative", prepare: written(numbers("-5"))},
	{name: "NaN", prepare: written(numbers("nan"))},
	{name: "infinite", prepare: written(numbers("+Inf"))},
	{name: "exponent", prepare: written(numbers("1e309"))},
	{name: "duplicated keys", prepare: written(func(s string) string { return s + s })},

	{name: "100 MiB", prepare: oversized, unreadable: true, cause: []error{hostfs.ErrTooLarge}},
	{name: "FIFO", prepare: replaced(func(path string) error { return unix.Mkfifo(path, 0o644) }), unreadable: true, cause: []error{hostfs.ErrNotRegular}},
	{name: "socket", prepare: replaced(func(path string) error {
		return unix.Mknod(path, unix.S_IFSOCK|0o644, 0)
	}), unreadable: true, cause: []error{hostfs.ErrNotRegular, unix.ENXIO}},
	{name: "folder", prepare: replaced(func(path string) error { return os.Mkdir(path, 0o755) }), unreadable: true, cause: []error{hostfs.ErrNotRegular}},
	{name: "link to itself", prepare: replaced(func(path string) error { return os.Symlink(filepath.Base(path), path) }),
		unreadable: true, cause: []error{syscall.ELOOP}},
	{name: "link out of the root", prepare: escaping(func(outside, path string) string {
		return strings.Repeat("../", 40) + outside[1:]
	}), unreadable: true},
	{name: "absolute link out", prepare: escaping(func(outside, path string) string { return outside }), unreadable: true},
}

func canServe(t *testing.T) error { return fixture.CanServe(t) }

func rootReads(t *testing.T) error {
	if os.Geteuid() == 0 {
		return errors.New("root reads files whatever their permission bits")
	}
	return nil
}

// served answers as a healthy file does until it breaks.
func served(a fixture.Answer) func(*fixture.Root, string, string) (happen, undo func()) {
	return func(root *fixture.Root, file, text string) (func(), func()) {
		d, unmount := root.Serve(file, fixture.Answer{Text: text})
		broken := a // several roots are served at once
		broken.Text = text
		return func() { d.Set(broken) }, unmount
	}
}

func written(change func(string) string) func(*fixture.Root, string, string) (happen, undo func()) {
	return func(root *fixture.Root, file, text string) (func(), func()) {
		return func() { root.Write(file, change(text)) }, func() { root.Write(file, text) }
	}
}

// replaced puts something else in the file's place.
func replaced(by func(path string) error) func(*fixture.Root, string, string) (happen, undo func()) {
	return func(root *fixture.Root, file, text string) (func(), func()) {
		path := filepath.Join(root.Dir(), file)
		return func() {
				root.Remove(file)
				if err := by(path); err != nil {
					panic(err)
				}
			}, func() {
				if err := os.RemoveAll(path); err != nil {
					panic(err)
				}
				root.Write(file, text)
			}
	}
}

// escaping puts a link to a file outside, whose every number differs from those inside.
func escaping(target func(outside, path string) string) func(*fixture.Root, string, string) (happen, undo func()) {
	return func(root *fixture.Root, file, text string) (func(), func()) {
		outside := root.Dir() + "-outside"
		if err := os.WriteFile(outside, []byte(numbers("7654321")(text)), 0o644); err != nil {
			panic(err)
		}
		happen, undo := replaced(func(path string) error { return os.Symlink(target(outside, path), path) })(root, file, text)
		return happen, func() {
			undo()
			if err := os.Remove(outside); err != nil {
				panic(err)
			}
		}
	}
}

// oversized keeps the beginning: a reader that stops early would take it for the whole.
func oversized(root *fixture.Root, file, text string) (happen, undo func()) {
	return func() {
			root.Write(file, text)
			if err := os.Truncate(filepath.Join(root.Dir(), file), 100<<20); err != nil {
				panic(err)
			}
		}, func() {
			root.Write(file, text)
		}
}

var digits = regexp.MustCompile(`\b\d+(\.\d+)?\b`)

func numbers(by string) func(string) string {
	return func(s string) string { return digits.ReplaceAllLiteralString(s, by) }
}
