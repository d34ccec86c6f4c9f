package engine

import (
	"fmt"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/netlink"
)

// fakeNetlink stands in for the kernel: received bytes by index, and names.
type fakeNetlink struct {
	stats        []netlink.LinkStats
	names        map[int]string
	err, dialErr error
	bench        *bench
	delay        time.Duration
	asked        int // dumps
	dialled      int
	open         int // sockets
}

func (f *fakeNetlink) Stats(dst []netlink.LinkStats, _ *[]byte) ([]netlink.LinkStats, error) {
	f.asked++
	f.bench.after(f.delay)
	if f.err != nil {
		return dst, f.err
	}
	return append(dst, f.stats...), nil
}

func (f *fakeNetlink) Name(index int) (string, error) {
	if name, ok := f.names[index]; ok {
		return name, nil
	}
	return "", syscall.ENODEV
}

func (f *fakeNetlink) Close() { f.open-- }

func (f *fakeNetlink) set(index int, name string, received uint64) {
	f.names[index] = name
	for i := range f.stats {
		if f.stats[i].Index == index {
			f.stats[i].RxBytes = received
			return
		}
	}
	f.stats = append(f.stats, netlink.LinkStats{Index: index, RxBytes: received, RxDropped: 1}) // as netDev has it
}

// withNetlink gives b a netlink of its own, and /proc/net/dev something else to say.
func withNetlink(t *testing.T, b *bench) *fakeNetlink {
	t.Helper()
	f := &fakeNetlink{bench: b, names: map[int]string{}}
	b.source.(*linux).network.dial = func() (counters, error) {
		f.dialled++
		if f.dialErr != nil {
			return nil, f.dialErr
		}
		f.open++
		return f, nil
	}
	b.Write(dev, netDev("eth0=1"))
	t.Cleanup(func() {
		b.source.Close()
		if f.open != 0 {
			t.Errorf("%d sockets are open", f.open)
		}
	})
	return f
}

// each returns the bytes received under each name, those listed and those remembered.
func (b *bench) each() (present, gone map[string]uint64) {
	b.t.Helper()
	s := b.network()
	present, gone = map[string]uint64{}, map[string]uint64{}
	for _, l := range s.Interfaces {
		present[l.Name] = l.Receive.Bytes.Or(1 << 63)
	}
	for _, l := range b.source.(*linux).network.links.gone {
		gone[l.name] = l.total[receiveAt+bytesAt]
	}
	return present, gone
}

func TestNetlinkRefused(t *testing.T) {
	// As gVisor, a kernel before 4.7 and a seccomp policy refuse it.
	for name, f := range map[string]fakeNetlink{
		"socket": {dialErr: netlink.ErrUnsupported}, "dump": {err: netlink.ErrUnsupported}, "broken": {err: syscall.ENOBUFS},
		"churn": {err: netlink.ErrInterrupted}, "another thread": {dialErr: errOtherThread},
	} {
		b := open(t, initial)
		n := withNetlink(t, b)
		n.err, n.dialErr = f.err, f.dialErr
		expect(t, name, b.received(), 1)
		b.after(time.Second)
		expect(t, name, b.received(), 1)
		tries := 1
		if name == "another thread" {
			tries = 2 // the next reading has a better one
		}
		expect(t, name+": dialled", n.dialled, tries)
		failures := 0
		if name == "broken" {
			failures = 1 // the others are as they should be
		}
		expect(t, name+": failures", len(b.diag.Failures().List), failures)

		n.err, n.dialErr = nil, nil
		n.set(2, "eth0", 5)
		b.after(netlinkRest)
		expect(t, name+": asked again", b.received(), 5)
		expect(t, name+": dialled again", n.dialled, tries+1)
	}
}

// A dump that takes long waits for a lock that others hold.
func TestNetlinkThatIsSlowRests(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	n.set(2, "eth0", 1)
	n.delay = 2 * tooSlow
	expect(t, "slow, and right", b.received(), 1)
	b.Write(dev, netDev("eth0=7"))
	expect(t, "by the file", b.received(), 7)
	expect(t, "asked", n.asked, 1)
	b.after(netlinkRest)
	n.set(2, "eth0", 9)
	expect(t, "asked again", b.received(), 9)
	expect(t, "by the same socket", n.dialled, 1)
}

// What an interface counted under its old name stays with that name: the sum over
// the names counts it once, and so does the total.
func TestRenamedInterface(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	n.set(2, "eth0", 100)
	b.each()
	n.set(2, "lan0", 130)
	b.after(namesAge)
	present, gone := b.each()
	expectMap(t, "renamed", present, map[string]uint64{"lan0": 30})
	expectMap(t, "renamed, gone", gone, map[string]uint64{"eth0": 100})
	expect(t, "total", b.received(), 130)

	n.set(5, "eth0", 9000) // another one, under the old name
	present, gone = b.each()
	expectMap(t, "another", present, map[string]uint64{"lan0": 30, "eth0": 100})
	expectMap(t, "another, gone", gone, map[string]uint64{})

	n.set(2, "eth0", 131) // they swap
	n.set(5, "lan0", 9010)
	b.after(namesAge)
	present, _ = b.each()
	expectMap(t, "swapped", present, map[string]uint64{"eth0": 101, "lan0": 40})
	expect(t, "total", b.received(), 141)
}

// The same by the file, where sysfs tells the index.
func TestRenamedInterfaceByTheFile(t *testing.T) {
	b := open(t, initial+sysLink("eth0", 2, "device/"))
	b.Write(dev, netDev("eth0=100"))
	b.each()
	b.Remove("sys/class/net/eth0")
	for file, text := range map[string]string{"ifindex": "2\n", "iflink": "2\n", "type": "1\n"} {
		b.Write("sys/class/net/lan0/"+file, text)
	}
	b.Write(dev, netDev("lan0=130"))
	present, gone := b.each()
	expectMap(t, "present", present, map[string]uint64{"lan0": 30})
	expectMap(t, "gone", gone, map[string]uint64{"eth0": 100})
	expect(t, "total", b.received(), 130)
}

// An interface that left is not listed, and its counts are remembered. If it
// returns with the index that it had, it continues.
func TestAnInterfaceThatReturnsContinues(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	n.set(2, "eth0", 1)
	n.set(3, "tun0", 50)
	b.each()
	tun := n.stats[1]
	n.stats = n.stats[:1]
	for range 3 {
		b.after(time.Second)
		present, gone := b.each()
		expectMap(t, "present", present, map[string]uint64{"eth0": 1})
		expectMap(t, "gone", gone, map[string]uint64{"tun0": 50})
	}
	tun.RxBytes = 70 // what it received while it was away, such as in another namespace
	n.stats = append(n.stats, tun)
	present, gone := b.each()
	expectMap(t, "returned", present, map[string]uint64{"eth0": 1, "tun0": 70})
	expect(t, "gone", len(gone), 0)
}

// Containers that come and go have a new name each.
func TestNamesThatLeftAreForgotten(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	n.set(2, "eth0", 1)
	most := 0
	for i := range 3 * maxDeparted {
		n.stats = n.stats[:1]
		n.set(100+i, fmt.Sprint("veth", i), 5)
		_, gone := b.each()
		most = max(most, len(gone))
		b.after(time.Second)
	}
	expect(t, "most names remembered", most, maxDeparted)
	_, gone := b.each()
	for i := range maxDeparted { // the newest ones
		name := fmt.Sprint("veth", 3*maxDeparted-2-i)
		if _, ok := gone[name]; !ok {
			t.Fatalf("%s is not remembered", name)
		}
	}
}

// A name is remembered however long no interface has it.
func TestANameThatReturnsContinues(t *testing.T) {
	for _, away := range []time.Duration{time.Second, 48 * time.Hour} {
		b := open(t, initial)
		n := withNetlink(t, b)
		n.set(2, "eth0", 1)
		n.set(3, "eth1", 5)
		b.each()
		n.stats = n.stats[:1]
		b.each()
		b.after(away)
		_, gone := b.each()
		expectMap(t, fmt.Sprint("remembered after ", away), gone, map[string]uint64{"eth1": 5})
		n.set(3, "eth1", 8) // 3 were received meanwhile
		present, _ := b.each()
		expectMap(t, fmt.Sprint("received after ", away), present, map[string]uint64{"eth0": 1, "eth1": 8})
		expect(t, fmt.Sprint("total after ", away), b.received(), 9)
	}
}

// An interface that is made anew under one name has a new index each time.
func TestIndexesThatLeftAreForgotten(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	for i := range 2 * maxDeparted {
		n.stats = nil
		n.set(100+i, "wlan0", uint64(i))
		expect(t, "received", b.received(), 0)
	}
	l := &b.source.(*linux).network.links
	expect(t, "interfaces remembered", len(l.present)+len(l.gone), 1)
}

func TestInterfaceThatGoesBetweenItsCountersAndItsName(t *testing.T) {
	b := open(t, initial)
	n := withNetlink(t, b)
	n.set(2, "eth0", 1)
	n.set(3, "veth3", 7)
	delete(n.names, 3)
	present, _ := b.each()
	expectMap(t, "present", present, map[string]uint64{"eth0": 1})
}

func TestFilters(t *testing.T) {
	for name, c := range map[string]struct {
		filter InterfaceFilter
		listed map[string]uint64
		total  uint64
	}{
		"none":           {InterfaceFilter{}, map[string]uint64{"lo": 1, "eth0": 10, "docker0": 100, "veth1": 1000}, 10},
		"include":        {InterfaceFilter{Include: []string{"docker*", "veth?"}}, map[string]uint64{"docker0": 100, "veth1": 1000}, 1100},
		"exclude":        {InterfaceFilter{Exclude: []string{"docker0", "lo"}}, map[string]uint64{"eth0": 10, "veth1": 1000}, 10},
		"exclude wins":   {InterfaceFilter{Include: []string{"*"}, Exclude: []string{"veth*"}}, map[string]uint64{"lo": 1, "eth0": 10, "docker0": 100}, 111},
		"uplink hidden":  {InterfaceFilter{Exclude: []string{"eth0"}}, map[string]uint64{"lo": 1, "docker0": 100, "veth1": 1000}, 0},
		"nothing":        {InterfaceFilter{Include: []string{"nosuch"}}, map[string]uint64{}, 0},
		"a bad pattern":  {InterfaceFilter{Include: []string{"[", "eth0"}, Exclude: []string{"["}}, map[string]uint64{"eth0": 10}, 10},
		"class of names": {InterfaceFilter{Include: []string{"[de]*"}}, map[string]uint64{"eth0": 10, "docker0": 100}, 110},
	} {
		b := open(t, initial)
		b.source.(*linux).network.links.filter = &c.filter
		b.Write(dev, netDev("lo=1", "eth0=10", "docker0=100", "veth1=1000"))
		present, _ := b.each()
		expectMap(t, name, present, c.listed)
		expect(t, name+": total", b.received(), c.total)
	}
}

func TestFailuresOfNetDevAreNamed(t *testing.T) {
	for kind, prepare := range map[string]func(*bench){
		"malformed": func(b *bench) { b.Write(dev, "rubbish\n") }, "not_found": func(*bench) {},
	} {
		b := open(t, initial)
		b.wantErr = true
		prepare(b)
		b.network()
		if l := b.diag.Failures().List; len(l) != 1 || l[0].Source != "net/dev" || l[0].Type != kind {
			t.Errorf("%s: %+v", kind, l)
		}
	}
}

func expectMap[K, V comparable](t *testing.T, what string, got, want map[K]V) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}
