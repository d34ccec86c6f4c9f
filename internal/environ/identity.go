package environ

// candidate is a source that tells a container: its id, its name or its runtime.
type candidate struct {
	shape
	source string
	reason string
}

// findIdentity walks the sources of the id, the most trustworthy first. Within
// one rank, two different ids cancel each other: no id is better than a wrong one.
func (d *detector) findIdentity() {
	ranks := [][]candidate{}
	for _, l := range d.member.ordered() {
		if l.shape.container {
			ranks = append(ranks, []candidate{{l.shape, selfCgroup, "the path has the form " + l.shape.rule}})
		}
		if l.shape.sandbox != "" {
			d.sandboxID(l.shape.sandbox, selfCgroup, "a folder crio-ID below a slice is the pod's sandbox")
		}
	}
	ranks = append(ranks, d.cgroupRoots(), d.boundFiles())
	for _, rank := range ranks {
		if c, ok := d.agreed(rank); ok {
			d.candidates = append(d.candidates, c)
		}
	}
	if len(d.candidates) > 0 {
		d.identity = d.candidates[0]
	}
}

// agreed returns what all sources of a rank say.
func (d *detector) agreed(rank []candidate) (candidate, bool) {
	if len(rank) == 0 {
		return candidate{}, false
	}
	for _, c := range rank[1:] {
		if c.id != rank[0].id {
			d.contradict(keyID, "", c.source, "two mounts of equal rank name different containers, "+rank[0].id+" and "+c.id)
			return candidate{}, false
		}
	}
	return rank[0], true
}

// cgroupRoots reads the roots of the cgroup mounts. In a private cgroup
// namespace the path is "/", but where the runtime bound our own cgroup in
// from outside, the mount still says which one it is.
func (d *detector) cgroupRoots() []candidate {
	var all []candidate
	for _, m := range d.mounts.cgroup {
		s := parseShape(m.Root)
		if !s.container || s.id == "" || !d.atTop(m.Options, m.Type == "cgroup2") {
			continue
		}
		all = append(all, candidate{s, mountSource(m.Point), "the root of the mount has the form " + s.rule})
	}
	return all
}

// atTop reports whether our path in the hierarchy of a mount is "/".
// Anywhere else the path itself tells, and the mount may be another container's.
func (d *detector) atTop(options []string, v2 bool) bool {
	if v2 {
		p, ok := d.member.path("")
		return ok && p == "/"
	}
	for _, o := range options {
		if p, ok := d.member.path(o); ok {
			return p == "/"
		}
	}
	return false
}

func mountSource(point string) string { return "/proc/self/mountinfo: " + point }

// boundFiles reads the files that runtimes bind into their containers. In a pod they
// belong to the sandbox: Kubernetes shares them among the pod's containers.
func (d *detector) boundFiles() []candidate {
	var all []candidate
	for _, f := range d.mounts.files {
		runtime, reason := f.maker(d.pod.found())
		source := mountSource(f.point)
		switch {
		case f.kind == sandboxFile:
			d.sandboxID(f.id, source, reason)
		case d.pod.found():
			if f.kind == podmanFile && (f.point == "/etc/hosts" || f.point == "/etc/resolv.conf") {
				continue
			}
			d.sandboxID(f.id, source, reason)
		case f.kind == podmanFile && (f.point == "/etc/hosts" || f.point == "/etc/resolv.conf"):
			// In a Podman pod these two come from the infra container.
			continue
		default:
			all = append(all, candidate{shape{container: true, runtime: runtime, id: f.id}, source, reason})
		}
	}
	return all
}

// maker returns the runtime that binds such a file.
func (f boundFile) maker(pod bool) (runtime, reason string) {
	switch {
	case f.kind == sandboxFile:
		return "containerd", "its root ends in sandboxes/ID: the pod's sandbox"
	case f.kind == dockerFile && pod:
		return "docker", "its root ends in containers/ID, in a pod: the pod's sandbox of cri-dockerd"
	case f.kind == dockerFile:
		return "docker", "its root ends in containers/ID"
	case pod:
		return "cri-o", "its root ends in overlay-containers/ID/userdata, in a pod: the pod's sandbox of CRI-O"
	}
	return "podman", "its root ends in overlay-containers/ID/userdata"
}

// sandboxID remembers the pod's sandbox, for diagnostics only.
func (d *detector) sandboxID(id, source, reason string) {
	switch {
	case d.identity.id == id:
	case d.sandbox == "":
		d.sandbox = id
		d.find(keySandboxID, id, source, reason)
	case d.sandbox != id:
		d.contradict(keySandboxID, id, source, reason)
	}
}
