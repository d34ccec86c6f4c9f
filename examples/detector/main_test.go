package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestUsersWordWins(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "host.virtualization.type=of-the-user")
	var out bytes.Buffer
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	got := out.String()
	if !strings.Contains(got, "host.virtualization.type=of-the-user\n") || !strings.Contains(got, "telemetry.sdk.language=go\n") {
		t.Errorf("attributes are missing in\n%s", got)
	}
	if strings.Contains(got, "host.virtualization.role") {
		t.Errorf("what is filtered out is in\n%s", got)
	}
}
