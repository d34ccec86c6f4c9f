package environ

// Finding is one answer with its evidence.
type Finding struct {
	// Key is the attribute or the field that the answer is for, such as
	// container.id.
	Key string
	// Value is the answer. It is empty where the finding is about the
	// source itself.
	Value string
	// Source is the file, environment variable ($NAME), sysctl or instruction
	// that was read.
	Source string
	// Reason is the rule that decided.
	Reason string
	// Contradiction marks evidence that speaks against the answer given.
	Contradiction bool
}

// Missing is something that could be known here if the environment offered it.
type Missing struct {
	Key    string // such as k8s.node.name, or cgroup
	Reason string
}

// Keys of findings that are no resource attributes.
const (
	keyContainer    = "container"
	keyOrchestrator = "orchestrator"
	keySandbox      = "sandbox"
	keySandboxID    = "k8s.sandbox.id"
	keyQOS          = "k8s.pod.qos_class"
	keyCgroup       = "cgroup"
)

// Resource attributes that this package has answers for.
const (
	keyRuntime     = "container.runtime.name"
	keyID          = "container.id"
	keyName        = "container.name"
	keyPodName     = "k8s.pod.name"
	keyPodUID      = "k8s.pod.uid"
	keyPodHostname = "k8s.pod.hostname"
	keyPodIP       = "k8s.pod.ip"
	keyNamespace   = "k8s.namespace.name"
	keyK8sName     = "k8s.container.name"
	keyNode        = "k8s.node.name"
	keyVirtType    = "host.virtualization.type"
	keyVirtRole    = "host.virtualization.role"
	keyVirtVendor  = "host.virtualization.vendor"
)

// maxFindings bounds what strange input can make us say. Real machines stay below twenty.
const maxFindings = 64

func (d *detector) find(key, value, source, reason string) {
	d.add(Finding{Key: key, Value: value, Source: source, Reason: reason})
}

func (d *detector) contradict(key, value, source, reason string) {
	d.add(Finding{Key: key, Value: value, Source: source, Reason: reason, Contradiction: true})
}

// add keeps a finding once, however many lines of a file say the same.
func (d *detector) add(f Finding) {
	f.Value, f.Source, f.Reason = clean(f.Value), clean(f.Source), clean(f.Reason)
	for _, old := range d.info.Findings {
		if old == f {
			return
		}
	}
	if len(d.info.Findings) < maxFindings {
		d.info.Findings = append(d.info.Findings, f)
	}
}

func (d *detector) miss(key, reason string) {
	d.info.Missing = append(d.info.Missing, Missing{Key: key, Reason: clean(reason)})
}
