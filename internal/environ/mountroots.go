package environ

import (
	"path"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
)

// mounts is what /proc/self/mountinfo (proc_pid_mountinfo(5)) says about us. Field
// 4, the root, names where on its file system a bind mount comes from, and
// runtimes bind files out of folders that carry the container's id.
type mounts struct {
	readable bool
	cgroup   []cgroup.Mount
	ownRoot  string // why the root file system looks like a container's; "" where it does not
	files    []boundFile
	pods     []boundPod
}

// boundFile is a file that a runtime made for one container or one sandbox.
type boundFile struct {
	point, root string
	kind        fileKind
	id          string
}

type fileKind uint8

const (
	dockerFile  fileKind = iota + 1 // containers/ID/hostname
	sandboxFile                     // sandboxes/ID/hostname: containerd's CRI plugin
	podmanFile                      // overlay-containers/ID/userdata/hostname: Podman, CRI-O
)

// boundPod is something that the kubelet mounted from a pod's folder.
type boundPod struct {
	point, root string
	uid         string
	container   string // the container's name, where the mount tells it
}

// maxMountinfo holds 20000 mounts with long overlay options.
const maxMountinfo = 16 << 20

func (d *detector) readMounts() {
	const name = "/proc/self/mountinfo"
	b, err := d.read(name, maxMountinfo)
	d.failed(name, err)
	if err != nil {
		return
	}
	d.mounts.readable = true
	for m := range cgroup.Mounts(b) {
		d.mounts.add(m)
	}
}

func (s *mounts) add(m cgroup.Mount) {
	if othersMount(m.Point) {
		return
	}
	// A file that was replaced or removed on the host keeps its old path.
	m.Root = strings.TrimSuffix(m.Root, "//deleted")
	switch {
	case m.Type == "cgroup" || m.Type == "cgroup2":
		s.cgroup = append(s.cgroup, m)
		return
	case m.Point == "/":
		s.ownRoot = ownRoot(m) // mounts stack: the last one is on top
		return
	}
	if f, ok := parseBoundFile(m); ok {
		s.files = append(s.files, f)
	}
	if p, ok := parseBoundPod(m); ok {
		s.pods = append(s.pods, p)
	}
}

// othersMount reports whether a mount shows the host or another container,
// as agents mount them.
func othersMount(point string) bool {
	for _, dir := range []string{"/host", "/hostfs", "/rootfs"} {
		if point == dir || strings.HasPrefix(point, dir+"/") {
			return true
		}
	}
	return false
}

func ownRoot(m cgroup.Mount) string {
	switch {
	case m.Type == "overlay", m.Type == "fuse.fuse-overlayfs", m.Type == "aufs":
		return "the root file system is an overlay"
	case m.Root != "/" && m.Type != "btrfs":
		// The root of a btrfs installation is a subvolume on bare hosts too.
		return "the root is a folder of a larger file system"
	}
	return ""
}

// parseBoundFile matches trailing components only: the root is relative to its
// own file system, and a separate /run or data partition cuts the front off.
func parseBoundFile(m cgroup.Mount) (boundFile, bool) {
	switch m.Point {
	case "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv":
	default:
		return boundFile{}, false
	}
	f := boundFile{point: m.Point, root: m.Root}
	c := split(m.Root)
	n := len(c)
	if n < 3 || c[n-1] != path.Base(m.Point) {
		return f, false
	}
	switch {
	case c[n-3] == "containers" && isID(c[n-2]):
		f.kind, f.id = dockerFile, c[n-2]
	case c[n-3] == "sandboxes" && isID(c[n-2]):
		f.kind, f.id = sandboxFile, c[n-2]
	case n >= 4 && c[n-2] == "userdata" && isID(c[n-3]) && strings.HasSuffix(c[n-4], "-containers"):
		// The part in front is the storage driver: overlay, vfs, btrfs.
		f.kind, f.id = podmanFile, c[n-3]
	default:
		return f, false
	}
	return f, true
}

// parseBoundPod finds pods/UID/… in the root. On a node the kubelet's own
// mounts have such roots too, but their points lie in pods/UID/ as well.
func parseBoundPod(m cgroup.Mount) (boundPod, bool) {
	if _, _, ok := podFolder(m.Point); ok {
		return boundPod{}, false
	}
	uid, rest, ok := podFolder(m.Root)
	if !ok || len(rest) == 0 {
		return boundPod{}, false
	}
	p := boundPod{point: m.Point, root: m.Root, uid: uid}
	switch rest[0] {
	case "etc-hosts":
		return p, m.Point == "/etc/hosts" && len(rest) == 1
	case "volumes", "volume-subpaths":
		return p, true
	case "containers":
		// The kubelet makes one file per start of a container, for its
		// termination message: containers/NAME/8 hex digits.
		if len(rest) != 3 || !isLabel(rest[1]) || !isHex(rest[2], 8) {
			return p, false
		}
		p.container = rest[1]
		return p, true
	}
	return p, false
}

// podFolder returns the uid and what follows in .../pods/UID/...
func podFolder(name string) (uid string, rest []string, ok bool) {
	c := split(name)
	for i := len(c) - 2; i >= 0; i-- {
		if c[i] == "pods" && isPodUID(c[i+1]) {
			return c[i+1], c[i+2:], true
		}
	}
	return "", nil, false
}
