package environ

import "strings"

// shape is what the components of one cgroup path say.
type shape struct {
	container bool   // the path belongs to a container
	runtime   string // empty: known by other evidence only
	id        string
	name      string // of a machine that has a name and no id
	rule      string // the form that matched

	kubernetes bool   // there is a kubepods component
	podUID     string // of the innermost pod
	qos        string
	sandbox    string // id of a pod sandbox that the path names
}

// parseShape reads a cgroup path, or the root field of a cgroup mount. The
// innermost component that has a known form wins: a container in a container
// in a virtual machine is the inner one.
func parseShape(path string) shape {
	c := split(path)
	s := kubernetesShape(c)
	// crun puts the payload into a child of the container's cgroup, so that
	// systemd may own the parent.
	if len(c) > 1 && c[len(c)-1] == "container" {
		c = c[:len(c)-1]
	}
	for i := len(c) - 1; i >= 0; i-- {
		if uid, _ := podComponent(c[i]); uid != "" {
			// The cgroup of the pod itself. What lies further out is
			// the node's container (kind, k3d), not ours.
			return s
		}
		if at, ok := matchComponent(c, i); ok {
			s.container, s.runtime, s.id, s.name = at.container, at.runtime, at.id, at.name
			s.rule, s.sandbox = at.rule, at.sandbox
			return s
		}
	}
	return s
}

// split returns the components. Empty ones do not count; ".." is kept, and matches nothing.
func split(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// matchComponent tries the forms that a runtime gives to component i.
func matchComponent(c []string, i int) (shape, bool) {
	whole, parent, child := c[i], "", ""
	if i > 0 {
		parent = c[i-1]
	}
	if i+1 < len(c) {
		child = c[i+1]
	}
	base, scoped := strings.CutSuffix(whole, ".scope")
	switch {
	case child == "conmon", child == "supervisor" && strings.HasPrefix(base, "machine-"):
		// The process that watches the container from outside.
		return shape{}, false
	case parent == "buildkit":
		// The id of a build step is forgotten when the step ends.
		return shape{container: true, runtime: "buildkit", rule: "buildkit/STEP"}, true
	case parent == "lxc", parent == "lxc.payload":
		return named("lxc", whole, parent+"/NAME"), true
	case strings.HasPrefix(whole, "lxc.payload.") && !scoped:
		return named("lxc", whole[len("lxc.payload."):], "lxc.payload.NAME"), true
	case scoped && strings.HasPrefix(base, "machine-"):
		return machineScope(base[len("machine-"):])
	case isID(base):
		return shape{container: true, runtime: runtimeOfParent(parent), id: base, rule: bareRule(parent)}, true
	case parent == "garden" && (isGroups(whole, 8, 4, 4, 4, 4) || isUUID(whole)):
		return shape{container: true, runtime: "garden", id: whole, rule: "garden/ID"}, true
	case isFargate(c, i):
		return shape{container: true, id: whole, rule: "ecs/TASK/TASK-NUMBER"}, true
	}
	if uid, _ := podComponent(parent); uid != "" && isUUID(whole) {
		return shape{container: true, id: whole, rule: "podUID/UUID"}, true
	}
	return prefixed(base, scoped, parent)
}

// named is a container that has a name instead of an id.
func named(runtime, name, rule string) shape {
	return shape{container: true, runtime: runtime, name: clean(unescapeUnit(name)), rule: rule}
}

// machineScope reads the scope of a machine registered with systemd-machined.
func machineScope(name string) (shape, bool) {
	name = unescapeUnit(name)
	if strings.HasPrefix(name, "qemu-") || name == "" {
		// libvirt's scope around a QEMU process: that process is on the host.
		return shape{}, false
	}
	runtime := "systemd-nspawn"
	if strings.HasPrefix(name, "lxc-") {
		runtime = "lxc-libvirt"
	}
	return shape{container: true, runtime: runtime, name: clean(name), rule: "machine-NAME.scope"}, true
}

func runtimeOfParent(parent string) string {
	switch parent {
	case "docker", "actions_job":
		return "docker"
	}
	return ""
}

func bareRule(parent string) string {
	switch parent {
	case "docker", "actions_job":
		return parent + "/ID"
	}
	return "ANY/ID"
}

// isFargate matches ecs/TASK/TASK-NUMBER of the Fargate platform 1.4.
func isFargate(c []string, i int) bool {
	if i < 2 || c[i-2] != "ecs" || !isHex(c[i-1], 32) {
		return false
	}
	number, ok := strings.CutPrefix(c[i], c[i-1]+"-")
	return ok && isDigits(number) && len(number) <= 20
}

// unitPrefixes are what the systemd cgroup drivers put in front of an id.
// Those that also name plain folders, without ".scope", say so.
var unitPrefixes = []struct {
	prefix, runtime string
	plain           bool
}{
	{"docker", "docker", false},
	{"cri-containerd", "containerd", false},
	{"nerdctl", "containerd", false},
	{"crio", "cri-o", true},
	{"libpod-payload", "podman", true},
	{"libpod", "podman", true},
}

func prefixed(base string, scoped bool, parent string) (shape, bool) {
	for _, u := range unitPrefixes {
		// runc without systemd makes a plain folder of the systemd triple
		// "system.slice:cri-containerd:ID".
		if front, id, ok := cutLast(base, ":"); ok {
			if !scoped && strings.HasSuffix(front, ":"+u.prefix) && isID(id) {
				return shape{container: true, runtime: u.runtime, id: id, rule: "SLICE:" + u.prefix + ":ID"}, true
			}
			continue
		}
		id, ok := strings.CutPrefix(base, u.prefix+"-")
		switch {
		case !ok || !isID(id):
			continue
		case scoped:
			return shape{container: true, runtime: u.runtime, id: id, rule: u.prefix + "-ID.scope"}, true
		case u.prefix == "crio" && strings.HasSuffix(parent, ".slice"):
			// CRI-O with the systemd driver makes scopes for containers
			// and a plain folder for the pod's sandbox.
			return shape{sandbox: id}, true
		case u.plain:
			return shape{container: true, runtime: u.runtime, id: id, rule: u.prefix + "-ID"}, true
		}
	}
	return shape{}, false
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// unescapeUnit undoes the \x2d escapes of systemd unit names (systemd.unit(5)).
func unescapeUnit(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) && s[i+1] == 'x' && isHex(s[i+2:i+4], 2) {
			out.WriteByte(unhex(s[i+2])<<4 | unhex(s[i+3]))
			i += 3
			continue
		}
		out.WriteByte(s[i])
	}
	return out.String()
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
