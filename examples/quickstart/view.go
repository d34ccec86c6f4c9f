package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/cboxdk/resource-monitor/examples/internal/human"
	"github.com/cboxdk/resource-monitor/otelresource"
)

type collectFunc func(context.Context, *metricdata.ResourceMetrics) error

// view prints what was detected and then every round.
type view struct {
	options
	out      *os.File
	monitor  *otelresource.Monitor
	resource *resource.Resource
	scopes   []otelresource.Scope
}

// export waits while the periodic reader exports, or sends one round.
func (v *view) export(ctx context.Context, target string) error {
	v.detected(v.out)
	if v.once {
		fmt.Fprintf(v.out, "\nExporting one round over OTLP/gRPC to %s\n", target)
		sleep(ctx, v.interval) // until the first window of CPU usage is full
		return nil             // the flush at the end exports it
	}
	fmt.Fprintf(v.out, "\nExporting over OTLP/gRPC to %s until Ctrl-C\n", target)
	<-ctx.Done()
	return nil
}

// live shows a round each interval until ctx ends.
func (v *view) live(ctx context.Context, collect collectFunc) error {
	redraw := !v.once && !v.json && human.Terminal(v.out)
	if !v.json {
		v.detected(v.out)
	}
	if v.once {
		// CPU usage is known when the first window is full.
		sleep(ctx, v.interval)
	}
	for ctx.Err() == nil {
		var data metricdata.ResourceMetrics
		if err := collect(ctx, &data); err != nil {
			return err
		}
		var b strings.Builder
		if redraw {
			b.WriteString("\x1b[H\x1b[2J") // home, clear
			v.detected(&b)
		}
		if err := v.round(ctx, &b, &data); err != nil {
			return err
		}
		if redraw {
			b.WriteString("\nCtrl-C ends it.\n")
		}
		if _, err := io.WriteString(v.out, b.String()); err != nil {
			return err
		}
		if v.once {
			return nil
		}
		sleep(ctx, v.interval)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// detected prints where the program runs and why it is thought so.
func (v *view) detected(w io.Writer) {
	info := v.monitor.GetEnvironmentInfo()
	fmt.Fprintf(w, "This program runs %s\n", where(info))
	for _, f := range info.Evidence {
		sign := " "
		if f.Contradiction {
			sign = "!"
		}
		fmt.Fprintf(w, " %s %s: %s (%s)\n", sign, f.Key, f.Reason, f.Source)
	}
	if c := info.Cgroup; c != nil {
		fmt.Fprintf(w, "   cgroup %s, memory controller at %s\n", c.Version, memoryPath(c))
	}
	if attrs := v.resource.Encoded(attribute.DefaultEncoder()); attrs != "" {
		fmt.Fprintf(w, "   resource: %s\n", attrs)
	}
	fmt.Fprintf(w, "   measured: %v\n", v.scopes)
}

func memoryPath(c *otelresource.CgroupInfo) string {
	if path, ok := c.Paths["memory"]; ok {
		return path
	}
	return c.Paths[""]
}

func where(info *otelresource.EnvironmentInfo) string {
	place := "on " + info.OS + "/" + info.Arch
	if v := info.Virtualization; v != nil && v.Guest != nil {
		place = fmt.Sprintf("in a %s virtual machine (%s, %s/%s)", v.Type, info.Kernel, info.OS, info.Arch)
	}
	c := info.Container
	if c == nil {
		return "outside any container, " + place
	}
	name := c.Runtime
	if name == "" {
		name = "unknown"
	}
	inside := "in a container (runtime " + name
	if c.ID != "" {
		inside += ", id " + c.ID[:min(12, len(c.ID))]
	}
	if c.PodName != "" {
		inside += ", pod " + c.Namespace + "/" + c.PodName
	}
	return inside + "), " + place
}

// headline is what matters most: how much of what is granted is in use, and what grants it.
func (v *view) headline(ctx context.Context, w io.Writer) {
	if m, err := v.monitor.GetMemoryStats(ctx); err != nil {
		fmt.Fprintf(w, "  memory  %v\n", err)
	} else if m.Has(otelresource.FieldUsageBytes) && m.LimitBytes > 0 {
		fmt.Fprintf(w, "  memory  %s  %s of %s, %s left; limit set by %s\n",
			human.Bar(float64(m.UsageBytes)/float64(m.LimitBytes)), human.Bytes(float64(m.UsageBytes)), human.Bytes(float64(m.LimitBytes)),
			human.Bytes(float64(m.AvailableBytes)), setBy(m.LimitSource, m.LimitCgroup))
	}
	if c, err := v.monitor.GetCPUStats(ctx); err != nil {
		fmt.Fprintf(w, "  cpu     %v\n", err)
	} else if c.LimitCores > 0 {
		// Until the first window is full there is a limit and no usage.
		usage, bar := "usage not known yet", human.Bar(0)
		if c.Has(otelresource.FieldUsageCores) {
			usage, bar = fmt.Sprintf("%.2f", c.UsageCores), human.Bar(c.UsageCores/c.LimitCores)
		}
		fmt.Fprintf(w, "  cpu     %s  %s of %.2f cores; limit set by %s\n", bar, usage, c.LimitCores, setBy(c.LimitSource, c.LimitCgroup))
	}
	fmt.Fprintln(w)
}

func setBy(source otelresource.LimitSource, cgroup string) string {
	if cgroup == "" {
		return string(source)
	}
	return string(source) + " " + cgroup
}

// round prints one collection.
func (v *view) round(ctx context.Context, w io.Writer, data *metricdata.ResourceMetrics) error {
	points := flatten(data)
	if v.json {
		return json.NewEncoder(w).Encode(map[string]any{
			"time": time.Now(), "environment": v.monitor.GetEnvironmentInfo(), "metrics": points,
		})
	}
	fmt.Fprintf(w, "\n%s\n", time.Now().Format(time.TimeOnly))
	v.headline(ctx, w)
	name := ""
	for _, p := range points {
		shown := p.Name
		if shown == name {
			shown = ""
		}
		name = p.Name
		fmt.Fprintf(w, "  %-42s %18s  %s\n", shown, p.text(), p.labels())
	}
	return nil
}
