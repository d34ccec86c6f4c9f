// Package dashboards is the one source of what is shown and alerted on: the
// Grafana dashboards, the same panels for VictoriaMetrics' own page, and the
// recording and alerting rules of Prometheus.
//
//	go generate ./...
//
// writes them to collector-config; a test fails while they are stale. An
// expression is PromQL with OpenTelemetry's names in angle brackets, such as
// <container.cpu.time cpu.mode="user">. Names, attributes and their values
// are looked up in the instrument table, so that nothing can be shown that is
// not measured.
package dashboards

//go:generate go test -run ^TestGenerated$ . -update
