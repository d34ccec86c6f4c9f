package otelresource_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// TestCaptures reads the fake roots that make lab-capture took inside real
// containers. What each @want says was confirmed there, by the kernel's files as the machine outside sees them.
func TestCaptures(t *testing.T) {
	names, err := filepath.Glob("testdata/lab/*.txtar")
	if err != nil || len(names) < 5 {
		t.Fatalf("%d captures, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			root := fixture.Load(t, name)
			variables, err := os.ReadFile(filepath.Join(root.Dir(), "proc/1/environ"))
			if err != nil {
				t.Fatal(err)
			}
			root.Write("proc/1/environ", strings.ReplaceAll(strings.TrimSpace(string(variables)), `\0`, "\x00"))
			m := monitorOn(t, root)
			got := map[string]any{}
			for key, value := range map[string]any{"environment": m.GetEnvironmentInfo(), "memory": memoryOf(t, m), "cpu": cpuOf(t, m)} {
				text, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				var fields any
				if err := json.Unmarshal(text, &fields); err != nil {
					t.Fatal(err)
				}
				got[key] = fields
			}
			want, ok := root.Section("want")
			if !ok {
				t.Fatal("the archive has no @want")
			}
			for line := range strings.Lines(want) {
				path, value, _ := strings.Cut(strings.TrimSpace(line), " ")
				if found := at(got, path); found != value {
					t.Errorf("%s is %q, and was %q in the container", path, found, value)
				}
			}
		})
	}
}

// at is what the tree has at a path of keys joined by dots, as text.
func at(tree any, path string) string {
	for key := range strings.SplitSeq(path, ".") {
		fields, _ := tree.(map[string]any)
		tree = fields[key]
	}
	switch value := tree.(type) {
	case nil:
		return ""
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return fmt.Sprint(value)
	}
}
