package instruments

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the documents that hold the metric tables")

// TestDocumentation holds the documents against the tables. "make generate" rewrites them.
func TestDocumentation(t *testing.T) {
	for _, doc := range []struct {
		file, begin, end, text string
	}{
		{"../../docs/metrics.md", "<!-- metrics:begin -->\n", "<!-- metrics:end -->", Markdown() + "\n"},
		{"../../otelresource/doc.go", "// (c) with WithPerCPU, (d) with Config.EnableDetailedIO,\n// (n) with Config.EnableDetailedNetwork.\n", "// # ", "//\n" + GoDoc() + "//\n"},
	} {
		t.Run(doc.file, func(t *testing.T) {
			old, err := os.ReadFile(doc.file)
			if err != nil {
				t.Fatal(err)
			}
			head, rest, ok := strings.Cut(string(old), doc.begin)
			_, tail, ok2 := strings.Cut(rest, doc.end)
			if !ok || !ok2 {
				t.Fatalf("has no part between %q and %q", doc.begin, doc.end)
			}
			want := head + doc.begin + doc.text + doc.end + tail
			switch {
			case want == string(old):
			case *update:
				if err := os.WriteFile(doc.file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("its metric table is stale: run make generate")
			}
		})
	}
}

// TestTablesAreWellFormed keeps what the documents and every backend rely on.
func TestTablesAreWellFormed(t *testing.T) {
	name := regexp.MustCompile(`^(container|system|process|otelresource)(\.[a-z][a-z0-9_]*)+$`)
	for _, d := range catalog() {
		if !name.MatchString(d.Name) {
			t.Errorf("%s is not a metric's name", d.Name)
		}
		if !d.Standard && d.PriorArt == "" {
			t.Errorf("%s is not in the semantic conventions and names no prior art", d.Name)
		}
		if !strings.HasSuffix(d.Description, ".") {
			t.Errorf("the description of %s is no sentence: %q", d.Name, d.Description)
		}
	}
}

// fragment is what stands around those lines of the README that are no whole program.
const fragment = "package main\nimport (\n\"context\"\n\"log\"\n\"github.com/cboxdk/resource-monitor/otelresource\"\n)\nfunc main() {\nctx := context.Background()\n%s}\n"

// TestReadmeCompiles checks the programs that the README shows.
func TestReadmeCompiles(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(readme, -1)
	if len(programs) == 0 {
		t.Fatal("the README shows no program")
	}
	for _, program := range programs {
		if !bytes.HasPrefix(program[1], []byte("package ")) {
			program[1] = fmt.Appendf(nil, fragment, program[1])
		}
		file := filepath.Join(t.TempDir(), "main.go")
		if err := os.WriteFile(file, program[1], 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), "go", "vet", file).CombinedOutput(); err != nil {
			t.Errorf("%v: %s\n%s", err, out, program[1])
		}
	}
}
