package traps

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestEveryTestThatTheTableNamesExists(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t([A-Z]\d+) +(.+)$`).FindAllStringSubmatch(string(text), -1) {
		id, tests := m[1], m[2]
		rows++
		if seen[id] {
			t.Errorf("%s stands there twice", id)
		}
		seen[id] = true
		if strings.HasPrefix(tests, "- ") {
			continue
		}
		for _, test := range strings.Fields(tests) {
			pkg, name, _ := strings.Cut(test, ".")
			if !exists(t, pkg, name) {
				t.Errorf("%s: there is no test %s", id, test)
			}
		}
	}
	if rows < 90 {
		t.Errorf("%d rows: the table is not read as it is written", rows)
	}
}

func exists(t *testing.T, pkg, name string) bool {
	t.Helper()
	dir := "../" + pkg
	if pkg == "otelresource" {
		dir = "../../" + pkg
	}
	files, err := filepath.Glob(dir + "/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\nfunc "+name+"(") {
			return true
		}
	}
	return false
}
