package engine

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

const netDevHeader = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

// netDev is /proc/net/dev with received bytes by "name=bytes", each with one packet for ten bytes.
func netDev(interfaces ...string) string {
	var b strings.Builder
	b.WriteString(netDevHeader)
	for _, i := range interfaces {
		name, n, _ := strings.Cut(i, "=")
		var bytes int
		_, _ = fmt.Sscan(n, &bytes)
		fmt.Fprintf(&b, "%6s: %d %d 0 1 0 0 0 0 0 0 0 0 0 0 0 0\n", name, bytes, bytes/10)
	}
	return b.String()
}

// sysLink is an interface in sysfs: "iflink=5", "type=772", "device/", "master/" and the like.
func sysLink(name string, index int, entries ...string) string {
	dir := "sys/class/net/" + name + "/"
	s := fmt.Sprintf("-- %sifindex --\n%d\n-- %suevent --\nINTERFACE=%s\n", dir, index, dir, name)
	files := map[string]string{"type": "1", "iflink": fmt.Sprint(index)}
	for _, e := range entries {
		if file, text, ok := strings.Cut(e, "="); ok {
			files[file] = text
		} else {
			s += "-- " + dir + e + " --\n"
		}
	}
	for file, text := range files {
		s += "-- " + dir + file + " --\n" + text + "\n"
	}
	return s
}

func (b *bench) network() *sample.Network {
	b.t.Helper()
	s := new(sample.Network)
	if err := b.source.ReadNetwork(context.Background(), direct|sample.PartInterfaces, s); (err != nil) != b.wantErr {
		b.t.Fatalf("network: %v", err)
	}
	return s
}

func (b *bench) received() uint64 {
	b.t.Helper()
	return b.network().Total.Receive.Bytes.Or(1 << 63)
}

const (
	dev      = "proc/self/net/dev"
	initial  = "-- proc/sys/net/core/netdev_max_backlog --\n1000\n"
	ownSpace = "-- proc/sys/net/core/somaxconn --\n4096\n"
)

func TestTotalLeavesOutWhatRepeatsOthers(t *testing.T) {
	lo := sysLink("lo", 1, "type=772")
	for name, c := range map[string]struct {
		sys  string
		dev  []string
		want uint64
	}{
		"docker host": {initial + lo + sysLink("eth0", 2, "device/") + sysLink("docker0", 3, "bridge/") + sysLink("v1", 4, "iflink=2", "master/"),
			[]string{"lo=1", "eth0=10", "docker0=100", "v1=1000"}, 10},
		"bond":                  {initial + lo + sysLink("eth0", 2, "device/", "bonding_slave/") + sysLink("bond0", 3, "bonding/", "lower_eth0/"), []string{"lo=1", "eth0=10", "bond0=100"}, 100},
		"VLAN":                  {initial + lo + sysLink("eth0", 2, "device/") + sysLink("lan", 3, "iflink=2", "lower_eth0/"), []string{"lo=1", "eth0=10", "lan=100"}, 10},
		"calico host":           {initial + lo + sysLink("eth0", 2, "device/") + sysLink("cali1", 3, "iflink=4"), []string{"lo=1", "eth0=10", "cali1=100"}, 10},
		"container":             {ownSpace + lo + sysLink("eth0", 2, "iflink=7"), []string{"lo=1", "eth0=10"}, 10},
		"container, same index": {ownSpace + lo + sysLink("eth0", 2), []string{"lo=1", "eth0=10"}, 10},
		"docker in docker":      {ownSpace + lo + sysLink("eth0", 2, "iflink=7") + sysLink("veth1", 3, "iflink=2"), []string{"lo=1", "eth0=10", "veth1=100"}, 10},
		"only a veth":           {ownSpace + lo + sysLink("veth1", 2, "iflink=7"), []string{"lo=1", "veth1=10"}, 10},
		"rootless tap":          {ownSpace + lo + sysLink("tap0", 2, "tun_flags=0x1002"), []string{"lo=1", "tap0=10"}, 10},
		"both ends here":        {ownSpace + lo + sysLink("eth0", 2, "iflink=9") + sysLink("a", 3, "iflink=4") + sysLink("b", 4, "iflink=3"), []string{"lo=1", "eth0=10", "a=100", "b=1000"}, 10},
		"masked sys":            {initial, []string{"lo=1", "eth0=10", "docker0=100", "veth1=1000", "wg0=10000", "eth0.5=100000"}, 10},
		"sys of another namespace": {ownSpace + lo + sysLink("eth0", 2, "device/") + sysLink("docker0", 3, "bridge/"),
			[]string{"lo=1", "eth0=10"}, 10},
		"loopback alone": {ownSpace + lo, []string{"lo=1"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, c.sys)
			b.Write(dev, netDev(c.dev...))
			expect(t, "received", b.received(), c.want)
		})
	}
}

func TestWhoseNamespaceItIs(t *testing.T) {
	const pid, foreign = "-- proc/self/ns/pid -> pid:[4026531836] --\n", "-- proc/self/ns/pid -> pid:[4026532500] --\n"
	const self, same, other = "-- proc/self/ns/net -> net:[4026532000] --\n", "-- proc/1/ns/net -> net:[4026532000] --\n", "-- proc/1/ns/net -> net:[4026531900] --\n"
	for name, c := range map[string]struct {
		files string
		want  bool
	}{
		"init's": {pid + self + same + ownSpace, false}, "not init's": {pid + self + other + initial, true},
		"pid 1 is the container's": {foreign + self + same + ownSpace, true},
		"host network in a pod":    {foreign + self + same + initial, false}, "nothing tells, no container": {"", false},
	} {
		b := open(t, c.files)
		b.Write(dev, netDev("eth0=1"))
		if own, ok := b.network().Own.Get(); !ok || own != c.want {
			t.Errorf("%s: own %v, %v", name, own, ok)
		}
	}
}

func TestCountersNeitherGoBackNorSpike(t *testing.T) {
	b := open(t, initial)
	step := func(what string, want uint64, interfaces ...string) {
		t.Helper()
		b.Write(dev, netDev(interfaces...))
		expect(t, what, b.received(), want)
		b.after(time.Second)
	}
	step("first", 100, "eth0=100")
	step("counted", 150, "eth0=150")
	step("one arrives", 150, "eth0=150", "eth1=100000")
	step("it counts from its first reading", 170, "eth0=150", "eth1=100020")
	step("one leaves", 175, "eth0=155")
	step("it returns", 175, "eth0=155", "eth1=3")
	step("and counts", 180, "eth0=155", "eth1=8")
	step("a driver is reset", 180, "eth0=1", "eth1=8")
	step("and counts", 182, "eth0=3", "eth1=8")
}

func TestRatesCoverTheWindow(t *testing.T) {
	b := open(t, initial+sysLink("eth0", 2, "device/", "speed=1000"))
	b.Write(dev, netDev("eth0=0"))
	rates := func() (s *sample.Network, bandwidth, received, sent sample.Opt[float64]) {
		s = b.network()
		bandwidth = b.meter.bandwidth(s, 0)
		received = b.meter.errorRate("received", s.Time, &s.Total.Receive, s.Total.Breaks)
		sent = b.meter.errorRate("sent", s.Time, &s.Total.Transmit, s.Total.Breaks)
		return s, bandwidth, received, sent
	}
	if _, bandwidth, received, _ := rates(); bandwidth.Present() || received.Present() {
		t.Errorf("before the first window is full: got a bandwidth of %v and an error rate of %v, want none", bandwidth, received)
	}
	b.after(2 * time.Second)
	b.Write(dev, netDevHeader+"eth0: 125000000 75 25 1 0 0 0 0 0 0 0 0 0 0 0 0\n")
	s, bandwidth, received, sent := rates()
	expect(t, "speed", s.Interfaces[0].Speed.Or(0), 1e9)
	expect(t, "utilization", bandwidth.Or(-1), 0.5)
	expect(t, "errors", received.Or(-1), 0.25)
	expect(t, "nothing sent", sent.Present(), false)
}

func TestAnInterfaceThatJoinsABondCountsOnce(t *testing.T) {
	b := open(t, initial+sysLink("eth0", 1, "device/", "bonding_slave/", "master/")+sysLink("eth1", 2, "device/")+sysLink("bond0", 3, "bonding/", "lower_eth0/"))
	read := func(e1, bond uint64) uint64 {
		b.Write(dev, netDevHeader+counts{0: 100}.line("eth0")+counts{0: e1}.line("eth1")+counts{0: bond}.line("bond0"))
		b.after(15 * time.Second)
		return b.received()
	}
	for range 5 {
		read(100, 100)
	}
	b.Write("sys/class/net/eth1/bonding_slave/state", "x")
	b.Write("sys/class/net/eth1/master/x", "x")
	last := read(1100, 1100)
	for n := uint64(2100); n <= 4100; n += 1000 {
		now := read(n, n)
		expect(t, "growth", now-last, 1000)
		last = now
	}
}
