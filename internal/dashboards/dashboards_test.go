package dashboards

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/cboxdk/resource-monitor/internal/instruments"
)

var update = flag.Bool("update", false, "rewrite the files of collector-config")

const folder = "../../collector-config"

// TestGenerated holds the files against their source. "make generate" rewrites them.
func TestGenerated(t *testing.T) {
	files := map[string][]byte{}
	for i, d := range All() {
		name := strings.TrimPrefix(d.UID, "otelresource-") + ".json"
		var err error
		if files["grafana/dashboards/"+name], err = d.Grafana(); err != nil {
			t.Fatal(err)
		}
		page, err := d.VMUI()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(page, []byte(`"rows": null`)) {
			// The page lists them by the names of their files.
			files[fmt.Sprintf("victoriametrics/dashboards/%d-%s", i+1, name)] = page
		}
	}
	rules, err := Rules()
	if err != nil {
		t.Fatal(err)
	}
	files["prometheus/rules.yaml"] = []byte(rules)
	for name, want := range files {
		file := filepath.Join(folder, name)
		if *update {
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, want, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is stale (%v): run make generate", name, err)
		}
	}
	for _, pattern := range []string{"grafana/dashboards/*", "victoriametrics/dashboards/*"} {
		found, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			if name, _ := filepath.Rel(folder, file); files[name] == nil {
				t.Errorf("%s is made by nothing: remove it", name)
			}
		}
	}
}

// TestGrafanaSchema reads the shipped files back with Grafana's own types, which
// refuse what their schema does not have.
func TestGrafanaSchema(t *testing.T) {
	files, err := filepath.Glob(folder + "/grafana/dashboards/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no dashboards", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := strict(text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		// Shows that the schema would notice.
		for _, right := range []string{`"schemaVersion"`, `"fieldConfig"`, `"showLegend"`} {
			if wrong := bytes.Replace(text, []byte(right), []byte(`"misspelt"`), 1); !bytes.Equal(wrong, text) && strict(wrong) == nil {
				t.Errorf("%s: accepted without %s", file, right)
			}
		}
	}
}

// strict reads a dashboard, its panels and their queries as their types say.
func strict(text []byte) error {
	plugins.RegisterDefaultPlugins()
	var d dashboard.Dashboard
	err := d.UnmarshalJSONStrict(text)
	// No errors come as an empty list, which is not a nil error.
	if list, ok := errors.AsType[cog.BuildErrors](err); ok && len(list) == 0 {
		err = nil
	}
	return errors.Join(err, d.Validate())
}

// TestExpressionsParse reads every shipped expression with Prometheus' own parser,
// and demands what keeps other people's series of the same names out.
func TestExpressionsParse(t *testing.T) {
	check := func(where, expression, selection string) {
		expr, err := expand(expression, selection)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
		expr = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h").Replace(expr)
		parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			return
		}
		parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
			if v, ok := node.(*parser.VectorSelector); ok && !strings.Contains(v.Name, ":") {
				for _, m := range v.LabelMatchers {
					if m.Name == "service_name" {
						return nil
					}
				}
				t.Errorf("%s: %s does not ask for a service_name", where, v)
			}
			return nil
		})
	}
	for _, d := range All() {
		titles := map[string]bool{}
		for _, r := range d.Rows {
			for _, p := range r.Panels {
				if p.Description == "" || p.Unit == "" {
					t.Errorf("%s, %s has no description or no unit", d.Title, p.Title)
				}
				if titles[r.Title+p.Title] {
					t.Errorf("%s has two panels %s", d.Title, p.Title)
				}
				titles[r.Title+p.Title] = true
				for _, q := range p.Queries {
					check(d.Title+", "+p.Title, q.Expression, selection)
				}
			}
		}
	}
	for _, r := range recordings() {
		check(r.Record, r.Expression, anyService)
	}
	for _, a := range alerts() {
		check(a.Alert, a.Expression, anyService)
	}
}

// TestEveryMetricIsShown names what the dashboards leave out, with the reason.
func TestEveryMetricIsShown(t *testing.T) {
	var all strings.Builder
	for _, d := range All() {
		for _, r := range d.Rows {
			for _, p := range r.Panels {
				for _, q := range p.Queries {
					all.WriteString(q.Expression)
				}
			}
		}
	}
	for _, e := range instruments.Catalog() {
		shown := strings.Contains(all.String(), "<"+e.Name+">") || strings.Contains(all.String(), "<"+e.Name+" ")
		_, out := leftOut[e.Name]
		// What has to be asked for is the ratio of two that are shown; the
		// process scope is off by default.
		out = out || e.OptIn != instruments.Always || e.Scope == instruments.Process
		if shown == out {
			t.Errorf("%s: shown %v, left out %v", e.Name, shown, out)
		}
	}
	for name := range leftOut {
		if _, err := lookup(name); err != nil {
			t.Error(err)
		}
	}
}

// leftOut are metrics that no dashboard shows, and why.
var leftOut = map[string]string{
	"container.memory.usage":      "the working set says more: it leaves out what can be dropped at once",
	"container.memory.linux.high": "set by few; its effect shows as memory events",
	"container.memory.swap.limit": "no use is near it before swap itself is the trouble",
	"container.cpu.burst.time":    "the periods show the same",
	"system.disk.merged":          "how well the block layer does its work, not how the program fares",
	"system.memory.usage":         "available memory says more than the states",
	"system.paging.usage":         "swap in use matters where it is read back: faults",
	"system.paging.faults":        "the container's are shown",
	"system.cpu.logical.count":    "a number of the inventory of machines",
}

// TestUnknownNamesAreFound shows that the lookup would notice.
func TestUnknownNamesAreFound(t *testing.T) {
	for _, expression := range []string{
		"<container.memory.wokring_set>",
		`<container.cpu.time cpu.mod="user">`,
		`<container.cpu.time cpu.mode="idle">`,
	} {
		if got, err := expand(expression, selection); err == nil {
			t.Errorf("%s became %s", expression, got)
		}
	}
}

// TestVMUI looks for variables, which the page of VictoriaMetrics does not have.
func TestVMUI(t *testing.T) {
	for _, d := range All() {
		text, err := d.VMUI()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("$")) {
			t.Errorf("%s holds a variable of Grafana's", d.Title)
		}
	}
}
