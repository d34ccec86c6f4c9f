package environ

import "slices"

// claim is one piece of evidence for a container.
type claim struct {
	runtime string // empty: a container of unknown make
	source  string
	reason  string
	// mutable evidence is text that an image can carry: the variable
	// "container". What the kernel says of a runtime beats it.
	mutable bool
	kernel  bool // from a cgroup path or a mount
}

// decideContainer asks the sources in the order of systemd, extended. The first one decides
// that this is a container; the first one that knows the runtime names it.
// Names prove nothing: a loaded module, an installed program, a 12-digit hostname.
func (d *detector) decideContainer() {
	claims, stop := d.claims()
	if stop {
		d.info.Findings = slices.DeleteFunc(d.info.Findings, func(f Finding) bool { return f.Key == keyID || f.Key == keySandboxID })
		return
	}
	if len(claims) == 0 {
		d.noContainer()
		return
	}
	first := claims[0]
	d.info.Container = new(Container)
	d.find(keyContainer, "yes", first.source, first.reason)
	named := d.nameRuntime(claims)
	d.applyIdentity(named.runtime)
	if r := d.info.Container.Runtime; r != "" {
		d.find(keyRuntime, r, named.source, named.reason)
	}
}

// nameRuntime picks the runtime's name and lists who says otherwise.
func (d *detector) nameRuntime(claims []claim) claim {
	var named claim
	for _, c := range claims {
		switch {
		case c.runtime == "", c.runtime == named.runtime:
		case named.runtime == "":
			named = c
		case named.mutable && named.runtime == "docker" && c.kernel:
			// Docker sets no variable "container", but images carry
			// "ENV container=docker" into every runtime.
			d.contradict(keyRuntime, named.runtime, named.source, named.reason+", which only images set; "+c.source+" names the runtime")
			named = c
		default:
			d.contradict(keyRuntime, c.runtime, c.source, c.reason)
		}
	}
	d.info.Container.Runtime = d.refine(named.runtime)
	return named
}

// refine tells LXD and Incus from LXC by the socket that they offer their guests.
func (d *detector) refine(runtime string) string {
	if runtime == "lxc" {
		switch {
		case d.exists("/dev/incus/sock"):
			return "incus"
		case d.exists("/dev/lxd/sock"):
			return "lxd"
		}
	}
	return runtime
}

// applyIdentity takes over id and name of the best candidate that is the container which the
// claims speak of: an nspawn machine inside Docker's cgroup does not have Docker's id.
func (d *detector) applyIdentity(runtime string) {
	c := d.info.Container
	if d.pod.found() {
		c.SandboxID = d.sandbox
	}
	taken := false
	for _, id := range d.candidates {
		switch {
		case id.runtime != "" && runtime != "" && id.runtime != runtime:
			if id.id != "" {
				d.contradict(keyID, id.id, id.source, id.reason+": another runtime's, so an outer container")
			}
		case !taken:
			taken = true
			c.ID, c.Name = id.id, id.name
			if c.ID != "" {
				d.find(keyID, c.ID, id.source, id.reason)
			}
			if c.Name != "" {
				d.find(keyName, c.Name, id.source, id.reason)
			}
		case id.id != "" && id.id != c.ID:
			// Ordinary where containers share a network: hostname, hosts and
			// resolv.conf are then the other container's.
			d.contradict(keyID, id.id, id.source, id.reason)
		}
	}
}

// noContainer is the answer without evidence: "none" only if the sources
// that would have known could be read.
func (d *detector) noContainer() {
	switch {
	case !d.member.readable || !d.mounts.readable:
		d.info.ContainerUnknown = true
		d.find(keyContainer, "", selfCgroup, "no evidence, but /proc/self could not be read")
	case d.spaces.pid == 0 && d.spaces.cgroup == 0:
		d.info.ContainerUnknown = true
		d.find(keyContainer, "", "/proc/self/ns", "no evidence, but the namespaces could not be read")
	default:
		d.find(keyContainer, "none", selfCgroup, "no source speaks of a container, and the deciding ones could be read")
	}
}
