package main

import (
	"bytes"
	"runtime"
	"strings"
	"testing"
)

func TestConfigurationCounts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out, ""); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if !strings.Contains(got, "system.memory.utilization 1\n") {
		t.Errorf("no ratio in\n%s", got)
	}
	for _, unwanted := range []string{"container.", "paging.faults"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("%s in\n%s", unwanted, got)
		}
	}
}

func TestRootMustExist(t *testing.T) {
	if err := run(t.Context(), &bytes.Buffer{}, t.TempDir()+"/none"); err == nil {
		t.Error("a root that is not there was accepted")
	}
}
