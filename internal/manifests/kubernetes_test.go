package manifests

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// decode reads one document into the type of its kind; unknown fields are errors.
func decode(document []byte) (any, error) {
	var meta metav1.TypeMeta
	if err := yaml.Unmarshal(document, &meta); err != nil {
		return nil, err
	}
	kinds := map[string]any{
		"v1/Namespace":                                    &corev1.Namespace{},
		"v1/Service":                                      &corev1.Service{},
		"v1/ServiceAccount":                               &corev1.ServiceAccount{},
		"apps/v1/DaemonSet":                               &appsv1.DaemonSet{},
		"apps/v1/Deployment":                              &appsv1.Deployment{},
		"autoscaling/v2/HorizontalPodAutoscaler":          &autoscalingv2.HorizontalPodAutoscaler{},
		"policy/v1/PodDisruptionBudget":                   &policyv1.PodDisruptionBudget{},
		"rbac.authorization.k8s.io/v1/ClusterRole":        &rbacv1.ClusterRole{},
		"rbac.authorization.k8s.io/v1/ClusterRoleBinding": &rbacv1.ClusterRoleBinding{},
	}
	object := kinds[meta.APIVersion+"/"+meta.Kind]
	if object == nil {
		return nil, fmt.Errorf("no kind %s/%s", meta.APIVersion, meta.Kind)
	}
	return object, yaml.UnmarshalStrict(document, object)
}

// manifests reads every object of collector-config/kubernetes, except for the
// Collector's own overlay.
func manifests(t *testing.T) []any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(checkout(t), "collector-config", "kubernetes", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var all []any
	for _, file := range files {
		if filepath.Base(file) == "k8sattributes.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for document := range bytes.SplitSeq(text, []byte("\n---\n")) {
			object, err := decode(document)
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			all = append(all, object)
		}
	}
	return all
}

func templates(objects []any) map[string]*corev1.PodTemplateSpec {
	all := map[string]*corev1.PodTemplateSpec{}
	for _, object := range objects {
		switch o := object.(type) {
		case *appsv1.Deployment:
			all[o.Name] = &o.Spec.Template
		case *appsv1.DaemonSet:
			all[o.Name] = &o.Spec.Template
		}
	}
	return all
}

// TestKubernetes holds the manifests to the API's types and to what they promise.
func TestKubernetes(t *testing.T) {
	objects := manifests(t)
	pods := templates(objects)
	if len(pods) != 3 {
		t.Errorf("%d workloads, want 3", len(pods))
	}
	for name, pod := range pods {
		for _, c := range pod.Spec.Containers {
			if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || c.ReadinessProbe == nil {
				t.Errorf("%s: no memory limit, no CPU request or no readiness probe", name)
			}
			if s := c.SecurityContext; s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem {
				t.Errorf("%s may write to its root", name)
			}
			declared := map[string]bool{}
			for _, e := range c.Env {
				// Kubernetes replaces only what was declared before.
				for _, part := range strings.Split(e.Value, "$(")[1:] {
					if variable, _, ok := strings.Cut(part, ")"); !ok || !declared[variable] {
						t.Errorf("%s: %s uses %s before it is declared", name, e.Name, variable)
					}
				}
				declared[e.Name] = true
			}
		}
	}
	for _, object := range objects {
		if h, ok := object.(*autoscalingv2.HorizontalPodAutoscaler); ok && pods[h.Spec.ScaleTargetRef.Name] == nil {
			t.Errorf("the autoscaler scales %s, which is not there", h.Spec.ScaleTargetRef.Name)
		}
	}
}

func TestKubernetesNotices(t *testing.T) {
	if _, err := decode([]byte("apiVersion: v1\nkind: Service\nspec: {clusterAddress: None}")); err == nil {
		t.Error("a misspelt field was accepted")
	}
}

// TestDownwardAPI gives the detector the variables of the application's manifest,
// as the kubelet would, and asks what it makes of them.
func TestDownwardAPI(t *testing.T) {
	pod := templates(manifests(t))["demo"]
	if pod == nil {
		t.Fatal("there is no application")
	}
	fields := map[string]string{
		"metadata.name": "demo-7d9c", "metadata.uid": "6b1de0c4-92f7-4a38-b5ce-0d417fa8e963",
		"metadata.namespace": "shop", "spec.nodeName": "node-1", "status.hostIP": "10.0.0.1",
	}
	// The kubelet sets these in every pod.
	t.Setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
	t.Setenv("KUBERNETES_SERVICE_PORT", "443")
	for _, e := range pod.Spec.Containers[0].Env {
		value := e.Value
		if e.ValueFrom != nil {
			value = fields[e.ValueFrom.FieldRef.FieldPath]
		}
		t.Setenv(e.Name, value)
	}
	// A marker of the user's own stands for the container that a test is not in.
	config := otelresource.DefaultConfig()
	config.ContainerPaths = []string{filepath.Join(checkout(t), "go.mod")}
	monitor, err := otelresource.NewResourceMonitorWithConfig(config)
	if errors.Is(err, otelresource.ErrUnsupportedPlatform) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer monitor.Close()
	c := monitor.GetEnvironmentInfo().Container
	if c == nil {
		t.Fatal("no container was found")
	}
	for key, got := range map[string][2]string{
		"metadata.name": {c.PodName, fields["metadata.name"]}, "metadata.uid": {c.PodUID, fields["metadata.uid"]},
		"metadata.namespace": {c.Namespace, fields["metadata.namespace"]}, "spec.nodeName": {c.NodeName, fields["spec.nodeName"]},
		"the container's name": {c.ContainerName, "demo"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %q, want %q", key, got[0], got[1])
		}
	}
}
