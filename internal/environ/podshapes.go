package environ

import (
	"slices"
	"strings"
)

const guaranteed = "Guaranteed"

// kubernetesShape reads what the kubelet's part of a cgroup path says: that it is
// there, the pod and its quality of service.
func kubernetesShape(c []string) (s shape) {
	for i, name := range slices.Backward(c) {
		if s.podUID == "" && isKubepods(strings.Join(c[:i+1], "/")) {
			if uid, qos := podComponent(name); uid != "" {
				s.podUID = uid
				s.qos = qosClass(qos, belowPod(c[:i]))
			}
		}
		if isKubepods(name) {
			s.kubernetes = true
		}
	}
	if s.podUID != "" && s.qos == "" {
		// Guaranteed pods sit directly below kubepods.
		s.qos = guaranteed
	}
	return s
}

// isKubepods finds "kubepods" as a word: kubepods, kubepods.slice,
// kubepods-burstable.slice, kubelet-kubepods.slice (kind).
func isKubepods(name string) bool {
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '/' || r == '-' || r == '.' }) {
		if word == "kubepods" {
			return true
		}
	}
	return false
}

// podComponent reads podUID of the cgroupfs driver and
// kubepods-burstable-podUID.slice of the systemd driver, which writes the
// dashes of the uid as "_" because "-" separates slices. qos is the part of
// the name in front of it.
func podComponent(name string) (uid, qos string) {
	if uid, ok := strings.CutPrefix(name, "pod"); ok && isPodUID(uid) {
		return uid, ""
	}
	base, ok := strings.CutSuffix(name, ".slice")
	if !ok || !isKubepods(base) {
		return "", ""
	}
	at := strings.LastIndex(base, "-pod")
	if at < 0 {
		return "", ""
	}
	uid = strings.ReplaceAll(base[at+len("-pod"):], "_", "-")
	if !isPodUID(uid) {
		return "", ""
	}
	return uid, base[:at]
}

// belowPod returns the components inside the innermost pod: the
// classes further out are those of another cluster's pod, around a whole node.
func belowPod(c []string) []string {
	for i, name := range slices.Backward(c) {
		if uid, _ := podComponent(name); uid != "" {
			return c[i+1:]
		}
	}
	return c
}

func qosClass(prefix string, parents []string) string {
	for _, name := range append([]string{prefix}, parents...) {
		for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '-' || r == '.' }) {
			switch word {
			case "burstable":
				return "Burstable"
			case "besteffort":
				return "BestEffort"
			}
		}
	}
	return ""
}
