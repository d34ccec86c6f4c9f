package otelresource

import (
	"errors"
	"io/fs"
	"strings"
)

// The causes that callers tell apart with errors.Is. Every error of this
// package that concerns a file is an *Error, which names it.
var (
	// ErrUnsupportedPlatform: there are no collectors for this operating system.
	ErrUnsupportedPlatform = errors.New("unsupported platform")
	// ErrContainerNotFound: ScopeContainer was asked for, but the process is in no container or cgroup.
	ErrContainerNotFound = errors.New("not in a container or cgroup")
	// ErrCgroupNotFound: the process's cgroup cannot be read: it is not mounted, has
	// no such controller, or its files fail. Values of the host never stand in for it.
	ErrCgroupNotFound = errors.New("cgroup not found")
	// ErrInsufficientPerms: a file without which there is no answer is denied.
	ErrInsufficientPerms = errors.New("insufficient permissions")
	// ErrClosed: the monitor was closed.
	ErrClosed = errors.New("monitor is closed")
)

// Error says what was attempted, on which file, and why it failed.
type Error struct {
	Op   string // such as "GetMemoryStats"
	Path string // the file; "" where none is concerned
	Err  error  // wraps one of the sentinels or the operating system's error
}

// Error returns one line, such as
// "otelresource: GetMemoryStats /proc/meminfo: insufficient permissions: permission denied".
func (e *Error) Error() string {
	s, cause := "otelresource: "+e.Op, e.Err.Error()
	if e.Path != "" {
		s += " " + e.Path
		var pe *fs.PathError
		if errors.As(e.Err, &pe) && pe.Path == e.Path { // it names the file again
			cause = strings.ReplaceAll(cause, pe.Error(), pe.Err.Error())
		}
	}
	return s + ": " + oneLine(cause)
}

// oneLine joins the lines of an error that errors.Join made: a cause follows what it causes.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", ": ") }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
