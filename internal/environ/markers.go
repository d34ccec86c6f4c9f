package environ

import (
	"path"
	"slices"
)

// markerClaims looks at the marker files. They survive in machine images made
// from containers, so a default marker counts only with a second
// sign: a namespace of our own, a runtime's mount or path. One that the user
// added decides by itself.
func (d *detector) markerClaims() []claim {
	var all []claim
	second := d.secondSign()
	for _, name := range slices.Concat(d.in.UserMarkers, d.in.Markers) {
		if name == "/proc/1/cgroup" {
			if c, ok := d.initCgroup(); ok {
				all = append(all, c)
			}
			continue
		}
		if !d.isFile(name) {
			continue
		}
		runtime := d.runtimeOfMarker(name)
		switch {
		case slices.Contains(d.in.UserMarkers, name):
			all = append(all, claim{runtime: runtime, source: name, reason: "it is a marker file that the configuration names"})
		case second != "":
			all = append(all, claim{runtime: runtime, source: name, reason: "the marker file exists, and " + second})
		case !d.spaces.readable():
			all = append(all, claim{runtime: runtime, source: name, reason: "the marker file exists (weak: the namespaces could not be read)"})
		default:
			d.contradict(keyContainer, "yes", name, "a stray marker file: no namespace, path or mount sets this process apart from the host")
		}
	}
	// Podman's marker is asked before Docker's, which is the last of all.
	slices.SortStableFunc(all, func(a, b claim) int { return markerRank(a) - markerRank(b) })
	return all
}

func markerRank(c claim) int {
	switch path.Base(c.source) {
	case ".containerenv":
		return 1
	case ".dockerenv":
		return 2
	}
	return 0
}

func (d *detector) runtimeOfMarker(name string) string {
	switch {
	case path.Base(name) == ".dockerenv":
		return "docker"
	case path.Base(name) != ".containerenv":
		return ""
	case d.pod.found():
		// CRI-O binds one into every container; Podman is not a CRI.
		return "cri-o"
	}
	return "podman"
}

// secondSign is what makes a marker file believable.
func (d *detector) secondSign() string {
	switch {
	case d.identity.container:
		return d.identity.source + " speaks of a container"
	case d.pod.found() && !d.pod.weak:
		return d.pod.source + " speaks of a pod"
	case len(d.mounts.files) > 0:
		return mountSource(d.mounts.files[0].point) + " is a runtime's"
	}
	if ns := d.ownNamespace(); ns != "" {
		return "the " + ns + " namespace is not the initial one"
	}
	return ""
}

// initCgroup looks at PID 1's path. It is the container's first process only in a PID
// namespace of our own; with --pid=host it is the host's init. Never a source of ids.
func (d *detector) initCgroup() (claim, bool) {
	if !d.spaces.ownPID() {
		return claim{}, false
	}
	const name = "/proc/1/cgroup"
	b, err := d.read(name, maxSelf)
	if err != nil {
		return claim{}, false
	}
	for _, l := range (member{lines: parseMembership(b)}).ordered() {
		if l.shape.container {
			return claim{runtime: l.shape.runtime, source: name, reason: "the path of PID 1 has the form " + l.shape.rule}, true
		}
	}
	return claim{}, false
}
