package environ

import (
	"strconv"
	"strings"
)

// spaces are the namespaces of this process, by the inodes that the links in
// /proc/self/ns carry. 0: the link could not be read.
type spaces struct {
	cgroup, pid, uts, ipc, mnt uint64
}

// Inodes of the initial namespaces (include/linux/proc_ns.h). They are part of the kernel's
// interface: PROC_IPC_INIT_INO and its neighbors.
const (
	initialCgroup = 4026531835
	initialPID    = 4026531836
	initialUTS    = 4026531838
	initialIPC    = 4026531839
)

func (d *detector) readNamespaces() {
	for name, inode := range map[string]*uint64{
		"cgroup": &d.spaces.cgroup, "pid": &d.spaces.pid, "uts": &d.spaces.uts, "ipc": &d.spaces.ipc, "mnt": &d.spaces.mnt,
	} {
		link, err := guarded(d, func() (string, error) { return d.in.Root.Readlink("/proc/self/ns/" + name) })
		if err == nil {
			*inode = parseNamespace(link, name)
		}
	}
	d.info.ownPID = d.spaces.ownPID()
}

// parseNamespace reads "pid:[4026531836]".
func parseNamespace(link, name string) uint64 {
	n, ok := strings.CutPrefix(link, name+":[")
	n, ok2 := strings.CutSuffix(n, "]")
	inode, err := strconv.ParseUint(n, 10, 64)
	if !ok || !ok2 || err != nil {
		return 0
	}
	return inode
}

// readable reports whether enough links could be read to say "initial" of all of them.
func (s spaces) readable() bool { return s.pid != 0 && s.uts != 0 }

func (s spaces) ownPID() bool    { return s.pid != 0 && s.pid != initialPID }
func (s spaces) ownCgroup() bool { return s.cgroup != 0 && s.cgroup != initialCgroup }

// own names a namespace that tells this process from the host's init, or "".
//
// systemd itself gives hardened services a UTS, an IPC and a mount
// namespace (ProtectHostname=, PrivateIPC=, PrivateTmp=): in one of its units these three
// say nothing. The initial mount namespace has a fixed inode, 4026531832,
// on recent kernels only; before, it got the first free one, and 6.1 was
// seen with 4026531841. It therefore counts only with a root file system of our own.
func (d *detector) ownNamespace() string {
	s := d.spaces
	unit := d.info.Cgroup.Unit != ""
	switch {
	case s.ownPID():
		return "pid"
	case s.ownCgroup():
		return "cgroup"
	case unit:
		return ""
	case s.uts != 0 && s.uts != initialUTS:
		return "uts"
	case s.ipc != 0 && s.ipc != initialIPC:
		return "ipc"
	case s.mnt != 0 && !initialMount(s.mnt) && d.mounts.ownRoot != "":
		return "mnt"
	}
	return ""
}

// initialMount knows the fixed inode and those that dynamic allocation gives
// during boot, which starts at 4026531840.
func initialMount(inode uint64) bool {
	return inode == 4026531832 || inode >= 4026531840 && inode < 4026531848
}
