package otelresource_test

import (
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowed are the packages outside this module and the standard library that
// the files of otelresource may import.
var allowed = []string{
	"go.opentelemetry.io/otel",
	"go.opentelemetry.io/otel/attribute",
	"go.opentelemetry.io/otel/metric",
	"go.opentelemetry.io/otel/semconv/v1.43.0",
}

func TestPackageImportsNeitherExporterNorMetricSDK(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			standard := !strings.Contains(strings.SplitN(path, "/", 2)[0], ".")
			ours := strings.HasPrefix(path, "github.com/cboxdk/resource-monitor/")
			sdk := path == "go.opentelemetry.io/otel/sdk/resource" && name == "detector.go"
			if !standard && !ours && !sdk && !slices.Contains(allowed, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestNothingBelowThePackagePullsInGRPC(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for path := range strings.FieldsSeq(string(out)) {
		for _, heavy := range []string{"google.golang.org/", "go.opentelemetry.io/otel/exporters/", "go.opentelemetry.io/otel/sdk/metric"} {
			if strings.HasPrefix(path, heavy) {
				t.Errorf("the package is built on %s", path)
			}
		}
	}
}
