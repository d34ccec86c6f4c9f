// Slog puts what is left of memory and CPU into every line of a program's log, so that
// a slow request is seen beside what it ran out of.
//
//	go run ./examples/slog
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/cboxdk/resource-monitor/otelresource"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "slog:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	monitor, err := otelresource.NewResourceMonitor()
	if err != nil {
		return err
	}
	defer func() { _ = monitor.Close() }()
	log := slog.New(&handler{slog.NewJSONHandler(out, nil), monitor})
	time.Sleep(1100 * time.Millisecond) // CPU usage is of a window, which is full by now
	log.InfoContext(ctx, "request served", "path", "/checkout")
	return nil
}

// handler adds the resources to each record. A reading is a snapshot, at most a second
// old: nearly every line costs two atomic loads and no system call.
type handler struct {
	slog.Handler
	monitor otelresource.ResourceMonitor
}

// Handle leaves out what cannot be read: a log line is never lost for it.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	r = r.Clone()
	if m, err := h.monitor.GetMemoryStats(ctx); err == nil && m.Has(otelresource.FieldAvailableBytes) {
		r.AddAttrs(slog.Group("memory", "available", m.AvailableBytes, "limit", m.LimitBytes))
	}
	if c, err := h.monitor.GetCPUStats(ctx); err == nil && c.Has(otelresource.FieldUsagePercent) {
		r.AddAttrs(slog.Group("cpu", "usage_percent", c.UsagePercent, "limit", c.LimitCores))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the resources in loggers made of this one.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &handler{h.Handler.WithAttrs(attrs), h.monitor}
}

// WithGroup does the same.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.Handler.WithGroup(name), h.monitor}
}
