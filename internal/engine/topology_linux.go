package engine

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

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
	iflink  map[string]int // of those that were read
}

// newTopologyReader compares the names: a sysfs that has others is of another namespace.
func newTopologyReader(ctx context.Context, o *kernfs.Opener, raws []rawLink) *topologyReader {
	r := &topologyReader{ctx: ctx, opener: o, iflink: map[string]int{}}
	names, err := boundedly(ctx, o, func() ([]string, error) { return o.Root.ReadDir(netClass, maxClass) })
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

// boundedly runs read with a time limit under a root of files, where anything
// may hang; what the kernel shows of itself does not.
func boundedly[T any](ctx context.Context, o *kernfs.Opener, read func() (T, error)) (v T, err error) {
	if o.Root.IsHost() {
		return read()
	}
	out := make(chan T, 1) // not a variable: what was abandoned may still return
	if _, err = o.Guard.Do(ctx, func() error {
		v, err := read()
		out <- v
		return err
	}, func(error) {}); err == nil {
		v = <-out
	}
	return v, err
}

func (r *topologyReader) read(name, file string) ([]byte, error) {
	b, err := boundedly(r.ctx, r.opener, func() ([]byte, error) {
		return r.opener.Root.ReadFile(netClass+"/"+name+"/"+file, smallFile)
	})
	if errors.Is(err, kernfs.ErrHung) {
		r.foreign = true // nothing more is asked of it
	}
	return b, err
}

func (r *topologyReader) number(name, file string) int {
	b, err := r.read(name, file)
	if err != nil {
		return 0
	}
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}

// index returns the kernel's number of an interface, 0 where sysfs does not tell.
func (r *topologyReader) index(name string) int {
	if r.foreign {
		return 0
	}
	return r.number(name, "ifindex")
}

// facts returns what sysfs says, if it speaks of this interface.
func (r *topologyReader) facts(name string, index int) (f linkFacts) {
	if r.foreign || index == 0 || r.number(name, "ifindex") != index {
		return f
	}
	entries, err := boundedly(r.ctx, r.opener, func() ([]string, error) { return r.opener.Root.ReadDir(netClass+"/"+name, linkFolder) })
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
	f.loopback = r.number(name, "type") == arpLoop
	f.kind = r.kind(name)
	if link := r.number(name, "iflink"); link != 0 && link != index && !f.stacked {
		f.elsewhere = true
		r.iflink[name] = link
	}
	// What the drivers of veth and tun say is a constant that limits nobody.
	if veth := f.elsewhere && f.kind == "" && !f.hardware; veth || f.software || f.loopback {
		return f
	}
	if b, err := r.read(name, "speed"); err == nil {
		f.speed, _ = procfs.ParseLinkSpeed(b)
	}
	return f
}

func (r *topologyReader) kind(name string) string {
	b, _ := r.read(name, "uevent")
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVTYPE="); ok {
			return v
		}
	}
	return ""
}

// pair marks the veths whose two ends name each other: an index alone may be
// one of another namespace.
func (r *topologyReader) pair(present []*link) {
	byIndex := map[int]*link{}
	for _, l := range present {
		byIndex[l.index] = l
	}
	for _, l := range present {
		peer := byIndex[r.iflink[l.name]]
		if peer != nil && peer != l && r.iflink[peer.name] == l.index && l.index != 0 {
			l.facts.peerHere = true
		}
	}
}
