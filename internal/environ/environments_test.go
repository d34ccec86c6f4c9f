package environ_test

import (
	"context"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/google/go-cmp/cmp"
)

// TestEnvironments asserts everything that is said about each fake root.
func TestEnvironments(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) < 45 {
		t.Fatalf("%d environments, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			in, root := load(t, name)
			info, err := environ.Detect(context.Background(), in)
			safe(t, reflect.ValueOf(*info))
			got := render(info)
			if err != nil {
				got += "error: " + strings.ReplaceAll(err.Error(), root.Dir(), "") + "\n"
			}
			want, ok := root.Section("want")
			if !ok || got != want {
				t.Errorf("the archive's @want (-) differs from what was found (+):\n%s", cmp.Diff(want, got))
			}
		})
	}
}
