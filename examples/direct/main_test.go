package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

func TestReads(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"platform: ", "memory limit: ", "memory left: ", "cores: ", "cores in use: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
