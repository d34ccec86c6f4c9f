package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"sync"
	"time"
)

// What one request costs.
const (
	busy     = 40 * time.Millisecond
	memory   = 4 << 20
	holdTime = time.Second
)

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("POST /work", work)
	return mux
}

// work touches memory, uses a CPU, and holds on to the memory for a while, as a
// request does that waits for something else.
func work(w http.ResponseWriter, r *http.Request) {
	block := make([]byte, memory)
	for i := 0; i < len(block); i += os.Getpagesize() {
		block[i] = 1
	}
	x := 0.0
	for began := time.Now(); time.Since(began) < busy; {
		for range 1000 {
			x = math.Sqrt(x + 2)
		}
	}
	select {
	case <-time.After(holdTime):
	case <-r.Context().Done():
	}
	fmt.Fprintln(w, block[0], x)
}

// The waves of the load: a quiet valley, and a peak that asks for more than
// half a core.
const (
	wave    = time.Minute
	valley  = 2.0  // requests a second
	peak    = 18.0 // requests a second
	waiting = 20   // requests under way at most
)

// load sends requests until ctx ends.
func load(ctx context.Context, target string) error {
	began := time.Now()
	slots := make(chan struct{}, waiting)
	var requests sync.WaitGroup
	defer requests.Wait()
	for ctx.Err() == nil {
		phase := 2 * math.Pi * time.Since(began).Seconds() / wave.Seconds()
		rate := valley + (peak-valley)*(1-math.Cos(phase))/2
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Duration(float64(time.Second) / rate)):
		}
		select {
		case slots <- struct{}{}:
			requests.Go(func() {
				defer func() { <-slots }()
				// A request that fails is load that was shed.
				_ = post(ctx, target+"/work")
			})
		default: // The service is behind; more would only queue.
		}
	}
	return nil
}

func post(ctx context.Context, url string) error { return do(ctx, http.MethodPost, url) }

// ask is a health check for an image without any other program in it.
func ask(ctx context.Context, url string) error { return do(ctx, http.MethodGet, url) }

func do(ctx context.Context, method, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
