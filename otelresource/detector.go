package otelresource

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// Attributes of the detector that are not in the semantic conventions.
const (
	virtualizationTypeKey = attribute.Key("host.virtualization.type")
	virtualizationRoleKey = attribute.Key("host.virtualization.role")
	linuxCgroupKey        = attribute.Key("process.linux.cgroup")
)

// DetectorOption configures NewDetector.
type DetectorOption interface{ applyDetector(*detector) }

type detectorOptionFunc func(*detector)

func (f detectorOptionFunc) applyDetector(d *detector) { f(d) }

// WithDetectorMonitor takes what m detected when it was made, so that resource and metrics agree. nil is ignored.
func WithDetectorMonitor(m *Monitor) DetectorOption {
	return detectorOptionFunc(func(d *detector) {
		if m != nil {
			d.monitor = m
		}
	})
}

// WithRootFS looks at another root, as Config.RootFS does. Together with WithDetectorMonitor,
// which has a root already, Detect fails.
func WithRootFS(dir string) DetectorOption {
	return detectorOptionFunc(func(d *detector) { d.rootFS = dir })
}

// WithAttributeFilter keeps only the attributes that keep returns true for. nil is ignored.
func WithAttributeFilter(keep attribute.Filter) DetectorOption {
	return detectorOptionFunc(func(d *detector) {
		if keep != nil {
			d.keep = keep
		}
	})
}

// WithProcessCgroup adds process.linux.cgroup, the path of the process's cgroup.
func WithProcessCgroup() DetectorOption {
	return detectorOptionFunc(func(d *detector) { d.cgroup = true })
}

type detector struct {
	monitor *Monitor
	rootFS  string
	keep    attribute.Filter
	cgroup  bool
}

// NewDetector returns a detector of the container, the Kubernetes pod and the
// virtual machine that the process runs in. It reads local files and
// the environment, never the network.
//
// The resource has no schema URL, so that it merges with any other. It is empty,
// without an error, where there is nothing to say. Where a decisive file is
// denied or does not answer, the error wraps resource.ErrPartialResource and the resource
// holds the rest. What OTEL_RESOURCE_ATTRIBUTES sets is left out: the user's word
// wins whatever the order of the options.
func NewDetector(opts ...DetectorOption) resource.Detector {
	d := &detector{}
	for _, o := range opts {
		if o != nil {
			o.applyDetector(d)
		}
	}
	return d
}

// Detect implements resource.Detector.
func (d *detector) Detect(ctx context.Context) (*resource.Resource, error) {
	info, cgroup, err := d.detect(ctx)
	if info == nil {
		return resource.Empty(), partial(err)
	}
	// Also under another root: the variable says what the resource shall be,
	// not where the process runs.
	own := environmentKeys(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"))
	var attrs []attribute.KeyValue
	for _, kv := range d.attributes(info, cgroup) {
		if kv.Value.AsString() == "" || own[string(kv.Key)] || d.keep != nil && !d.keep(kv) {
			continue
		}
		attrs = append(attrs, kv)
	}
	return resource.NewSchemaless(attrs...), partial(err)
}

// detect returns where the process runs, and the path of its cgroup.
func (d *detector) detect(ctx context.Context) (info *EnvironmentInfo, cgroup string, err error) {
	if d.monitor != nil {
		if d.rootFS != "" {
			return nil, "", &Error{Op: "Detect", Err: errors.New("WithRootFS has no effect beside WithDetectorMonitor")}
		}
		return d.monitor.info, d.monitor.cgroup, d.monitor.unsure
	}
	if !platformSupported {
		return nil, "", nil
	}
	root, err := hostfs.New(d.rootFS)
	if err != nil {
		return nil, "", toError("Detect", err)
	}
	found, err := detect(ctx, root, DefaultConfig())
	return environment(found), found.Cgroup.Path, err
}

func (d *detector) attributes(info *EnvironmentInfo, cgroup string) []attribute.KeyValue {
	var attrs []attribute.KeyValue
	if c := info.Container; c != nil {
		attrs = append(attrs,
			semconv.ContainerID(c.ID), semconv.ContainerName(c.Name), semconv.ContainerRuntimeName(c.Runtime),
			semconv.K8SPodUID(c.PodUID), semconv.K8SPodName(c.PodName), semconv.K8SNamespaceName(c.Namespace),
			semconv.K8SContainerName(c.ContainerName), semconv.K8SNodeName(c.NodeName),
		)
	}
	if v := info.Virtualization; v != nil && v.Type != VirtualizationTypeNone {
		attrs = append(attrs, virtualizationTypeKey.String(string(v.Type)), virtualizationRoleKey.String(v.Role))
	}
	if d.cgroup {
		attrs = append(attrs, linuxCgroupKey.String(cgroup))
	}
	return attrs
}

// partial makes an error one that keeps the resource: the SDK drops it on any other.
func partial(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", resource.ErrPartialResource, err)
}

// environmentKeys returns the keys that OTEL_RESOURCE_ATTRIBUTES sets.
func environmentKeys(list string) map[string]bool {
	keys := map[string]bool{}
	for pair := range strings.SplitSeq(list, ",") {
		key, _, ok := strings.Cut(pair, "=")
		if !ok {
			continue
		}
		if decoded, err := url.PathUnescape(strings.TrimSpace(key)); err == nil {
			keys[decoded] = true
		}
	}
	return keys
}
