package otelresource_test

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/otelresource"
)

func attributesOf(r *resource.Resource) map[string]string {
	all := map[string]string{}
	for _, kv := range r.Attributes() {
		all[string(kv.Key)] = kv.Value.String()
	}
	return all
}

func TestDetectorTellsTheContainer(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	for name, opts := range map[string][]otelresource.DetectorOption{
		"by itself":      {otelresource.WithRootFS(root.Dir())},
		"from a monitor": {otelresource.WithDetectorMonitor(monitorOn(t, root))},
	} {
		res, err := otelresource.NewDetector(opts...).Detect(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := map[string]string{"container.id": ownID, "container.runtime.name": "docker"}
		if d := cmp.Diff(want, attributesOf(res)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if res.SchemaURL() != "" {
			t.Errorf("%s: schema URL %q; only without one does it merge with any resource", name, res.SchemaURL())
		}
	}
}

func TestDetectorIsSilentWhereThereIsNothingToSay(t *testing.T) {
	root := fixture.Load(t, "testdata/host.txtar")
	res, err := otelresource.NewDetector(otelresource.WithRootFS(root.Dir())).Detect(t.Context())
	if err != nil || res.Len() != 0 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestDetectorFilterAndProcessCgroup(t *testing.T) {
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	res, err := otelresource.NewDetector(
		otelresource.WithRootFS(root.Dir()), otelresource.WithProcessCgroup(),
		otelresource.WithAttributeFilter(attribute.NewDenyKeysFilter("container.runtime.name")), nil,
	).Detect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"container.id": ownID, "process.linux.cgroup": ownCgroup}
	if d := cmp.Diff(want, attributesOf(res)); d != "" {
		t.Error(d)
	}
}

func TestTheUsersWordWinsInAnyOrder(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "container.id=mine,service.name=shop, container%2Eruntime.name = other")
	root := fixture.Load(t, "testdata/docker-v2.txtar")
	detector := resource.WithDetectors(otelresource.NewDetector(otelresource.WithRootFS(root.Dir())))
	host := resource.WithHost()
	for name, opts := range map[string][]resource.Option{
		"environment last":  {detector, host, resource.WithFromEnv()},
		"environment first": {resource.WithFromEnv(), host, detector},
		"between":           {host, resource.WithFromEnv(), detector, resource.WithSchemaURL(semconv.SchemaURL)},
	} {
		res, err := resource.New(t.Context(), opts...)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := attributesOf(res); got["container.id"] != "mine" || got["service.name"] != "shop" {
			t.Errorf("%s: %v", name, got)
		}
		if res.SchemaURL() == "" {
			t.Errorf("%s: the schema URL of the others was lost", name)
		}
	}
}

func TestDetectorErrorsKeepTheResource(t *testing.T) {
	_, err := otelresource.NewDetector(otelresource.WithRootFS("/no/such/folder")).Detect(t.Context())
	if !errors.Is(err, resource.ErrPartialResource) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestDetectorOnThisMachineIsFast(t *testing.T) {
	d := otelresource.NewDetector()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if _, err := d.Detect(ctx); err != nil && !errors.Is(err, resource.ErrPartialResource) {
		t.Error(err)
	}
}

func BenchmarkDetector(b *testing.B) {
	d := otelresource.NewDetector()
	for b.Loop() {
		_, _ = d.Detect(b.Context())
	}
}
