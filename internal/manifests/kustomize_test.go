package manifests

import (
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// TestKustomization builds what kubectl apply -k would send.
func TestKustomization(t *testing.T) {
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(checkout(t), "collector-config"))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, r := range built.Resources() {
		kinds[r.GetKind()]++
		text, err := r.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(text); err != nil && r.GetKind() != "ConfigMap" {
			t.Errorf("%s %s: %v", r.GetKind(), r.GetName(), err)
		}
		// A generated name carries a hash, so that a change restarts the pods.
		if strings.HasPrefix(r.GetName(), "otel-") && (r.GetKind() == "Deployment" || r.GetKind() == "DaemonSet") &&
			!strings.Contains(string(text), "- configMap:\n          name: "+r.GetName()+"-") {
			t.Errorf("%s %s does not mount the generated configuration:\n%s", r.GetKind(), r.GetName(), text)
		}
	}
	for kind, want := range map[string]int{"ConfigMap": 2, "Deployment": 2, "DaemonSet": 1, "HorizontalPodAutoscaler": 1} {
		if kinds[kind] != want {
			t.Errorf("%d of kind %s, want %d", kinds[kind], kind, want)
		}
	}
}
