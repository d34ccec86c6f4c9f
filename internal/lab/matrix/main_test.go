package main

import (
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const events = `{"Action":"run","Test":"TestA"}
{"Action":"attr","Test":"TestA","Key":"version","Value":"Linux 6.1"}
{"Action":"attr","Test":"TestA","Key":"cell","Value":"Kernels|v2|boot"}
{"Action":"attr","Test":"TestA/limits","Key":"cell","Value":"Kernels|v2|limits"}
{"Action":"pass","Test":"TestA/limits"}
{"Action":"attr","Test":"TestA/load","Key":"cell","Value":"Kernels|v2|load"}
{"Action":"output","Test":"TestA/load","Output":"    a_test.go:1: no disk: none at all\n"}
{"Action":"skip","Test":"TestA/load"}
{"Action":"fail","Test":"TestA","Elapsed":90.4}
{"Action":"attr","Test":"TestB","Key":"cell","Value":"Kernels|v1|load"}
{"Action":"output","Test":"TestB","Output":"    b_test.go:1: wrong\n"}
{"Action":"fail","Test":"TestB","Elapsed":30.2}
{"Action":"attr","Test":"TestE","Key":"cell","Value":"Kernels|hybrid|load"}
{"Action":"attr","Test":"TestE/load","Key":"cell","Value":"Kernels|hybrid|load"}
{"Action":"pass","Test":"TestE/load"}
{"Action":"fail","Test":"TestE"}
{"Action":"attr","Test":"TestC","Key":"cell","Value":"Hosts|docker|start"}
{"Action":"attr","Test":"TestD","Key":"cell","Value":"Hosts|podman|start"}
{"Action":"output","Test":"TestD","Output":"    d_test.go:1: made one in 2s\n"}
{"Action":"output","Test":"TestD","Output":"    d_test.go:2: no disk: time=\"2026-11-27T06:04:09Z\" none at all\n"}
{"Action":"skip","Test":"TestD"}
`

const want = `| environment | boot | limits | load |
|---|---|---|---|
| v2 | **FAIL** | pass | skipped (1) |
| v1 |  |  | **FAIL** |
| hybrid |  |  | **FAIL** |

## Hosts

| environment | start |
|---|---|
| docker | **FAIL** |
| podman | skipped (1) |

## Skipped

1. no disk: none at all
`

// A test that never ended has failed, one that fails beside its subtests is
// shown as well, and one reason is one footnote.
func TestMatrix(t *testing.T) {
	m := &matrix{tests: map[string]*test{}}
	if err := m.read(strings.NewReader(events), io.Discard); err != nil {
		t.Fatal(err)
	}
	got := m.markdown(time.Unix(0, 0))
	if !strings.HasSuffix(got, want+notHad) {
		t.Errorf("got:\n%s\nwant at its end:\n%s", got, want)
	}
	for _, part := range []string{"1970-01-01", "1 passed, 4 failed, 2 skipped", "It took\n2m1s (TestA 1m30s, TestB 30s).\n", "- Linux 6.1\n"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q is missing in:\n%s", part, got)
		}
	}
}

// A later run of an environment replaces an earlier one whole: it may make other checks.
func TestALaterRunReplacesAnEarlierOne(t *testing.T) {
	run := func(check, outcome string) string {
		return `{"Action":"run","Test":"TestA"}
{"Action":"attr","Test":"TestA","Key":"cell","Value":"Kernels|v2|boot"}
{"Action":"run","Test":"TestA/docker"}
{"Action":"attr","Test":"TestA/docker","Key":"cell","Value":"Kernels|v2: docker|start"}
{"Action":"run","Test":"TestA/docker/` + check + `"}
{"Action":"attr","Test":"TestA/docker/` + check + `","Key":"cell","Value":"Kernels|v2: docker|` + check + `"}
{"Action":"` + outcome + `","Test":"TestA/docker/` + check + `"}
{"Action":"` + outcome + `","Test":"TestA/docker"}
{"Action":"pass","Test":"TestA"}
`
	}
	other := strings.ReplaceAll(run("limits", "pass"), "docker", "podman")
	m := &matrix{tests: map[string]*test{}}
	if err := m.read(strings.NewReader(run("limits", "fail")+other+run("hidden limits", "pass")), io.Discard); err != nil {
		t.Fatal(err)
	}
	const want = `| environment | limits | hidden limits |
|---|---|---|
| v2: podman | pass |  |
| v2: docker |  | pass |
`
	if got := m.markdown(time.Unix(0, 0)); !strings.Contains(got, want) {
		t.Errorf("got:\n%s\nwant in it:\n%s", got, want)
	}
}

// What is not the matrix's own flag must be left to go test.
func TestTheMakefilesArgumentsReachGoTest(t *testing.T) {
	makefile, err := os.ReadFile("../../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`go run \./matrix (.*)`).FindAllStringSubmatch(string(makefile), -1)
	if len(lines) != 2 {
		t.Fatalf("the Makefile runs the matrix in %d places", len(lines))
	}
	for _, line := range lines {
		c, err := parse(strings.Fields(line[1]))
		if err != nil || c.events != "" || !slices.Contains(c.goTest, "-count=1") || c.goTest[len(c.goTest)-1] != "." {
			t.Errorf("%s: %+v, %v", line[0], c, err)
		}
	}
}
