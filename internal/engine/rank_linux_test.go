package engine

import "testing"

func TestRankOfName(t *testing.T) {
	for name, want := range map[string]rank{
		"eth0": uplink, "enp3s0": uplink, "wlan0": uplink, "ib0": uplink, "": uplink,
		"lo": repeated, "docker0": repeated, "br-1a2b3c": repeated, "cni0": repeated, "dummy0": repeated, "ifb1": repeated,
		"veth12ab": spare, "cali7f": spare, "tun0": spare, "wg0": spare, "eth0.100": spare, "bond0": spare, "flannel.1": spare,
		"lo1": uplink, // only lo is the loopback
	} {
		if got := rankOfName(name); got != want {
			t.Errorf("%q: %d, want %d", name, got, want)
		}
	}
}

// Whatever the kernel or somebody's name says, an interface that is in the total
// stands for nothing that is counted elsewhere, and without sysfs the name has the last word.
func FuzzRank(f *testing.F) {
	for _, name := range []string{"eth0", "lo", "veth1", "br-1", "eth0.5", "", "\xff", "wg0"} {
		f.Add(name, uint16(0))
		f.Add(name, uint16(1<<13-1))
	}
	f.Fuzz(func(t *testing.T, name string, bits uint16) {
		bit := func(n int) bool { return bits&(1<<n) != 0 }
		facts := linkFacts{
			known: bit(0), loopback: bit(1), hardware: bit(2), bond: bit(3), bondPort: bit(4), bridge: bit(5),
			port: bit(6), stacked: bit(7), peerHere: bit(9), software: bit(10), typed: bit(12),
		}
		if bit(8) {
			facts.elsewhere = 7
		}
		own := bit(11)
		got := facts.rank(name, own)
		switch {
		case got > uplink:
			t.Errorf("rank %d", got)
		case !facts.known && got != rankOfName(name):
			t.Errorf("%q: %d without sysfs, %d by the name", name, got, rankOfName(name))
		case facts.known && (facts.loopback || facts.bridge || facts.bondPort) && got != repeated:
			t.Errorf("%q is %d: %+v", name, got, facts)
		case facts.known && got == uplink && !facts.hardware && !facts.bond && (!own || facts.stacked || facts.port || facts.peerHere):
			t.Errorf("%q leads out of the machine with no hardware: %+v", name, facts)
		}
		// The choice agrees: the total never takes a repeated one, and it takes one at least where there is any other.
		s := &links{filter: &InterfaceFilter{}}
		list := s.relist()
		for i, n := range []string{name, "lo", "other"} {
			list.add(i+1, n)
		}
		s.present[0].facts = facts
		s.choose(own)
		counted := 0
		for _, l := range s.present {
			if l.counted {
				counted++
			}
			if l.counted && l.facts.rank(l.name, own) == repeated {
				t.Errorf("%q is counted, and repeats others", l.name)
			}
		}
		if counted == 0 {
			t.Error("nothing is counted")
		}
	})
}
