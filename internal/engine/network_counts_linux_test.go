package engine

import (
	"fmt"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// counts is one line of /proc/net/dev: bytes, packets, errors and drops, received and then sent.
type counts [8]uint64

func (c counts) line(name string) string {
	return fmt.Sprintf("%s: %d %d %d %d 0 0 0 0 %d %d %d %d 0 0 0 0\n", name, c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7])
}

func countsOf(i *sample.Interface) (c counts) {
	for n, t := range []*sample.Traffic{&i.Receive, &i.Transmit} {
		for m, v := range []sample.OptUint{t.Bytes, t.Packets, t.Errors, t.Dropped} {
			c[4*n+m] = v.Or(1 << 63)
		}
	}
	return c
}

// A driver may start one of its counters anew, or have 32 bits for it. The
// others are right, and their growth counts.
func TestAColumnThatGoesBackLeavesTheOthers(t *testing.T) {
	const size32 = 1 << 32
	for column := range 8 {
		for name, steps := range map[string][]struct{ raw, want uint64 }{
			"for one reading":         {{5000, 5000}, {3, 5000}, {5020, 5020}},
			"from then on":            {{5000, 5000}, {3, 5000}, {13, 5010}, {14, 5011}},
			"to zero":                 {{5000, 5000}, {0, 5000}, {0, 5000}, {7, 5007}},
			"again and again":         {{5000, 5000}, {3, 5000}, {2, 5000}, {1, 5000}, {11, 5010}},
			"a little":                {{5000, 5000}, {4990, 5000}, {4995, 5000}, {5001, 5001}},
			"as a counter of 32 bits": {{size32 - 1, size32 - 1}, {9, size32 - 1}, {19, size32 + 9}},
		} {
			for _, sysfs := range []string{initial, initial + sysLink("eth0", 2, "device/")} {
				b := open(t, sysfs)
				raw := counts{100, 100, 100, 100, 100, 100, 100, 100}
				var breaks []uint32
				for i, s := range steps {
					for n := range raw {
						raw[n] += 10
					}
					want := raw
					raw[column], want[column] = s.raw, s.want
					b.Write(dev, netDevHeader+raw.line("eth0"))
					got := b.network()
					what := fmt.Sprintf("column %d goes back %s: step %d", column, name, i)
					expect(t, what, countsOf(&got.Interfaces[0]), want)
					expect(t, what+": total", countsOf(&got.Total), want)
					breaks = append(breaks, got.Interfaces[0].Breaks)
					b.after(time.Second)
				}
				if broken := breaks[1] != breaks[0]; broken != (name != "a little") {
					t.Errorf("column %d goes back %s: breaks: got %v", column, name, breaks)
				}
			}
		}
	}
}

// The errors of an interface that started anew stay at zero. That must not make
// every window begin again.
func TestAnInterfaceThatStartedAnewHasABandwidthAgain(t *testing.T) {
	b := open(t, initial+sysLink("eth0", 2, "device/", "speed=1000"))
	raw := counts{9_000_000_000, 9_000_000, 40, 7, 1, 1, 1, 1}
	read := func() sample.Opt[float64] {
		b.Write(dev, netDevHeader+raw.line("eth0"))
		s := b.network()
		b.after(time.Second)
		raw[0] += 12_500_000 // a tenth of the link
		raw[1] += 10_000
		return b.meter.bandwidth(s, 0)
	}
	read()
	expect(t, "before", read(), sample.Some(0.1))
	raw = counts{}
	expect(t, "when it started anew", read(), sample.Opt[float64]{})
	expect(t, "a second later", read(), sample.Some(0.1))
	expect(t, "and on", read(), sample.Some(0.1))
}

// An interface that returns with its index continues. If the index is not known,
// another interface can have the name.
func TestAnInterfaceThatWasAway(t *testing.T) {
	for name, c := range map[string]struct {
		index, indexBack int // 0: sysfs does not say
		back             uint64
		want             uint64
	}{
		"the same index":                   {2, 2, 5020, 5020},
		"the same index, started anew":     {2, 2, 20, 5000},
		"another index":                    {2, 9, 9000, 5000},
		"another index, counted less":      {2, 9, 20, 5000},
		"without an index":                 {0, 0, 9000, 5000},
		"without an index, counted less":   {0, 0, 20, 5000},
		"an index that was not known then": {0, 9, 9000, 5000},
	} {
		t.Run(name, func(t *testing.T) {
			show := func(b *bench, index int) {
				if index != 0 {
					dir := "sys/class/net/eth1/"
					for file, text := range map[string]string{"ifindex": fmt.Sprint(index), "iflink": fmt.Sprint(index), "type": "1", "device/x": ""} {
						b.Write(dir+file, text+"\n")
					}
				}
			}
			b := open(t, initial+sysLink("eth0", 1, "device/"))
			show(b, c.index)
			read := func(n uint64) (eth1, total uint64) {
				text := netDevHeader + counts{0: 100}.line("eth0")
				if n > 0 {
					text += counts{0: n}.line("eth1")
				}
				b.Write(dev, text)
				s := b.network()
				for i := range s.Interfaces {
					if s.Interfaces[i].Name == "eth1" {
						eth1 = s.Interfaces[i].Receive.Bytes.Or(0)
					}
				}
				b.after(time.Second)
				return eth1, s.Total.Receive.Bytes.Or(0)
			}
			_, before := read(5000)
			if c.index != 0 {
				b.Remove("sys/class/net/eth1")
			}
			for range 3 {
				_, total := read(0)
				expect(t, "total while it is away", total, before)
			}
			show(b, c.indexBack)
			got, total := read(c.back)
			expect(t, "eth1", got, c.want)
			expect(t, "growth of the total", total-before, c.want-5000)
			got, total = read(c.back + 7)
			expect(t, "eth1 a second later", got, c.want+7)
			expect(t, "growth of the total a second later", total-before, c.want-5000+7)
		})
	}
}

// An interface that appears later shows the kernel's counts. The total counts
// it from its first reading.
func TestAnInterfaceThatAppearsShowsTheKernelsCounts(t *testing.T) {
	b := open(t, initial)
	b.Write(dev, netDevHeader+counts{0: 100, 4: 10}.line("eth0"))
	b.network()
	b.after(time.Second)
	late := counts{7000, 70, 7, 1, 3000, 30, 3, 2}
	b.Write(dev, netDevHeader+counts{0: 100, 4: 10}.line("eth0")+late.line("eth1"))
	s := b.network()
	expect(t, "interface", countsOf(&s.Interfaces[1]), late)
	expect(t, "total", countsOf(&s.Total), counts{0: 100, 4: 10})
	b.after(time.Second)
	for n := range late {
		late[n] += uint64(n)
	}
	b.Write(dev, netDevHeader+counts{0: 100, 4: 10}.line("eth0")+late.line("eth1"))
	s = b.network()
	expect(t, "interface a second later", countsOf(&s.Interfaces[1]), late)
	expect(t, "total a second later", countsOf(&s.Total), counts{100, 1, 2, 3, 14, 5, 6, 7})
}
