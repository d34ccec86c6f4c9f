package environ

// Info is who this process is, as far as it can be known. The three answers
// are independent of each other: a gVisor container on KVM on Apple's
// hypervisor is all of them at once.
type Info struct {
	// Container is nil where nothing says that this is a container.
	// ContainerUnknown then tells "we could not look" from "it is none".
	Container        *Container
	ContainerUnknown bool

	// Virtualization is nil where the sources do not tell. Bare metal that is
	// proved has the Type "none".
	Virtualization *Virtualization

	// Sandbox is "gvisor" or "proot": a program that stands in for the kernel. It limits no resources.
	Sandbox string

	Cgroup   Cgroup
	Hostname string // of the UTS namespace that the root's /proc shows
	Kernel   string // /proc/sys/kernel/osrelease

	// Findings hold, for each answer above, where it came from and what
	// decided; contradictions are among them.
	Findings []Finding
	// Missing says what could have been known here, and from where.
	Missing []Missing

	ownPID         bool
	platformMemory uint64
	platformSource string
}

// PlatformMemory returns the memory limit, in bytes, that the platform tells its
// programs of where no cgroup can be seen, and what said so; 0: none.
func (i *Info) PlatformMemory() (limit uint64, source string) {
	return i.platformMemory, i.platformSource
}

// OwnPIDNamespace reports whether the process is in another PID namespace than
// the machine's init. It is false where that cannot be told.
func (i *Info) OwnPIDNamespace() bool { return i.ownPID }

// Container is the innermost container around this process. A field without
// evidence is empty.
type Container struct {
	// Runtime is the container.runtime.name: docker, podman, containerd,
	// cri-o, lxc, lxd, incus, systemd-nspawn, buildkit, garden, openvz … It is empty for
	// a container of unknown make.
	Runtime string
	// ID is the container's own id: never that of the pod's sandbox, of
	// an image layer or of a systemd unit.
	ID   string
	Name string // of an LXC or nspawn machine

	Orchestrator string // kubernetes, ecs, lambda, cloud_run …

	PodName       string
	PodUID        string
	PodHostname   string
	PodIP         string
	Namespace     string
	ContainerName string // in the pod's specification
	NodeName      string
	QOSClass      string // Guaranteed, Burstable, BestEffort
	SandboxID     string // of the pod's sandbox (pause) container
}

// Virtualization is the innermost virtual machine, or its absence.
type Virtualization struct {
	Type   string // one of the Type constants
	Role   string // RoleGuest or RoleHost; empty for TypeNone
	Vendor string // DMI's sys_vendor of the virtual machine
}

// Values of Virtualization.Type.
const (
	TypeNone        = "none" // bare metal: every source that could contradict was readable
	TypeACRN        = "acrn"
	TypeAmazon      = "amazon"
	TypeBhyve       = "bhyve"
	TypeBochs       = "bochs"
	TypeFirecracker = "firecracker"
	TypeGoogle      = "google"
	TypeHyperV      = "hyperv"
	TypeKVM         = "kvm"
	TypeOther       = "other" // certainly a guest, of a hypervisor that we do not know
	TypeParallels   = "parallels"
	TypePowerVM     = "powervm"
	TypeQEMU        = "qemu" // without KVM
	TypeQNX         = "qnx"
	TypeSRE         = "sre"
	TypeUML         = "uml"
	TypeVirtualBox  = "virtualbox"
	TypeVMware      = "vmware"
	TypeVZ          = "apple_vz"
	TypeWSL         = "wsl"
	TypeXen         = "xen"
	TypeZVM         = "zvm"
)

// Values of Virtualization.Role. A Xen dom0 is the host.
const (
	RoleGuest = "guest"
	RoleHost  = "host"
)

// Cgroup is where this process is among the control groups.
type Cgroup struct {
	// Version is v1, v2 or hybrid, by what is mounted; empty where no mount
	// contains our cgroup.
	Version string
	// Paths are the lines of /proc/self/cgroup, in the kernel's order.
	Paths []Path
	// Path is the one that counts: of the memory controller, else of v2.
	Path string
	// Namespace is "private" or "host", empty where it cannot be told.
	Namespace string
	// Unit and Slice are systemd's names of our place, such as web.service
	// in system.slice. They do not make a container.
	Unit, Slice string
}

// Path is our cgroup in one hierarchy.
type Path struct {
	Controllers string // as the kernel lists them; empty for v2
	Path        string
}
