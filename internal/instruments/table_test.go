package instruments_test

import (
	"regexp"
	"slices"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/semconv/v1.43.0/containerconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/processconv"
	"go.opentelemetry.io/otel/semconv/v1.43.0/systemconv"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

type convention interface {
	Name() string
	Unit() string
	Description() string
}

// conventions are what semantic conventions 1.43 say of the metrics that the
// table calls standard.
var conventions = []convention{
	containerconv.CPUTime{}, containerconv.CPUUsage{},
	containerconv.MemoryUsage{}, containerconv.MemoryWorkingSet{}, containerconv.MemoryRss{},
	containerconv.MemoryAvailable{}, containerconv.MemoryPagingFaults{}, containerconv.DiskIO{},
	systemconv.CPUTime{}, systemconv.CPUUtilization{}, systemconv.CPULogicalCount{}, systemconv.Uptime{}, containerconv.Uptime{},
	systemconv.MemoryUsage{}, systemconv.MemoryUtilization{}, systemconv.MemoryLimit{}, systemconv.MemoryLinuxAvailable{},
	systemconv.PagingUsage{}, systemconv.PagingFaults{},
	systemconv.DiskIO{}, systemconv.DiskOperations{}, systemconv.DiskOperationTime{}, systemconv.DiskIOTime{}, systemconv.DiskMerged{},
	processconv.CPUTime{}, processconv.CPUUtilization{}, processconv.MemoryUsage{}, processconv.MemoryVirtual{},
	containerconv.NetworkIO{}, systemconv.NetworkIO{}, systemconv.NetworkErrors{},
	systemconv.NetworkPacketCount{}, systemconv.NetworkPacketDropped{},
	processconv.DiskIO{}, processconv.ThreadCount{}, processconv.UnixFileDescriptorCount{}, processconv.ContextSwitches{},
	processconv.PagingFaults{}, processconv.Uptime{},
}

func metrics() (all []instruments.Metric) {
	for _, r := range instruments.Memory() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.Paging() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.CPU() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.IO() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.Network() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.OwnProcess() {
		all = append(all, r.Metric)
	}
	for _, r := range instruments.Errors() {
		all = append(all, r.Metric)
	}
	return all
}

func TestStandardMetricsAreTheConventions(t *testing.T) {
	for _, m := range metrics() {
		i := slices.IndexFunc(conventions, func(c convention) bool { return c.Name() == m.Name })
		if (i >= 0) != m.Standard {
			t.Errorf("%s: Standard is %v, in the conventions: %v", m.Name, m.Standard, i >= 0)
			continue
		}
		if i < 0 {
			if m.PriorArt == "" {
				t.Errorf("%s is not standard and names no prior art", m.Name)
			}
			continue
		}
		if c := conventions[i]; c.Unit() != m.Unit || c.Description() != m.Description {
			t.Errorf("%s: unit %q, description %q; the conventions have %q, %q", m.Name, m.Unit, m.Description, c.Unit(), c.Description())
		}
	}
}

func TestNamesFollowTheRules(t *testing.T) {
	name := regexp.MustCompile(`^[a-z][a-z0-9_.]{0,254}$`)
	for _, m := range metrics() {
		switch {
		case !name.MatchString(m.Name):
			t.Errorf("%q is no metric name", m.Name)
		case m.Description == "" || m.Description[len(m.Description)-1] != '.':
			t.Errorf("%s: the description %q is no sentence", m.Name, m.Description)
		case m.Unit == "s" && !m.Float:
			t.Errorf("%s: seconds are floating-point", m.Name)
		case m.Unit == "By" && m.Float:
			t.Errorf("%s: bytes are whole", m.Name)
		}
	}
}

func TestOneNameIsOneInstrument(t *testing.T) {
	seen := map[string]instruments.Metric{}
	for _, m := range metrics() {
		if other, ok := seen[m.Name]; ok && other != m {
			t.Errorf("%s stands in the table twice, as two different instruments", m.Name)
		}
		seen[m.Name] = m
	}
}

func TestSeriesOfARowHaveDistinctAttributes(t *testing.T) {
	check := func(name string, sets [][]attribute.KeyValue) {
		seen := map[attribute.Distinct]bool{}
		for _, kv := range sets {
			set := attribute.NewSet(kv...)
			if seen[set.Equivalent()] {
				t.Errorf("%s has two series with %v", name, kv)
			}
			seen[set.Equivalent()] = true
		}
	}
	for _, r := range instruments.Memory() {
		check(r.Name, attributes(r.Series))
	}
	for _, r := range instruments.Paging() {
		check(r.Name, attributes(r.Series))
	}
	for _, r := range instruments.CPU() {
		check(r.Name, attributes(r.Series))
	}
	for _, r := range instruments.IO() {
		check(r.Name, attributes(r.Series))
	}
	for _, r := range instruments.Network() {
		check(r.Name, attributes(r.Series))
	}
}

func attributes[S any](series []instruments.Series[S]) (all [][]attribute.KeyValue) {
	for _, s := range series {
		all = append(all, s.Attributes)
	}
	return all
}

func TestEverySeriesReadsWhatItsMetricSays(t *testing.T) {
	check(t, instruments.Memory())
	check(t, instruments.Paging())
	check(t, instruments.CPU())
	check(t, instruments.IO())
	check(t, instruments.Network())
	check(t, instruments.OwnProcess())
	check(t, instruments.Errors())
}

func check[S any](t *testing.T, rows []instruments.Row[S]) {
	t.Helper()
	for _, r := range rows {
		series := r.Series
		if r.Items != nil {
			series = append(slices.Clone(series), r.Items.Series...)
		}
		for _, s := range series {
			ways := 0
			for _, set := range []bool{s.Uint != nil, s.Float != nil, s.Ratios != nil} {
				if set {
					ways++
				}
			}
			if ways != 1 {
				t.Errorf("%s: a series is read in %d ways, want 1", r.Name, ways)
			}
			if r.Kind == instruments.Counter && s.Uint == nil {
				t.Errorf("%s: a counter is not read as a whole number", r.Name)
			}
			if !r.Float && s.Uint == nil {
				t.Errorf("%s: an integer is read as a float", r.Name)
			}
			if s.Uint != nil && (s.Per < 1 || !r.Float && s.Per != 1) {
				t.Errorf("%s: %v of its numbers are one of its unit", r.Name, s.Per)
			}
		}
	}
}
