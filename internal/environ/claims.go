package environ

import "strings"

// claims lists the evidence in the order in which it decides. stop means that
// something proved that this is no container.
func (d *detector) claims() (all []claim, stop bool) {
	add := func(c claim, ok bool) {
		if ok {
			all = append(all, c)
		}
	}
	if d.info.Sandbox == "gvisor" {
		// gVisor's runsc is an OCI runtime: whoever runs it, it runs a container.
		add(claim{source: d.sandboxSource, reason: "gVisor runs containers"}, true)
	}
	add(d.openVZ())
	add(d.managerFile("/run/host/container-manager"))
	pid1, empty := d.ownVariable()
	if empty {
		d.find(keyContainer, "none", "$container", "PID 1 has the variable set but empty: it is not in a container")
		return nil, true
	}
	add(pid1, pid1.source != "")
	add(d.managerFile("/run/systemd/container"))
	add(d.initVariable())
	all = append(all, d.pathClaims()...)
	all = append(all, d.markerClaims()...)
	add(d.apptainer())
	add(d.platformClaim())
	add(d.namespaceClaim())
	for _, c := range all {
		if c.runtime != "" {
			return all, false
		}
	}
	if len(all) > 0 {
		add(d.inheritedVariable())
	}
	return all, false
}

// openVZ: /proc/vz is on hosts and containers, /proc/bc on hosts only.
func (d *detector) openVZ() (claim, bool) {
	if !d.exists("/proc/vz") || d.exists("/proc/bc") {
		return claim{}, false
	}
	return claim{runtime: "openvz", source: "/proc/vz", reason: "it exists and /proc/bc does not"}, true
}

// managerFile reads the file in which a manager leaves its name (the container
// interface of systemd).
func (d *detector) managerFile(name string) (claim, bool) {
	text, ok := d.decisive(name)
	value := firstLine([]byte(text))
	if !ok || value == "" {
		return claim{}, false
	}
	c, ok := variable(value, name)
	c.mutable = false
	return c, ok
}

// ownVariable is the variable "container" where we are PID 1. A boot loader may
// set it to the empty string to say that there is none.
func (d *detector) ownVariable() (c claim, empty bool) {
	if d.in.PID != 1 {
		return claim{}, false
	}
	value, ok := d.env("container")
	if !ok {
		return claim{}, false
	}
	if value == "" {
		return claim{}, true
	}
	c, _ = variable(value, "$container")
	return c, false
}

// initVariable is that of PID 1. With --pid=host PID 1 is the host's, and its
// environment is denied to us: no error, other sources follow.
func (d *detector) initVariable() (claim, bool) {
	const name = "/proc/1/environ"
	b, err := d.read(name, 1<<20)
	if err != nil {
		return claim{}, false
	}
	for entry := range strings.SplitSeq(string(b), "\x00") {
		if value, ok := strings.CutPrefix(entry, "container="); ok && value != "" {
			return variable(value, name)
		}
	}
	return claim{}, false
}

// inheritedVariable names the runtime where it is known otherwise that this is
// a container: LXC sets the variable for the program it runs, which need not be PID 1.
func (d *detector) inheritedVariable() (claim, bool) {
	value, _ := d.env("container")
	if value == "" || !d.spaces.ownPID() {
		return claim{}, false
	}
	return variable(value, "$container")
}

// variable reads the name that a container manager gives itself.
func variable(value, source string) (claim, bool) {
	c := claim{source: source, reason: "it says " + clean(value), mutable: true}
	switch value {
	case "lxc", "lxc-libvirt", "systemd-nspawn", "docker", "podman", "rkt", "pouch":
		c.runtime = value
	case "wsl", "proot":
		// A machine and a sandbox of their own: both are found elsewhere.
		return claim{}, false
	}
	// "oci" and names we do not know: a container, and others may know its make.
	return c, true
}

// pathClaims turns the cgroup path and the mount roots into claims.
func (d *detector) pathClaims() []claim {
	var all []claim
	if c := d.identity; c.container {
		all = append(all, claim{runtime: c.runtime, source: c.source, reason: c.reason, kernel: true})
	}
	if !d.pod.weak && d.pod.found() {
		all = append(all, claim{source: d.pod.source, reason: d.pod.reason})
	}
	for _, f := range d.mounts.files {
		runtime, reason := f.maker(d.pod.found())
		if d.identity.container && d.identity.runtime != "" {
			break // the path knows better than the sandbox's files
		}
		all = append(all, claim{runtime: runtime, source: mountSource(f.point), reason: reason, kernel: true})
	}
	return all
}

// apptainer leaves /.singularity.d in every image it builds, and sets the variable when it runs one.
func (d *detector) apptainer() (claim, bool) {
	v, _ := d.env("APPTAINER_CONTAINER")
	if v == "" || !d.exists("/.singularity.d") {
		return claim{}, false
	}
	return claim{runtime: "apptainer", source: "$APPTAINER_CONTAINER", reason: "it is set, and /.singularity.d exists"}, true
}

// namespaceClaim: nothing names a runtime, but we are walled off.
func (d *detector) namespaceClaim() (claim, bool) {
	if d.spaces.ownCgroup() {
		return claim{source: "/proc/self/ns/cgroup", reason: "the cgroup namespace is not the initial one"}, true
	}
	if file, reason := d.privateRoot(); file != "" {
		return claim{source: file, reason: reason}, true
	}
	// ctr runs in the host's cgroup namespace and leaves no mark at all.
	if d.spaces.ownPID() && d.mounts.ownRoot != "" {
		return claim{source: "/proc/self/ns/pid", reason: "the PID namespace is not the initial one and " + d.mounts.ownRoot + " (weak)"}, true
	}
	return claim{}, false
}
