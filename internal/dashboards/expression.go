package dashboards

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/otlptranslator"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

// identity are the labels that tell one program from another. All of them are
// resource attributes: a backend has to be told to make them labels.
var identity = []string{"service_name", "k8s_pod_name", "service_instance_id"}

// by is how expressions group: one series for each program.
var by = byAnd()

// byAnd is by with one series for each value of further labels.
func byAnd(labels ...string) string {
	return "by (" + strings.Join(slices.Concat(identity, labels), ", ") + ") "
}

// rate is the growth of a counter in a second. What stands in the angle
// brackets is given without them.
func rate(counter string) string {
	return "sum " + by + "(rate(<" + counter + ">[$__rate_interval]))"
}

// highest is the value of a gauge.
func highest(gauge string) string { return "max " + by + "(<" + gauge + ">)" }

// share is one gauge as a part of another.
func share(part, whole string) string { return highest(part + "> / <" + whole) }

// stalled is the share of time in which some or all tasks waited for a resource.
func stalled(scope, resource, who string) string {
	return rate(scope + "." + resource + `.linux.pressure.time otelresource.pressure.stall="` + who + `"`)
}

// name is a metric in angle brackets, with or without matchers of attributes.
var name = regexp.MustCompile(`<([a-z][a-z0-9_.]*)((?: [a-z0-9_.]+(?:=~|!~|!=|=)"[^"]*")*)>`)

var matcher = regexp.MustCompile(`([a-z0-9_.]+)(=~|!~|!=|=)"([^"]*)"`)

var (
	metricNamer = otlptranslator.MetricNamer{WithMetricSuffixes: true}
	labelNamer  = otlptranslator.LabelNamer{}
)

// anyService is what is selected where there are no variables. It keeps
// cAdvisor's series out, as selection does.
const anyService = `service_name!=""`

// expand makes PromQL of an expression. Every selector also holds selection,
// which keeps cAdvisor's series of the same name out.
func expand(expression, selection string) (string, error) {
	var failures []error
	promQL := name.ReplaceAllStringFunc(expression, func(s string) string {
		parts := name.FindStringSubmatch(s)
		selector, err := selector(parts[1], parts[2], selection)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", s, err))
		}
		return selector
	})
	return promQL, errors.Join(failures...)
}

// selector selects a metric as Prometheus names it.
func selector(metric, matchers, selection string) (string, error) {
	entry, err := lookup(metric)
	if err != nil {
		return "", err
	}
	promName, err := prometheusName(entry.Metric)
	if err != nil {
		return "", err
	}
	labels := []string{selection}
	for _, m := range matcher.FindAllStringSubmatch(matchers, -1) {
		values, ok := entry.Attributes[m[1]]
		if !ok {
			return "", fmt.Errorf("%s has no attribute %s", metric, m[1])
		}
		for value := range strings.SplitSeq(m[3], "|") {
			if len(values) > 0 && !slices.Contains(values, value) {
				return "", fmt.Errorf("%s of %s is never %q", m[1], metric, value)
			}
		}
		label, err := labelNamer.Build(m[1])
		if err != nil {
			return "", err
		}
		labels = append(labels, label+m[2]+`"`+m[3]+`"`)
	}
	return promName + "{" + strings.Join(labels, ",") + "}", nil
}

func lookup(metric string) (instruments.Entry, error) {
	for _, e := range instruments.Catalog() {
		if e.Name == metric {
			return e, nil
		}
	}
	return instruments.Entry{}, fmt.Errorf("the instrument table has no metric %s", metric)
}

// prometheusName is what the Collector, the SDK's exporter and Prometheus' own
// OTLP receiver make of a name: they share this translator.
func prometheusName(m instruments.Metric) (string, error) {
	kind := map[instruments.Kind]otlptranslator.MetricType{
		instruments.Counter:       otlptranslator.MetricTypeMonotonicCounter,
		instruments.UpDownCounter: otlptranslator.MetricTypeNonMonotonicCounter,
		instruments.Gauge:         otlptranslator.MetricTypeGauge,
	}[m.Kind]
	return metricNamer.Build(otlptranslator.Metric{Name: m.Name, Unit: m.Unit, Type: kind})
}
