// Package environ finds out who this process is: in which container, by
// which runtime, in which pod, on which virtual machine. Every answer carries
// the file or variable it came from and the rule that decided.
//
// It believes positive evidence only. What is not found is unknown, not "no";
// an id that may be someone else's is left out.
package environ

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// Input is everything that Detect looks at. Nothing else is consulted: no
// network, no subprocess, no state of its own.
type Input struct {
	Root hostfs.Root
	// Getenv is os.LookupEnv; nil where the environment is not that of the
	// process under Root.
	Getenv func(string) (string, bool)
	// CPUID is HostCPUID; nil where the instruction would answer for
	// another machine. Its second result is false off x86.
	CPUID func() (CPUID, bool)
	// Sysctl is HostSysctl, which only macOS asks; nil where it would answer for another machine.
	Sysctl func(name string) ([]byte, error)
	// Hostname is os.Hostname; nil: /proc/sys/kernel/hostname, then /etc/hostname,
	// on macOS kern.hostname.
	Hostname func() (string, error)
	// PID is our process id; 0 is unknown.
	PID int
	// Markers are marker files that count with a second sign. /proc/1/cgroup among
	// them means that PID 1's cgroup is looked at too.
	Markers []string
	// UserMarkers are marker files that decide by themselves.
	UserMarkers []string
	// OS and Arch are GOOS and GOARCH of the machine under Root. By default
	// they are ours, but "linux" for a Root other than "/".
	OS, Arch string
	// Guard runs what may hang. Who detects repeatedly shares one, so that a dead
	// file system costs one goroutine and not one each time; nil: a new one.
	Guard *kernfs.Guard

	// file lets tests answer for single files: deny them, which permissions
	// cannot do to root, or let them hang.
	file func(name string) (b []byte, ok bool, err error)
}

// DefaultMarkers are the files that runtimes leave in their containers, and PID 1's cgroup.
func DefaultMarkers() []string {
	return []string{"/.dockerenv", "/run/.containerenv", "/proc/1/cgroup"}
}

// Host returns the input for this very process.
func Host() Input {
	return Input{
		Getenv: os.LookupEnv, CPUID: HostCPUID, Sysctl: HostSysctl, Hostname: os.Hostname,
		PID: os.Getpid(), Markers: DefaultMarkers(),
	}
}

// timeLimit bounds all of detection. It is for sources that are slow one by one: a dead one costs
// patience once. An emulated machine under half a core has taken more than a second for files
// that all answered.
const timeLimit = 5 * time.Second

// Detect finds out who the process is. The Info is complete even
// with an error: errors name decisive sources that were denied or did not
// answer in time. A source that is not there is no error. It takes 5 s at most,
// and about 1 s where a source never answers.
func Detect(ctx context.Context, in Input) (*Info, error) {
	ctx, cancel := context.WithTimeout(ctx, timeLimit)
	defer cancel()
	if in.OS == "" {
		in.OS = runtime.GOOS
		if !in.Root.IsHost() {
			in.OS = "linux"
		}
	}
	if in.Arch == "" {
		in.Arch = runtime.GOARCH
	}
	if in.Guard == nil {
		in.Guard = new(kernfs.Guard)
	}
	d := &detector{in: in, ctx: ctx, info: new(Info)}
	switch in.OS {
	case "linux":
		d.linux()
	case "darwin":
		d.darwin()
	}
	return d.info, errors.Join(d.errs...)
}

// detector is one run.
type detector struct {
	in   Input
	ctx  context.Context
	info *Info
	errs []error
	hung bool // a source did not answer within our patience
	late bool // an error about time is among errs
	// silent is the first source that did not answer: what is not tried because of it must not take the blame.
	silent string

	machine       machine // what the kernel says about itself
	sandboxSource string
	member        member   // /proc/self/cgroup
	mounts        mounts   // /proc/self/mountinfo
	spaces        spaces   // /proc/self/ns
	pod           podSigns // is there Kubernetes evidence
	candidates    []candidate
	identity      candidate // the best candidate
	sandbox       string    // id of the pod sandbox
	orchestrator  string
}

// linux collects the evidence first and then decides, because the sources
// depend on each other: whose id a mount names depends on whether this is a pod.
func (d *detector) linux() {
	d.readKernel()
	d.readNamespaces()
	d.readMounts()
	d.readMembership()
	d.describeCgroup()
	d.findPodSigns()
	d.findIdentity()
	d.decideContainer()
	d.describePod()
	d.readPlatformLimits()
	d.decideVirtualization()
}

// read returns the whole of a file. Any file system under the root may hang, not only FUSE: lxcfs
// serves /proc/cpuinfo, the root itself may be on NFS.
func (d *detector) read(name string, limit int64) ([]byte, error) {
	b, err := guarded(d, func() ([]byte, error) {
		if d.in.file != nil {
			if b, ok, err := d.in.file(name); ok {
				return b, err
			}
		}
		return d.in.Root.ReadFile(name, limit)
	})
	if d.silent == "" && isLate(err) {
		d.silent = name
	}
	return b, err
}

// isLate reports whether err is about time, not about the file.
func isLate(err error) bool {
	return errors.Is(err, kernfs.ErrHung) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// patience is how much longer than the Guard we wait, once. A container with a CPU quota of a few
// milliseconds may be off the CPU for longer than the Guard's limit, and detection is worth a second at start.
const patience = time.Second - kernfs.HangLimit

// guarded runs work with the time limit of the Guard. Once something hangs for
// good, the Guard refuses whatever follows, so the wait is paid once.
func guarded[T any](d *detector, work func() (T, error)) (T, error) {
	// Channels, not variables: work that was abandoned may still return.
	out, late := make(chan T, 1), make(chan error, 1)
	abandoned, err := d.do(func() error {
		v, err := work()
		out <- v
		return err
	}, func(err error) { late <- err })
	if abandoned && errors.Is(err, kernfs.ErrHung) && !d.hung {
		timer := time.NewTimer(patience)
		defer timer.Stop()
		select {
		case err = <-late:
		case <-timer.C:
			d.hung = true
		case <-d.ctx.Done():
			err = d.ctx.Err()
		}
	}
	var v T
	select {
	case v = <-out:
	default:
	}
	return v, err
}

// settling is how long a Guard may still be busy with the end of work that came late after all.
const settling = 50 * time.Millisecond

// do is the Guard's Do. What came late hands its result over a moment before the
// Guard is free again; the next work must not take that moment for a hang.
func (d *detector) do(work func() error, late func(error)) (abandoned bool, err error) {
	for begin := time.Now(); ; time.Sleep(100 * time.Microsecond) {
		abandoned, err = d.in.Guard.Do(d.ctx, work, late)
		if !errors.Is(err, kernfs.ErrRefused) || d.hung || time.Since(begin) > settling {
			return abandoned, err
		}
	}
}

// maxFile is for the small files: one page holds any of them.
const maxFile = 64 << 10

// decisive reads a file that may decide an answer: if it is there and cannot be read, the answer
// is incomplete and the caller is told. text is "" in both cases.
func (d *detector) decisive(name string) (text string, ok bool) {
	b, err := d.read(name, maxFile)
	d.failed(name, err)
	return string(b), err == nil
}

// optional reads a file whose absence or denial is ordinary.
func (d *detector) optional(name string) (text string, ok bool) {
	b, err := d.read(name, maxFile)
	return string(b), err == nil
}

// failed keeps the error of a decisive source: denied, or no answer in time.
// Once one source hung or the context ended, all others fail with it: the first says it for all.
func (d *detector) failed(name string, err error) {
	late := isLate(err)
	if !late && !errors.Is(err, fs.ErrPermission) || late && d.late {
		return
	}
	if late && d.silent != "" {
		name = d.silent
	}
	d.late = d.late || late
	var pe *fs.PathError
	if !errors.As(err, &pe) {
		err = &fs.PathError{Op: "read", Path: d.in.Root.Path(name), Err: err}
	}
	d.errs = append(d.errs, err)
}

func (d *detector) exists(name string) bool {
	ok, err := guarded(d, func() (bool, error) { return d.in.Root.Exists(name), nil })
	return ok && err == nil
}

// isFile reports whether name exists and is no folder.
func (d *detector) isFile(name string) bool {
	ok, err := guarded(d, func() (bool, error) {
		info, err := d.in.Root.Stat(name)
		return err == nil && !info.IsDir(), nil
	})
	return ok && err == nil
}

// env returns a variable of the process, without blanks around it.
func (d *detector) env(name string) (string, bool) {
	if d.in.Getenv == nil {
		return "", false
	}
	v, ok := d.in.Getenv(name)
	return strings.TrimSpace(v), ok
}

// head returns at most the first limit bytes of a file.
func (in *Input) head(name string, limit int64) ([]byte, error) {
	if in.file != nil {
		if b, ok, err := in.file(name); ok {
			return b, err
		}
	}
	f, err := in.Root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, limit))
}
