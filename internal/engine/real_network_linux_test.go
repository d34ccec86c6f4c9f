package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/netlink/netlinktest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The machine's own numbers, by netlink and by its file, lie between two readings of the file.
func TestNetworkOfThisMachine(t *testing.T) {
	source, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	c := &source.(*linux).network
	var before, s, after sample.Network
	ctx := context.Background()
	byFile := func(to *sample.Network) {
		c.rest = time.Now().Add(time.Hour)
		if err := source.ReadNetwork(ctx, direct|sample.PartInterfaces, to); err != nil {
			t.Fatal(err)
		}
		c.rest = time.Time{}
	}
	byFile(&before)
	if err := source.ReadNetwork(ctx, direct|sample.PartInterfaces, &s); err != nil {
		t.Fatal(err)
	}
	byFile(&after)
	if c.conn == nil {
		t.Skip("RTM_GETSTATS is not available here")
	}
	lo, n, hi := before.Total.Receive.Bytes.Or(0), s.Total.Receive.Bytes.Or(0), after.Total.Receive.Bytes.Or(0)
	if lo > n || n > hi {
		t.Errorf("received %d by the file, %d by netlink, %d by the file", lo, n, hi)
	}
	for _, w := range []sample.Parts{0, sample.PartInterfaces} {
		if n := allocations(func() { _ = source.ReadNetwork(ctx, w, &s) }); n > 0 {
			t.Errorf("%+v: %v allocations", w, n)
		}
	}
}

const (
	namespaceEnv = "OTELRESOURCE_TEST_NAMESPACE"
	skipped      = 77 // the exit status for what is not possible here
)

// /proc/self/net is that of the process's leader: in a child, its first thread
// runs main and no other goroutine.
func init() {
	if os.Getenv(namespaceEnv) != "" {
		runtime.LockOSThread()
	}
}

// TestInANetworkNamespace runs inNamespace in a process with namespaces of its own.
func TestInANetworkNamespace(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can make network namespaces")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), namespaceEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET | unix.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case errors.Is(err, syscall.EPERM):
		t.Skipf("network namespaces are not permitted here: %v", err)
	case errors.As(err, &exit) && exit.ExitCode() == skipped:
		t.Skip(strings.TrimSpace(string(out)))
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	default:
		t.Logf("%s", out)
	}
}

// inNamespace is the child: what it prints is why it failed, or could not go on.
func inNamespace() int {
	rt, err := prepareNamespace()
	if err != nil {
		fmt.Println(err)
		return skipped
	}
	if err := followNamespace(rt); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

const manyLinks = 1000

// prepareNamespace makes a thousand interfaces, and up0 with a peer, veth0.
func prepareNamespace() (*netlinktest.Links, error) {
	// A sysfs shows the namespace of whoever mounted it.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return nil, fmt.Errorf("mounts cannot be made private: %w", err)
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return nil, fmt.Errorf("sysfs cannot be mounted: %w", err)
	}
	rt, err := netlinktest.Open()
	if err != nil {
		return nil, err
	}
	if _, err := rt.Fill(manyLinks - 1); err != nil {
		return nil, err
	}
	if err := rt.Add("veth", "up0"); err != nil {
		return nil, fmt.Errorf("this kernel has no veth: %w", err)
	}
	return rt, nil
}

// watcher reads the child's namespace.
type watcher struct {
	source Source
	now    time.Time
	last   sample.Network
}

func (w *watcher) collector() *networkCollector { return &w.source.(*linux).network }

func (w *watcher) read() error {
	return w.source.ReadNetwork(context.Background(), direct|sample.PartInterfaces, &w.last)
}

// received are the bytes of one name.
func (w *watcher) received(name string) (n uint64) {
	for i := range w.last.Interfaces {
		if l := &w.last.Interfaces[i]; l.Name == name {
			n = l.Receive.Bytes.Or(0)
		}
	}
	return n
}

func (w *watcher) here() int { return len(w.last.Interfaces) }

func followNamespace(rt *netlinktest.Links) error {
	w := &watcher{now: time.Now()}
	source, err := New(Config{Interval: time.Second, Now: func() time.Time { return w.now }})
	if err != nil {
		return err
	}
	w.source = source
	defer source.Close()
	for _, step := range []struct {
		name string
		do   func(*watcher, *netlinktest.Links) error
	}{
		{"a thousand interfaces", (*watcher).thousand}, {"bytes through a veth", (*watcher).bytes},
		{"another name", (*watcher).renamed}, {"another namespace", (*watcher).another},
	} {
		if err := step.do(w, rt); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

func (w *watcher) thousand(*netlinktest.Links) error {
	const all = manyLinks + 2 // lo, and the peer of up0
	for range 2 {
		if err := w.read(); err != nil || w.here() < all {
			return fmt.Errorf("%d of %d interfaces, %w", w.here(), all, err)
		}
		if own, ok := w.last.Own.Get(); !own || !ok {
			return fmt.Errorf("own %v, known %v", own, ok)
		}
		if w.collector().conn == nil {
			return errors.New("netlink is not used")
		}
		w.now = w.now.Add(time.Second)
	}
	w.collector().rest = w.now.Add(time.Hour)
	if err := w.read(); err != nil || w.here() < all {
		return fmt.Errorf("by the file: %d of %d interfaces, %w", w.here(), all, err)
	}
	w.collector().rest = time.Time{}
	ctx := context.Background()
	var err error
	for _, want := range []sample.Parts{0, sample.PartInterfaces} {
		read := func() {
			if e := w.source.ReadNetwork(ctx, want, &w.last); e != nil {
				err = e
			}
		}
		read()
		if n := allocations(read); n > 0 || err != nil {
			return fmt.Errorf("%+v: %v allocations, %w", want, n, err)
		}
	}
	return nil
}

const frame, frames = 1400, 5000

// bytes sends from a namespace beyond.
func (w *watcher) bytes(rt *netlinktest.Links) error {
	send, err := beyond(rt)
	if err != nil {
		return err
	}
	w.now = w.now.Add(factsAge) // what sysfs says is looked at again
	if err := errors.Join(rt.Up("up0", true), w.read()); err != nil {
		return err
	}
	one, total := w.received("up0"), w.last.Total.Receive.Bytes.Or(0)
	if err := send(); err != nil {
		return err
	}
	if err := w.read(); err != nil {
		return err
	}
	const sent = frame * frames
	for what, got := range map[string]uint64{"up0": w.received("up0") - one, "total": w.last.Total.Receive.Bytes.Or(0) - total} {
		if float64(got) < sent*0.95 || float64(got) > sent*1.05 {
			return fmt.Errorf("%s: %d bytes of %d", what, got, sent)
		}
		fmt.Printf("%s: %d bytes were sent, %d counted\n", what, sent, got)
	}
	return nil
}

// beyond moves veth0 into a namespace of a thread's own, and returns what sends from there.
func beyond(rt *netlinktest.Links) (send func() error, err error) {
	type socket struct {
		namespace, packets int
		there              *netlinktest.Links
		err                error
	}
	made, moved := make(chan socket), make(chan struct{})
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is thrown away
		var s socket
		if s.err = unix.Unshare(unix.CLONE_NEWNET); s.err == nil {
			s.namespace, s.err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		if s.err == nil {
			s.there, s.err = netlinktest.Open()
		}
		if s.err == nil {
			s.packets, s.err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		}
		made <- s
		<-moved
	}()
	s := <-made
	if s.err == nil {
		s.err = errors.Join(rt.Move("veth0", s.namespace), s.there.Up("veth0", true))
	}
	close(moved)
	if s.err != nil {
		return nil, s.err
	}
	r, err := unix.NewIfreq("veth0")
	if err == nil {
		err = unix.IoctlIfreq(s.packets, unix.SIOCGIFINDEX, r)
	}
	if err != nil {
		return nil, err
	}
	to := &unix.SockaddrLinklayer{Ifindex: int(r.Uint32())}
	packet := make([]byte, frame)
	packet[12], packet[13] = 0x88, 0xb5 // a protocol for experiments (IEEE 802)
	return func() error {
		for range frames {
			if err := unix.Sendto(s.packets, packet, 0, to); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (w *watcher) renamed(rt *netlinktest.Links) error {
	before, total, all := w.received("up0"), w.last.Total.Receive.Bytes.Or(0), w.collector().links.present
	index := all[slices.IndexFunc(all, func(l *link) bool { return l.name == "up0" })].index
	if err := errors.Join(rt.Up("up0", false), rt.Rename(index, "lan0")); err != nil {
		return err
	}
	w.now = w.now.Add(namesAge)
	if err := w.read(); err != nil {
		return err
	}
	gone := map[string]uint64{}
	for _, l := range w.collector().links.gone { // veth0 as well
		gone[l.name] = l.total[receiveAt+bytesAt]
	}
	if len(gone) != 2 || gone["up0"] != before || w.received("lan0") != 0 || w.last.Total.Receive.Bytes.Or(0) != total {
		return fmt.Errorf("gone: %v; up0 was %d; lan0 %d; total %d, was %d", gone, before,
			w.received("lan0"), w.last.Total.Receive.Bytes.Or(0), total)
	}
	return nil
}

// another moves the process itself. The sysfs is still that of the old namespace.
func (w *watcher) another(*netlinktest.Links) error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	total := w.last.Total.Receive.Bytes.Or(0)
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	alone := func(how string) error {
		w.now = w.now.Add(time.Second) // the namespace is looked at once in an interval
		if err := w.read(); err != nil {
			return err
		}
		if w.here() != 1 || w.last.Interfaces[0].Name != "lo" || w.last.Total.Receive.Bytes.Or(0) != total {
			return fmt.Errorf("%s: %d interfaces, %s first; total %d, was %d", how, w.here(), w.last.Interfaces[0].Name,
				w.last.Total.Receive.Bytes.Or(0), total)
		}
		return nil
	}
	// Another thread is still in the old namespace: a socket of its own would be, too.
	there := make(chan error)
	go func() { there <- alone("by another thread") }()
	if err := <-there; err != nil {
		return err
	}
	if w.collector().conn != nil {
		return errors.New("a socket of another thread's namespace")
	}
	if err := alone("by the leader"); err != nil {
		return err
	}
	if w.collector().conn == nil {
		return errors.New("no socket of the new namespace")
	}
	now, err := os.ReadDir("/proc/self/fd")
	if err != nil || len(now) > len(open) {
		return fmt.Errorf("%d descriptors, before %d, %w", len(now), len(open), err)
	}
	return nil
}
