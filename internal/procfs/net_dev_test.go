package procfs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

const netDevHeader = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

func iface(name string) procfs.Interface {
	return procfs.Interface{
		Name:    name,
		RxBytes: 1, RxPackets: 2, RxErrors: 3, RxDropped: 4, RxFIFO: 5, RxFrame: 6, RxCompressed: 7, RxMulticast: 8,
		TxBytes: 9, TxPackets: 10, TxErrors: 11, TxDropped: 12, TxFIFO: 13, TxCollisions: 14, TxCarrier: 15, TxCompressed: 16,
	}
}

func TestNetDev(t *testing.T) {
	const counters = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"
	eth0 := iface("eth0")
	big := eth0
	big.RxBytes = 18446744073709551615
	for name, tc := range map[string]struct {
		text string
		want []procfs.Interface
	}{
		"header alone":            {netDevHeader, nil},
		"one":                     {netDevHeader + "  eth0: " + counters + "\n", []procfs.Interface{eth0}},
		"number touches the name": {netDevHeader + "  eth0:" + counters + "\n", []procfs.Interface{eth0}},
		"missing final newline":   {netDevHeader + "eth0:" + counters, []procfs.Interface{eth0}},
		"alias":                   {netDevHeader + "eth0:1: " + counters + "\n", []procfs.Interface{iface("eth0:1")}},
		"alias that touches":      {netDevHeader + "eth0:1:" + counters + "\n", []procfs.Interface{iface("eth0:1")}},
		"name of dots and dashes": {netDevHeader + "br-0.100@x: " + counters + "\n", []procfs.Interface{iface("br-0.100@x")}},
		"name that is not ASCII":  {netDevHeader + "öl☃: " + counters + "\n", []procfs.Interface{iface("öl☃")}},
		"64 bits":                 {netDevHeader + "eth0:18446744073709551615" + counters[1:] + "\n", []procfs.Interface{big}},
		"torn line":               {netDevHeader + "eth0: " + counters + "\neth1: 1 2 3", []procfs.Interface{eth0}},
		"column to come":          {netDevHeader + "eth0: " + counters + " 17\n", []procfs.Interface{eth0}},
		"without a header":        {"eth0: " + counters + "\n", []procfs.Interface{eth0}},
		"blank lines":             {netDevHeader + "\n\neth0: " + counters + "\n\n", []procfs.Interface{eth0}},
		"beyond 64 bits":          {netDevHeader + "eth1: 99999999999999999999" + counters[1:] + "\neth0: " + counters, []procfs.Interface{eth0}},
		"no name":                 {netDevHeader + " : " + counters + "\neth0: " + counters, []procfs.Interface{eth0}},
	} {
		t.Run(name, func(t *testing.T) {
			d := procfs.NetDev{Interfaces: []procfs.Interface{iface("old")}}
			if err := d.Parse([]byte(tc.text)); err != nil || !slices.Equal(d.Interfaces, tc.want) {
				t.Errorf("%+v, %v", d.Interfaces, err)
			}
		})
	}
}

func TestNetDevMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":        "",
		"binary":       "\x00\xff:\n",
		"another file": "MemTotal: 16 kB\n",
	} {
		d := procfs.NetDev{Interfaces: []procfs.Interface{iface("old")}}
		if err := d.Parse([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || len(d.Interfaces) != 0 {
			t.Errorf("%s: %+v, %v", name, d.Interfaces, err)
		}
	}
}

// bigNetDev has n interfaces.
func bigNetDev(n int) []byte {
	var b strings.Builder
	b.WriteString(netDevHeader)
	for i := range n {
		fmt.Fprintf(&b, "%6s: %7d %7d    0    0    0     0          0         0 %7d %7d    0    0    0     0       0          0\n",
			fmt.Sprintf("veth%d", i), i, 2*i, 3*i, 4*i)
	}
	return []byte(b.String())
}

func TestR28NetDevOfManyPages(t *testing.T) {
	for _, n := range []int{60, 1000} {
		var d procfs.NetDev
		text := bigNetDev(n)
		if err := d.Parse(text); err != nil || len(d.Interfaces) != n || len(text) < 4096 {
			t.Errorf("%d interfaces of %d in %d bytes, %v", len(d.Interfaces), n, len(text), err)
		}
		last := d.Interfaces[n-1]
		if last.Name != fmt.Sprintf("veth%d", n-1) || last.RxBytes != uint64(n-1) || last.TxPackets != uint64(4*(n-1)) {
			t.Errorf("%+v", last)
		}
	}
}

func TestNetDevAllocatesNothing(t *testing.T) {
	var d procfs.NetDev
	text := bigNetDev(1000)
	allocatesNothing(t, func() error { return d.Parse(text) })
}

func FuzzNetDev(f *testing.F) {
	f.Add(bigNetDev(2))
	f.Add([]byte("eth0:1:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var d procfs.NetDev
		err := d.Parse(b)
		if err != nil && len(d.Interfaces) > 0 {
			t.Errorf("%q: %+v, %v", b, d, err)
		}
		again := procfs.NetDev{Interfaces: []procfs.Interface{iface("old"), iface("older")}}
		if err2 := again.Parse(b); err != err2 || !slices.Equal(d.Interfaces, again.Interfaces) {
			t.Errorf("%q: another answer with a used slice", b)
		}
		for _, i := range d.Interfaces {
			// A name may hold any other byte, also the bar that the header has.
			if i.Name == "" || strings.ContainsAny(i.Name, " \t\n") {
				t.Errorf("%q: interface %q", b, i.Name)
			}
		}
	})
}

func BenchmarkNetDev(b *testing.B) {
	var d procfs.NetDev
	text := bigNetDev(4)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}

func TestInterfacesWithoutNumbersAreNotNone(t *testing.T) {
	const header = "Inter-|   Receive  |  Transmit\n face |bytes    packets|bytes    packets\n"
	var d procfs.NetDev
	if err := d.Parse([]byte(header)); err != nil || len(d.Interfaces) != 0 {
		t.Errorf("a namespace without interfaces: %v, %v", d.Interfaces, err)
	}
	for _, number := range []string{"99999999999999999999999", "-5", "nan"} {
		line := "  eth0:" + strings.Repeat(" "+number, 16) + "\n"
		if err := d.Parse([]byte(header + line)); !errors.Is(err, kernfs.ErrMalformed) {
			t.Errorf("%s: %v, %v", number, d.Interfaces, err)
		}
	}
}
