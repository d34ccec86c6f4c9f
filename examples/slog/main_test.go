package main

import (
	"bytes"
	"encoding/json"
	"runtime"
	"testing"
)

func TestLineHoldsTheResources(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	var line struct {
		Msg    string
		Path   string
		Memory struct{ Available, Limit int64 }
		CPU    *struct {
			Limit float64
		}
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	if line.Path != "/checkout" || line.Memory.Limit <= 0 || line.Memory.Available > line.Memory.Limit || line.CPU == nil || line.CPU.Limit <= 0 {
		t.Errorf("the line is %s", &out)
	}
}
