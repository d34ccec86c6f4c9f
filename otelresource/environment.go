package otelresource

// EnvironmentInfo is where the process runs, and why it is thought so. A nil
// pointer means "not so", or that there is no evidence for it.
type EnvironmentInfo struct {
	Platform       string              `json:"platform"`                 // container, virtual_machine or host
	OS             string              `json:"os"`                       // runtime.GOOS
	Kernel         string              `json:"kernel,omitempty"`         // its release, as uname -r prints it
	Arch           string              `json:"arch"`                     // runtime.GOARCH
	Hostname       string              `json:"hostname,omitempty"`       // the kernel's, in a container the container's
	Container      *ContainerInfo      `json:"container,omitempty"`      // nil: in no container
	Cgroup         *CgroupInfo         `json:"cgroup,omitempty"`         // nil: no cgroup is visible, as on macOS
	Virtualization *VirtualizationInfo `json:"virtualization,omitempty"` // nil: nothing tells
	// Evidence says for every answer which file or variable it came from and
	// which rule decided; contradictions are listed, not hidden.
	Evidence []Finding `json:"evidence,omitempty"`
	// Missing says what could have been known, and what it would take.
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is something that this environment could tell and does not.
type Missing struct {
	Key    string `json:"key"`    // the attribute or field, such as k8s.pod.name
	Reason string `json:"reason"` // why it is not known, and what it would take
}

// ContainerInfo is the container that the process runs in. An empty string is
// something that could not be found out; nothing is guessed.
type ContainerInfo struct {
	Runtime       string `json:"runtime,omitempty"`        // docker, podman, containerd, cri-o, lxc, systemd-nspawn, ...
	ID            string `json:"id,omitempty"`             // the container's own, never the pod sandbox's
	Name          string `json:"name,omitempty"`           // where the runtime tells it
	Orchestrator  string `json:"orchestrator,omitempty"`   // kubernetes, ecs, ...
	PodName       string `json:"pod_name,omitempty"`       // as the downward API, or else the pod's hostname, has it
	PodUID        string `json:"pod_uid,omitempty"`        // as Kubernetes writes it
	Namespace     string `json:"namespace,omitempty"`      // the Kubernetes namespace
	ContainerName string `json:"container_name,omitempty"` // its name in the pod's specification
	NodeName      string `json:"node_name,omitempty"`      // the Kubernetes node, by the downward API
	QOSClass      string `json:"qos_class,omitempty"`      // Guaranteed, Burstable, BestEffort
	Sandbox       string `json:"sandbox,omitempty"`        // gvisor, proot
}

// CgroupInfo is the process's place in the cgroup hierarchies.
type CgroupInfo struct {
	// Version is the machine's cgroup interface.
	Version CgroupVersion `json:"version"`
	// Controllers are those that reach the process, sorted: see CgroupManager.GetControllers.
	Controllers []string `json:"controllers,omitempty"`
	// Paths are the cgroup of each hierarchy as /proc/self/cgroup names it, by
	// v1 controller; "" is the v2 hierarchy.
	Paths map[string]string `json:"paths,omitempty"`
	// Dirs are where the files of each are, by the same keys.
	Dirs  map[string]string `json:"dirs,omitempty"`
	Unit  string            `json:"unit,omitempty"`  // the systemd service or scope
	Slice string            `json:"slice,omitempty"` // the innermost systemd slice
}

// VirtualizationType is what kind of machine this is.
type VirtualizationType string

// The types.
const (
	VirtualizationTypeNone        VirtualizationType = "none" // bare metal, where that is proved
	VirtualizationTypeVZ          VirtualizationType = "apple_vz"
	VirtualizationTypeKVM         VirtualizationType = "kvm"
	VirtualizationTypeQEMU        VirtualizationType = "qemu"
	VirtualizationTypeVMware      VirtualizationType = "vmware"
	VirtualizationTypeHyperV      VirtualizationType = "hyperv"
	VirtualizationTypeXen         VirtualizationType = "xen"
	VirtualizationTypeVirtualBox  VirtualizationType = "virtualbox"
	VirtualizationTypeParallels   VirtualizationType = "parallels"
	VirtualizationTypeBhyve       VirtualizationType = "bhyve"
	VirtualizationTypeFirecracker VirtualizationType = "firecracker"
	VirtualizationTypeAmazon      VirtualizationType = "amazon"
	VirtualizationTypeGoogle      VirtualizationType = "google"
	VirtualizationTypeWSL         VirtualizationType = "wsl"
	VirtualizationTypeOther       VirtualizationType = "other"
)

// VirtualizationInfo is the machine below. There are more types than the constants name.
type VirtualizationInfo struct {
	Type   VirtualizationType `json:"type"`             // the hypervisor, or the machine of a cloud
	Role   string             `json:"role,omitempty"`   // guest, or host for Xen's dom0
	Vendor string             `json:"vendor,omitempty"` // as the firmware names it
	// Guest is what the hypervisor gives this machine; nil where it is no guest.
	Guest *GuestInfo `json:"guest,omitempty"`
}

// GuestInfo is the size of a virtual machine.
type GuestInfo struct {
	MemoryLimit int64   `json:"memory_limit,omitempty"` // bytes, when the Monitor was made; 0: not known
	CPULimit    float64 `json:"cpu_limit,omitempty"`    // online CPUs; 0: not known
}

// Finding is one piece of evidence.
type Finding struct {
	Key    string `json:"key"`              // what it is about, such as container.id
	Value  string `json:"value,omitempty"`  // what it says
	Source string `json:"source,omitempty"` // the file or variable
	Reason string `json:"reason,omitempty"` // the rule that decided
	// Contradiction marks what speaks against the answer that was given.
	Contradiction bool `json:"contradiction,omitempty"`
}
