package main

import (
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func TestServesTheMetrics(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for " + runtime.GOOS)
	}
	handler, err := newHandler()
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if page := w.Body.String(); !strings.Contains(page, "_memory_limit_bytes{") || !strings.Contains(page, "_cpu_time_seconds_total{") ||
		strings.Count(page, "service_name=") < 10 {
		t.Errorf("status %d, and no limit, no CPU time or no service's name in\n%s", w.Code, page)
	}
}
