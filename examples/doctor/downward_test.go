package main

import (
	"regexp"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// What the doctor tells people to paste must be what the detector reads.
func TestTheAdvisedVariablesAreTheOnesThatCount(t *testing.T) {
	root := fixture.Load(t, "../../internal/environ/testdata/k8s-private.txtar")
	set := map[string]string{}
	for _, m := range regexp.MustCompile(`- name: (\w+)`).FindAllStringSubmatch(downwardAPI, -1) {
		set[m[1]] = map[string]string{
			"K8S_POD_NAME": "web-1", "K8S_POD_UID": "6b1de0c4-92f7-4a38-b5ce-0d417fa8e963",
			"K8S_NAMESPACE": "shop", "K8S_NODE_NAME": "node-7", "K8S_CONTAINER_NAME": "web",
		}[m[1]]
	}
	info, err := environ.Detect(t.Context(), environ.Input{
		Root:   root.Hostfs(),
		Getenv: func(name string) (string, bool) { v, ok := set[name]; return v, ok },
	})
	if err != nil || info.Container == nil {
		t.Fatalf("%+v, %v", info, err)
	}
	c := info.Container
	if len(set) != 5 || c.PodName != "web-1" || c.PodUID != set["K8S_POD_UID"] || c.Namespace != "shop" || c.NodeName != "node-7" || c.ContainerName != "web" {
		t.Errorf("%v gives %+v", set, c)
	}
}
