package engine

import (
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// linkFacts is what sysfs says of an interface (/sys/class/net/IFACE,
// Documentation/ABI/testing/sysfs-class-net).
type linkFacts struct {
	known     bool           // false: sysfs is masked, or shows another namespace; the name has to do
	loopback  bool           // type is ARPHRD_LOOPBACK
	hardware  bool           // device: a bus has it, PCI, virtio, USB
	bond      bool           // bonding
	bondPort  bool           // bonding_slave: a bond counts its traffic as well
	bridge    bool           // bridge
	port      bool           // master: of a bridge, a bond, a VRF, Open vSwitch
	stacked   bool           // lower_*: it stands on another interface of this namespace
	software  bool           // tun_flags: a program is the other end
	typed     bool           // uevent has a DEVTYPE: vlan, vxlan, wireguard
	peerHere  bool           // both ends of the veth are in this namespace
	elsewhere int            // iflink, where it names one of another namespace: the peer of a veth, what a macvlan stands on
	speed     sample.OptUint // bits per second
}

// rank says how an interface takes part in the total.
type rank uint8

const (
	// repeated: what passes here is counted elsewhere, or leaves nobody.
	repeated rank = iota
	// spare counts where the namespace has no uplink: the tap of a rootless
	// container, a namespace whose only interface is a tunnel or a veth of any name.
	spare
	// uplink leads out of the namespace.
	uplink
)

// rank decides. own says that the namespace is not the machine's, whose
// virtual interfaces lead to containers; those of a container lead out.
func (f *linkFacts) rank(name string, own bool) rank {
	if !f.known {
		return rankOfName(name)
	}
	switch {
	case f.loopback, f.bridge, f.bondPort:
		return repeated
	case f.hardware, f.bond:
		return uplink
	case f.stacked, f.port, f.peerHere:
		// A VLAN, a macvlan, a team, the host's end of a container's veth.
		return repeated
	case f.elsewhere != 0:
		if own && !prefixed(name, hostEnds) {
			return uplink
		}
		return spare
	}
	// Virtual and alone. A tunnel says so, of the rest there is only the name: a
	// dummy is one of them, and a container's veth whose peer has the same index.
	if r := rankOfName(name); r < uplink || own && !f.software && !f.typed {
		return r
	}
	return spare
}

// rankOfName is for what sysfs does not tell.
func rankOfName(name string) rank {
	switch {
	case name == "lo", prefixed(name, sinks):
		return repeated
	case strings.Contains(name, "."), prefixed(name, stands), prefixed(name, hostEnds):
		return spare
	}
	return uplink
}

// sinks only repeat others or lead nowhere: bridges, dummies.
var sinks = []string{
	"docker", "br-", "br0", "bridge", "virbr", "cni", "lxcbr", "lxdbr", "incusbr", "podman", "cbr", "kube-bridge",
	"ovs-", "vrf", "dummy", "ifb", "nlmon", "kube-ipvs", "nodelocaldns",
}

// stands are on top of another interface, where there is one: tunnels, VLANs, bonds beside their members.
var stands = []string{
	"tun", "tap", "wg", "tailscale", "ppp", "sit", "gre", "erspan", "ip6tnl", "ip6gre", "ip_vti", "ip6_vti",
	"ipip", "tunl", "vxlan", "flannel", "geneve", "genev_sys", "cilium", "teql", "zt", "utun",
	"bond", "team", "vlan", "macvlan", "macvtap", "ipvlan",
}

// hostEnds are what container runtimes call their end of a container's veth.
var hostEnds = []string{"veth", "cali", "lxc", "vnet", "ve-", "vb-", "azv", "gke", "eni"}

func prefixed(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

// choose decides which of the present interfaces the total counts.
func (s *links) choose(own bool) {
	if s.filter.Decides() {
		for _, l := range s.present {
			l.counted = l.shown
		}
		return
	}
	// An uplink that is filtered out still is one: what stands on it repeats it.
	least := spare
	for _, l := range s.present {
		if l.facts.rank(l.name, own) == uplink {
			least = uplink
		}
	}
	for _, l := range s.present {
		l.counted = l.shown && l.facts.rank(l.name, own) >= least
	}
}

// leave makes every interface one that left: the namespace is another.
func (s *links) leave() {
	s.gone = append(s.gone, s.present...)
	s.present = nil
	for _, l := range s.gone {
		l.hold(new(device))
	}
}
