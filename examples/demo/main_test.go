package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
)

// TestServesUntilTheEnd runs the service, asks it, gives it a little load, and ends it.
func TestServesUntilTheEnd(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there are no collectors for this operating system")
	}
	// Nobody listens there; the exporter gives up at the end.
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
	t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "100")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, address) }()
	for end := time.Now().Add(20 * time.Second); ask(ctx, "http://"+address+"/") != nil; {
		if time.Now().After(end) {
			t.Fatal("it does not answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := post(ctx, "http://"+address+"/work"); err != nil {
		t.Error(err)
	}
	cancel()
	select {
	case err := <-ended:
		t.Log(err) // of the last export: nobody listens
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
}

func TestLoadArrives(t *testing.T) {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { n.Add(1) }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- load(ctx, server.URL) }()
	for end := time.Now().Add(20 * time.Second); n.Load() < 2 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n.Load() < 2 {
		t.Errorf("%d requests arrived", n.Load())
	}
}
