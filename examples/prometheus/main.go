// Prometheus serves the resources of this program on /metrics, for a Prometheus that
// scrapes. It is a module of its own, so that the library does without its requirements.
//
//	cd examples/prometheus && go run .
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"

	"github.com/cboxdk/resource-monitor/otelresource"
)

const address = "127.0.0.1:9464" // the port that the specification gives the exporter

func main() {
	handler, err := newHandler()
	if err == nil {
		fmt.Printf("http://%s/metrics\n", address)
		server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		err = server.ListenAndServe()
	}
	fmt.Fprintln(os.Stderr, "prometheus:", err)
	os.Exit(1)
}

// newHandler serves a registry that holds the resources alone.
func newHandler() (http.Handler, error) {
	registry := prometheus.NewRegistry()
	// As labels of each series, by which the rules and dashboards of collector-config tell services apart.
	labels := exporter.WithResourceAsConstantLabels(attribute.NewAllowKeysFilter("service.name", "service.instance.id"))
	reader, err := exporter.New(exporter.WithRegisterer(registry), labels)
	if err != nil {
		return nil, err
	}
	provider := metric.NewMeterProvider(metric.WithReader(reader))
	if _, err := otelresource.Start(otelresource.WithMeterProvider(provider)); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	return mux, nil
}
