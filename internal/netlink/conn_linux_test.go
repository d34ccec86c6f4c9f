package netlink_test

import (
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/netlink/netlinktest"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

// inNamespace runs test on a thread with a network namespace of its own,
// which ends with the thread. What test returns is why it could not go on.
func inNamespace(t *testing.T, test func(t *testing.T) error) {
	t.Helper()
	refused := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread is thrown away
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err != nil {
			err = fmt.Errorf("a network namespace is not permitted here: %w", err)
		} else {
			err = test(t)
		}
		refused <- err
	}()
	if err := <-refused; err != nil {
		t.Skip(err)
	}
}

// procNetDev is what the kernel prints for the namespace of this thread.
func procNetDev(t *testing.T) []procfs.Interface {
	t.Helper()
	var o kernfs.Opener
	f := o.File("/proc/thread-self/net/dev")
	defer f.Close()
	var p kernfs.Pass
	p.Begin(t.Context(), time.Now())
	var d procfs.NetDev
	b, err := f.ReadRecords(&p)
	if err == nil {
		err = d.Parse(b)
	}
	if err != nil {
		t.Error(err)
	}
	return d.Interfaces
}

// asProc is s in the terms of /proc/net/dev (dev_seq_printf_stats).
func asProc(name string, s netlink.LinkStats) procfs.Interface {
	return procfs.Interface{
		Name:    name,
		RxBytes: s.RxBytes, RxPackets: s.RxPackets, RxErrors: s.RxErrors, RxDropped: s.RxDrop(), RxFIFO: s.RxFIFOErrors,
		RxFrame:      s.RxLengthErrors + s.RxOverErrors + s.RxCRCErrors + s.RxFrameErrors,
		RxCompressed: s.RxCompressed, RxMulticast: s.Multicast,
		TxBytes: s.TxBytes, TxPackets: s.TxPackets, TxErrors: s.TxErrors, TxDropped: s.TxDropped, TxFIFO: s.TxFIFOErrors,
		TxCollisions: s.Collisions,
		TxCarrier:    s.TxCarrierErrors + s.TxAbortedErrors + s.TxWindowErrors + s.TxHeartbeatErrors,
		TxCompressed: s.TxCompressed,
	}
}

func byName(a, b procfs.Interface) int { return strings.Compare(a.Name, b.Name) }

// dial skips where the kernel has no RTM_GETSTATS.
func dial(t *testing.T) (*netlink.Conn, []netlink.LinkStats) {
	t.Helper()
	c, err := netlink.Dial()
	if err == nil {
		t.Cleanup(c.Close)
		var stats []netlink.LinkStats
		if stats, err = c.Stats(nil, new([]byte)); err == nil {
			return c, stats
		}
	}
	if errors.Is(err, netlink.ErrUnsupported) {
		t.Skip(err)
	}
	t.Fatal(err)
	return nil, nil
}

func TestStatsOfThisNamespace(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c, stats := dial(t)
	var got []string
	for _, s := range stats {
		name, err := c.Name(s.Index)
		if err != nil {
			t.Error(err)
		}
		got = append(got, name)
	}
	var want []string
	for _, i := range procNetDev(t) {
		want = append(want, i.Name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%v, /proc/net/dev has %v", got, want)
	}
}

func TestThousandInterfaces(t *testing.T) {
	inNamespace(t, func(t *testing.T) error {
		const links = 1000
		rt, err := netlinktest.Open()
		if err != nil {
			return err
		}
		defer rt.Close()
		kind, err := rt.Fill(links)
		if err != nil {
			return err
		}
		t.Logf("%d links of kind %s", links, kind)
		traffic(t)
		c, err := netlink.Dial()
		if errors.Is(err, netlink.ErrUnsupported) {
			return err
		}
		if err != nil {
			t.Error(err)
			return nil
		}
		defer c.Close()
		var scratch []byte
		stats, err := c.Stats(nil, &scratch)
		if err != nil {
			t.Error(err)
			return nil
		}
		if len(stats) < links+1 {
			t.Errorf("%d interfaces of %d", len(stats), links+1)
		}
		var got []procfs.Interface
		for _, s := range stats {
			name, err := c.Name(s.Index)
			if err != nil {
				t.Error(err)
			}
			got = append(got, asProc(name, s))
		}
		want := procNetDev(t)
		slices.SortFunc(got, byName)
		slices.SortFunc(want, byName)
		if !slices.Equal(got, want) {
			t.Errorf("%d interfaces by netlink and %d by /proc/net/dev differ", len(got), len(want))
			for i := range min(len(got), len(want)) {
				if got[i] != want[i] {
					t.Errorf("first difference:\n%+v\n%+v", got[i], want[i])
					break
				}
			}
		}
		if i := slices.IndexFunc(got, func(i procfs.Interface) bool { return i.Name == "lo" }); i < 0 || got[i].RxBytes == 0 || got[i].RxPackets != got[i].TxPackets {
			t.Error("the loopback interface counted nothing")
		}
		for _, size := range []int{0, 128 << 10, 1, 128 << 10, 0} { // who shares the buffer replaces it
			scratch = make([]byte, size)
			if stats, err = c.Stats(stats[:0], &scratch); err != nil || len(stats) < links+1 {
				t.Errorf("a buffer of %d bytes: %d interfaces, %v", size, len(stats), err)
			}
		}
		if n := testing.AllocsPerRun(5, func() {
			if stats, err = c.Stats(stats[:0], &scratch); err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations for a dump", n)
		}
		return nil
	})
}

// The kernel may answer a receive by as much as the largest one before it took.
func TestALargeScratchBufferBeforeASmallOne(t *testing.T) {
	inNamespace(t, func(t *testing.T) error {
		rt, err := netlinktest.Open()
		if err != nil {
			return err
		}
		defer rt.Close()
		if _, err := rt.Fill(40); err != nil { // too few for the Conn to receive more at once
			return err
		}
		c, err := netlink.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		for _, size := range []int{128 << 10, 0, 0} {
			scratch := make([]byte, size)
			if stats, err := c.Stats(nil, &scratch); err != nil || len(stats) < 41 {
				t.Errorf("a buffer of %d bytes: %d interfaces, %v", size, len(stats), err)
			}
		}
		return nil
	})
}

func TestStatsWhileLinksComeAndGo(t *testing.T) {
	inNamespace(t, func(t *testing.T) error {
		rt, err := netlinktest.Open() // of this namespace, whatever thread uses it
		if err != nil {
			return err
		}
		defer rt.Close()
		if _, err := rt.Fill(300); err != nil {
			return err
		}
		c, err := netlink.Dial()
		if err != nil {
			return err
		}
		defer c.Close()
		stop := make(chan struct{})
		var churn sync.WaitGroup
		churn.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = rt.Add("bridge", "churn")
					_ = rt.Delete("churn")
				}
			}
		})
		var stats []netlink.LinkStats
		var scratch []byte
		interrupted := 0
		for range 200 {
			stats, err = c.Stats(stats[:0], &scratch)
			switch {
			case errors.Is(err, netlink.ErrInterrupted):
				interrupted++
			case err != nil:
				t.Error(err)
			case len(stats) < 301:
				t.Errorf("%d interfaces, no error", len(stats))
			}
		}
		close(stop)
		churn.Wait()
		t.Logf("%d of 200 dumps were interrupted twice", interrupted)
		if stats, err = c.Stats(stats[:0], &scratch); err != nil || len(stats) < 301 {
			t.Errorf("afterwards: %d interfaces, %v", len(stats), err)
		}
		return nil
	})
}

func TestWhatIsNotThere(t *testing.T) {
	c, _ := dial(t)
	if _, err := c.Name(1 << 30); !errors.Is(err, unix.ENODEV) && !errors.Is(err, unix.ENXIO) {
		t.Errorf("name of an interface that is not there: %v", err)
	}
	c.Close()
	c.Close()
	if _, err := c.Stats(nil, new([]byte)); !errors.Is(err, unix.EBADF) {
		t.Errorf("a closed one: %v", err)
	}
}

func BenchmarkStats(b *testing.B) {
	c, err := netlink.Dial()
	if err != nil {
		b.Skip(err)
	}
	defer c.Close()
	var stats []netlink.LinkStats
	var scratch []byte
	b.ReportAllocs()
	for b.Loop() {
		if stats, err = c.Stats(stats[:0], &scratch); err != nil {
			b.Fatal(err)
		}
	}
}

// traffic sends datagrams over the loopback interface of the thread's namespace.
func traffic(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Error(err)
		return
	}
	defer func() { _ = unix.Close(fd) }()
	r, err := unix.NewIfreq("lo")
	if err == nil {
		r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
		err = unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
	}
	to := &unix.SockaddrInet4{Port: 9, Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}
	for range 100 {
		if err == nil {
			err = unix.Sendto(fd, make([]byte, 500), 0, to)
		}
		if errors.Is(err, unix.ECONNREFUSED) {
			err = nil // nobody listens there
		}
	}
	if err != nil {
		t.Error(err)
	}
}
