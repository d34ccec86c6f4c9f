package darwin

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrMalformed says that a call succeeded but did not give what Apple's
// headers document.
var ErrMalformed = errors.New("unexpected content")

// ErrNoAnswer says that a call failed without telling why. proc_pidinfo is
// such a call: libproc turns every failure into 0.
var ErrNoAnswer = errors.New("no answer")

// KernReturn is a kern_return_t, IOReturn or notify(3) status other than success.
type KernReturn uint32

// Error gives the number in hexadecimal, as Apple's headers have IOReturns.
func (k KernReturn) Error() string { return fmt.Sprintf("status %#x", uint32(k)) }

// CallError says which call failed.
type CallError struct {
	Call string // the function, such as host_statistics64
	Arg  string // what it was asked for, such as the name of a sysctl; may be ""
	Err  error
}

// Error names the call, its argument and the cause.
func (e *CallError) Error() string {
	if e.Arg == "" {
		return e.Call + ": " + e.Err.Error()
	}
	return e.Call + " " + e.Arg + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// missing reports that this macOS does not have what was asked for. ENOENT of
// a sysctl means that, and nothing else.
func missing(err error) bool { return errors.Is(err, syscall.ENOENT) }

// tooSmall reports that the answer did not fit the buffer.
func tooSmall(err error) bool { return errors.Is(err, syscall.ENOMEM) }

// failures collects what went wrong in one reading. It allocates only then.
type failures []error

func (f *failures) add(call, arg string, err error) {
	if err != nil {
		*f = append(*f, &CallError{Call: call, Arg: arg, Err: err})
	}
}

func (f failures) join() error { return errors.Join(f...) }
