package environ

import (
	"slices"
	"strings"
)

// podVariable is one attribute's environment variables in order. Nothing
// is specified: the first are the OpenTelemetry operator's, the generic ones at the end
// are examples of the Kubernetes documentation and count only inside a pod.
type podVariable struct {
	key     string
	valid   func(string) bool
	own     []string
	generic []string
}

var podVariables = []podVariable{
	{keyPodUID, isPodUID,
		[]string{"OTEL_RESOURCE_ATTRIBUTES_POD_UID", "OTEL_RESOURCE_ATTRIBUTES_K8S_POD_UID", "K8S_POD_UID"}, []string{"POD_UID"}},
	{keyPodName, isSubdomain,
		[]string{"OTEL_RESOURCE_ATTRIBUTES_POD_NAME", "OTEL_RESOURCE_ATTRIBUTES_K8S_POD_NAME", "K8S_POD_NAME", "KUBERNETES_POD_NAME"}, []string{"POD_NAME", "MY_POD_NAME"}},
	{keyNamespace, isLabel,
		[]string{"OTEL_RESOURCE_ATTRIBUTES_K8S_NAMESPACE_NAME", "K8S_NAMESPACE"}, []string{"POD_NAMESPACE", "MY_POD_NAMESPACE"}},
	{keyK8sName, isLabel,
		[]string{"OTEL_RESOURCE_ATTRIBUTES_K8S_CONTAINER_NAME", "K8S_CONTAINER_NAME", "KUBERNETES_CONTAINER_NAME"}, []string{"CONTAINER_NAME"}},
	{keyNode, isSubdomain,
		[]string{"OTEL_RESOURCE_ATTRIBUTES_NODE_NAME", "OTEL_RESOURCE_ATTRIBUTES_K8S_NODE_NAME", "K8S_NODE_NAME"}, []string{"NODE_NAME", "MY_NODE_NAME"}},
	{keyPodIP, isAddress,
		[]string{"K8S_POD_IP"}, []string{"POD_IP", "MY_POD_IP"}},
}

// answer is one possible value of an attribute.
type answer struct{ value, source, reason string }

// describePod fills in what is known of the pod, each value from the best source.
func (d *detector) describePod() {
	c := d.info.Container
	if c == nil {
		return
	}
	c.Orchestrator = d.orchestrator
	if d.pod.found() {
		c.Orchestrator = "kubernetes"
	}
	for _, v := range podVariables {
		answers := d.fromEnv(v)
		if d.pod.found() {
			answers = append(answers, d.fromPod(v.key)...)
		}
		d.settle(v.key, c.field(v.key), answers)
	}
	if c.Orchestrator == "" && (c.PodName != "" || c.PodUID != "") {
		c.Orchestrator = "kubernetes"
	}
	if !d.pod.found() {
		return
	}
	d.settle(keyQOS, &c.QOSClass, d.qosAnswers())
	if name, ok := d.podHostname(); ok {
		d.settle(keyPodHostname, &c.PodHostname, []answer{{name, "hostname", "the kubelet's /etc/hosts shows that it is the pod's"}})
	}
	for _, key := range []string{keyPodName, keyPodUID, keyNamespace, keyK8sName, keyNode} {
		if *c.field(key) == "" {
			d.miss(key, "no file tells it here; set "+downward[key])
		}
	}
}

// downward is the variable of ours to set, and what it is set from.
var downward = map[string]string{
	keyPodName:   "K8S_POD_NAME from the downward API field metadata.name",
	keyPodUID:    "K8S_POD_UID from the downward API field metadata.uid",
	keyNamespace: "K8S_NAMESPACE from the downward API field metadata.namespace",
	keyK8sName:   "K8S_CONTAINER_NAME to the container's name: the downward API has no field for it",
	keyNode:      "K8S_NODE_NAME from the downward API field spec.nodeName",
}

func (c *Container) field(key string) *string {
	switch key {
	case keyPodName:
		return &c.PodName
	case keyPodUID:
		return &c.PodUID
	case keyNamespace:
		return &c.Namespace
	case keyK8sName:
		return &c.ContainerName
	case keyNode:
		return &c.NodeName
	}
	return &c.PodIP
}

// settle takes the first answer and lists those that differ.
func (d *detector) settle(key string, field *string, answers []answer) {
	for _, a := range answers {
		switch {
		case *field == "":
			*field = clean(a.value)
			d.find(key, a.value, a.source, a.reason)
		case a.value != *field && a.source != "hostname":
			d.contradict(key, a.value, a.source, a.reason)
		}
	}
}

// fromEnv returns the first variable with a valid value. A value with "$("
// is a reference that Kubernetes could not expand; every check refuses it.
func (d *detector) fromEnv(v podVariable) []answer {
	names := v.own
	if d.pod.found() {
		names = slices.Concat(v.own, v.generic)
	}
	for _, name := range names {
		if value, ok := d.env(name); ok && v.valid(value) {
			return []answer{{value, "$" + name, "the variable is set"}}
		}
	}
	return nil
}

// fromPod returns what the kubelet's traces say about an attribute.
func (d *detector) fromPod(key string) []answer {
	switch key {
	case keyPodUID:
		return append(d.pathPod(func(s shape) string { return s.podUID }, "the path names the pod"), d.mountedPods()...)
	case keyK8sName:
		return d.mountedNames()
	case keyNamespace:
		if text, ok := d.decisive(serviceAccount + "/namespace"); ok && isLabel(strings.TrimSpace(text)) {
			return []answer{{strings.TrimSpace(text), serviceAccount + "/namespace", "the service account is of this namespace"}}
		}
	case keyPodName:
		// 63 characters is where the kubelet cuts a long name.
		if name, ok := d.podHostname(); ok && len(name) < 63 {
			return []answer{{name, "hostname", "a pod's hostname is its name, unless spec.hostname sets another"}}
		}
	}
	return nil
}

func (d *detector) qosAnswers() []answer {
	answers := d.pathPod(func(s shape) string { return s.qos }, "the path names the class")
	for i := range answers {
		if answers[i].value == guaranteed {
			answers[i].reason = "a pod directly below kubepods is guaranteed"
		}
	}
	return answers
}

// pathPod reads the cgroup path, else the cgroup mount's root.
func (d *detector) pathPod(get func(shape) string, reason string) []answer {
	for _, l := range d.member.ordered() {
		if v := get(l.shape); v != "" {
			return []answer{{v, selfCgroup, reason}}
		}
	}
	for _, m := range d.mounts.cgroup {
		if v := get(parseShape(m.Root)); v != "" && d.atTop(m.Options, m.Type == "cgroup2") {
			return []answer{{v, mountSource(m.Point), reason}}
		}
	}
	return nil
}

// mountedPods returns the pod of the kubelet's mounts, if they agree: a program that
// manages pods may have mounted the folders of several.
func (d *detector) mountedPods() []answer {
	return d.mountsAgree(keyPodUID, func(p boundPod) string { return p.uid }, "its root is in the pod's folder")
}

func (d *detector) mountedNames() []answer {
	return d.mountsAgree(keyK8sName, func(p boundPod) string { return p.container }, "its root is in the container's folder")
}

func (d *detector) mountsAgree(key string, get func(boundPod) string, reason string) []answer {
	var found []answer
	for _, p := range d.mounts.pods {
		v := get(p)
		switch {
		case v == "":
		case len(found) == 0:
			found = []answer{{v, mountSource(p.point), reason}}
		case found[0].value != v:
			d.contradict(key, v, mountSource(p.point), "another mount says "+found[0].value)
			return nil
		}
	}
	return found
}

// podHostname returns the hostname if it is the pod's: the kubelet writes
// /etc/hosts, and marks it where the pod uses the node's network and name.
func (d *detector) podHostname() (string, bool) {
	hosts, _ := d.optional("/etc/hosts")
	name := d.info.Hostname
	return name, firstLine([]byte(hosts)) == "# Kubernetes-managed hosts file." && isLabel(name)
}
