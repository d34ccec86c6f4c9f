package environ

// podSigns is the evidence that this process is in a Kubernetes pod.
type podSigns struct {
	source, reason string // the best sign; "" is none
	weak           bool   // only the environment or a folder says so
}

func (p podSigns) found() bool { return p.source != "" }

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// findPodSigns looks for any sign, the kernel's before those that can be inherited or copied.
func (d *detector) findPodSigns() {
	for _, l := range d.member.ordered() {
		if l.shape.kubernetes {
			d.pod = podSigns{selfCgroup, "the path has a kubepods component", false}
			return
		}
	}
	for _, m := range d.mounts.cgroup {
		if d.atTop(m.Options, m.Type == "cgroup2") && parseShape(m.Root).kubernetes {
			d.pod = podSigns{mountSource(m.Point), "the root of the mount has a kubepods component", false}
			return
		}
	}
	if len(d.mounts.pods) > 0 {
		p := d.mounts.pods[0]
		d.pod = podSigns{mountSource(p.point), "its root is in the kubelet's folder of a pod", false}
		return
	}
	if d.exists(serviceAccount+"/namespace") || d.exists(serviceAccount+"/token") {
		d.pod = podSigns{serviceAccount, "a service account is mounted", true}
		return
	}
	host, _ := d.env("KUBERNETES_SERVICE_HOST")
	port, _ := d.env("KUBERNETES_SERVICE_PORT")
	if host != "" && port != "" {
		d.pod = podSigns{"$KUBERNETES_SERVICE_HOST", "it and KUBERNETES_SERVICE_PORT are set, as in every pod", true}
	}
}
