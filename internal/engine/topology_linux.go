package engine

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

const (
	netClass   = "/sys/class/net"
	maxClass   = 1 << 20 // interfaces that are listed
	smallFile  = 4096
	arpLoop    = 772 // ARPHRD_LOOPBACK
	linkFolder = 4096
)

// topologyReader reads /sys/class/net once. sysfs shows the namespace of
// whoever mounted it, which need not be the process's.
type topologyReader struct {
	ctx     context.Context
	opener  *kernfs.Opener
	foreign bool
}

// newTopologyReader compares the names: a sysfs that has others is of another namespace.
func newTopologyReader(ctx context.Context, o *kernfs.Opener, raws []rawLink) *topologyReader {
	r := &topologyReader{ctx: ctx, opener: o}
	names, err := guarded(ctx, o, netClass, func(root hostfs.Root) ([]string, error) { return root.ReadDir(netClass, maxClass) })
	names = slices.DeleteFunc(names, func(n string) bool { return n == "bonding_masters" })
	r.foreign = err != nil || len(names) != len(raws)
	if !r.foreign {
		slices.Sort(names)
		r.foreign = slices.ContainsFunc(raws, func(l rawLink) bool {
			_, ok := slices.BinarySearch(names, l.name)
			return !ok
		})
	}
	return r
}

// index returns the kernel's number of an interface, 0 where sysfs does not tell.
func (r *topologyReader) index(name string) int {
	return ask(r, name, func(l sysfsLink) int { return l.number("ifindex") })
}

// facts returns what sysfs says, if it speaks of this interface.
func (r *topologyReader) facts(name string, index int) linkFacts {
	if index == 0 {
		return linkFacts{}
	}
	return ask(r, name, func(l sysfsLink) linkFacts { return l.facts(index) })
}

// ask makes one guarded call of what is asked of an interface. Once it hung, nothing more is asked.
func ask[T any](r *topologyReader, name string, read func(sysfsLink) T) (answer T) {
	if r.foreign {
		return answer
	}
	dir := netClass + "/" + name
	answer, err := guarded(r.ctx, r.opener, dir, func(root hostfs.Root) (T, error) { return read(sysfsLink{root, dir}), nil })
	r.foreign = err != nil
	return answer
}

// sysfsLink is the folder of one interface.
type sysfsLink struct {
	root hostfs.Root
	dir  string
}

func (l sysfsLink) read(file string) ([]byte, error) {
	return l.root.ReadFile(l.dir+"/"+file, smallFile)
}

// number returns 0 where the file tells none: an index begins at 1, and what is
// compared with it is then not the case.
func (l sysfsLink) number(file string) int {
	b, err := l.read(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

func (l sysfsLink) facts(index int) (f linkFacts) {
	if l.number("ifindex") != index {
		return f
	}
	entries, err := l.root.ReadDir(l.dir, linkFolder)
	if err != nil {
		return f
	}
	f.known = true
	for _, e := range entries {
		switch {
		case e == "device":
			f.hardware = true
		case e == "bridge":
			f.bridge = true
		case e == "bonding":
			f.bond = true
		case e == "bonding_slave":
			f.bondPort = true
		case e == "master":
			f.port = true
		case e == "tun_flags":
			f.software = true
		case strings.HasPrefix(e, "lower_"):
			f.stacked = true
		}
	}
	f.loopback = l.number("type") == arpLoop
	f.typed = l.typed()
	if other := l.number("iflink"); other != index && !f.stacked {
		f.elsewhere = other
	}
	// What the drivers of veth and tun say is a constant that limits nobody.
	if veth := f.elsewhere != 0 && !f.typed && !f.hardware; veth || f.software || f.loopback {
		return f
	}
	if b, err := l.read("speed"); err == nil {
		f.speed, _ = procfs.ParseLinkSpeed(b)
	}
	return f
}

func (l sysfsLink) typed() bool {
	b, _ := l.read("uevent")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			return v != ""
		}
	}
	return false
}

// pair marks the veths whose two ends name each other: an index alone may be
// one of another namespace.
func pair(present []*link) {
	byIndex := map[int]*link{}
	for _, l := range present {
		byIndex[l.index] = l
	}
	for _, l := range present {
		peer := byIndex[l.facts.elsewhere]
		l.facts.peerHere = peer != nil && peer != l && l.index != 0 && peer.facts.elsewhere == l.index
	}
}
