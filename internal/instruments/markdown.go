package instruments

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

//go:generate go test -run ^TestDocumentation$ . -update

// documented is a metric as its readers see it: several rows may feed one.
type documented struct {
	Metric
	attributes []documentedAttribute
}

// documentedAttribute has no values where only a reading knows them.
type documentedAttribute struct {
	key    string
	values []string
	detail Detail
}

// catalog lists every metric once, in the order of the tables.
func catalog() []documented {
	// A list of one item is enough to tell how its items are told apart.
	var all []documented
	all = list(all, Memory(), &sample.Memory{})
	all = list(all, Paging(), &sample.Paging{})
	all = list(all, CPU(), &sample.CPU{System: sample.SystemCPU{PerCPU: make([]sample.PerCPU, 1)}})
	disks := sample.Disks{Devices: make([]sample.Disk, 1)}
	all = list(all, IO(), &sample.IO{Cgroup: disks, System: disks})
	all = list(all, Network(), &sample.Network{Interfaces: make([]sample.Interface, 1)})
	all = list(all, OwnProcess(), &sample.Process{})
	all = list(all, Errors(), &sample.Failures{List: make([]sample.Failure, 1)})
	slices.SortStableFunc(all, func(a, b documented) int { return int(a.Scope) - int(b.Scope) })
	return all
}

func list[S any](all []documented, rows []Row[S], one *S) []documented {
	for _, row := range rows {
		i := slices.IndexFunc(all, func(d documented) bool { return d.Name == row.Name })
		if i < 0 {
			i = len(all)
			all = append(all, documented{Metric: row.Metric})
		}
		d := &all[i]
		for _, s := range row.Series {
			d.add(s.Attributes)
		}
		if row.Items == nil {
			continue
		}
		for _, s := range row.Items.Series {
			d.add(s.Attributes)
		}
		for _, kv := range row.Items.Attributes(row.Items.Key(one, 0)) {
			d.attributes = append(d.attributes, documentedAttribute{key: string(kv.Key), detail: row.Items.Detail})
		}
	}
	return all
}

func (d *documented) add(attributes []attribute.KeyValue) {
	for _, kv := range attributes {
		i := slices.IndexFunc(d.attributes, func(a documentedAttribute) bool { return a.key == string(kv.Key) })
		if i < 0 {
			i = len(d.attributes)
			d.attributes = append(d.attributes, documentedAttribute{key: string(kv.Key)})
		}
		if a := &d.attributes[i]; !slices.Contains(a.values, kv.Value.String()) {
			a.values = append(a.values, kv.Value.String())
		}
	}
}

func (a documentedAttribute) markdown() string {
	s := "`" + a.key + "`"
	if len(a.values) > 0 {
		s += ": " + strings.Join(a.values, ", ")
	}
	if by, ok := asked[a.detail]; ok {
		s += " (only with `" + by.option + "`)"
	}
	return s
}

// titles head the metrics of each scope.
var titles = map[Scope]string{
	Container: "Container scope: the process's own cgroup",
	System:    "System scope: the machine",
	Process:   "Process scope",
	Module:    "The module about itself: in every scope",
}

// Markdown returns the tables of all metrics for docs/metrics.md.
func Markdown() string {
	var b strings.Builder
	scope := -1
	for _, d := range catalog() {
		if int(d.Scope) != scope {
			scope = int(d.Scope)
			fmt.Fprintf(&b, "\n## %s\n\n| Metric | Kind | Unit | Attributes | What it is |\n| --- | --- | --- | --- | --- |\n", titles[d.Scope])
		}
		var attributes []string
		for _, a := range d.attributes {
			attributes = append(attributes, a.markdown())
		}
		text := d.Description
		if d.Note != "" {
			text += " Note: " + d.Note + "."
		}
		if d.OptIn == WithUtilization {
			text += " Only with `WithUtilization`."
		}
		if !d.Standard {
			text += " Not standard; prior art: " + d.PriorArt + "."
		}
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s |\n", d.Name, d.Kind, d.Unit, strings.Join(attributes, "<br>"), strings.ReplaceAll(text, "|", `\|`))
	}
	return b.String()
}

// GoDoc returns the list of all metrics as the lines of a doc comment.
func GoDoc() string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	scope := -1
	for _, d := range catalog() {
		if int(d.Scope) != scope {
			if scope >= 0 {
				_, _ = fmt.Fprintln(w)
			}
			scope = int(d.Scope)
			_, _ = fmt.Fprintf(w, "%s\n\n", titles[d.Scope])
		}
		name, keys := d.Name, []string(nil)
		if d.OptIn == WithUtilization {
			name += " (u)"
		}
		for _, a := range d.attributes {
			key := a.key
			if by, ok := asked[a.detail]; ok {
				key += " (" + by.mark + ")"
			}
			keys = append(keys, key)
		}
		_, _ = fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", name, d.Kind, d.Unit, strings.Join(keys, ", "))
	}
	_ = w.Flush() // a strings.Builder takes everything
	var b strings.Builder
	for line := range strings.Lines(text.String()) {
		if line = strings.TrimRight(line, " \n"); line == "" {
			b.WriteString("//\n")
		} else {
			b.WriteString("//\t" + line + "\n")
		}
	}
	return b.String()
}
