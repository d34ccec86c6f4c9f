package traps

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// ids are how many traps each group has: none may be lost.
var ids = map[string]int{"F": 23, "M": 17, "C": 12, "P": 7, "I": 11, "N": 9, "T": 11, "K": 11, "X": 9, "R": 36}

func TestEveryTrapHasATestOrAReason(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^//\t([A-Z]\d+) +(\S.*)\n//\t    (\S.*)$`).FindAllStringSubmatch(string(text), -1) {
		id, tests := m[1], m[3]
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
	all := 0
	for group, n := range ids {
		all += n
		for i := 1; i <= n; i++ {
			if id := group + strconv.Itoa(i); !seen[id] {
				t.Errorf("%s is lost", id)
			}
		}
	}
	if len(seen) != all {
		t.Errorf("%d rows of %d traps", len(seen), all)
	}
}

func exists(t *testing.T, pkg, name string) bool {
	t.Helper()
	dir := "../" + pkg
	switch pkg {
	case "otelresource":
		dir = "../../otelresource"
	case "producer":
		dir = "../../otelresource/producer"
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
