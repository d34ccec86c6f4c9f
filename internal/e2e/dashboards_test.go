//go:build linux

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDashboards feeds a live database by the shipped Collector configurations, and
// holds the dashboards and rules against what it then answers.
func TestDashboards(t *testing.T) {
	if !*withBackend {
		t.Skip("needs a metrics database, which takes minutes to build: make e2e")
	}
	ctx := deadline(t)
	const export = time.Second
	s := startStack(ctx, t, export, freeAddresses(t, 1)[0])
	evaluator := "http://" + s.startRules(ctx, t, buildBackend(ctx, t, "vmalert"))
	poll(ctx, t, "the first series", func() (bool, error) {
		found, err := s.query(ctx, `system_memory_limit_bytes{service_name="demo"}`)
		return len(found) > 0, err
	}, s.app, s.agent, s.gateway, s.backend)

	from, to := s.outage(ctx, t, 12*time.Second)
	t.Run("outage", func(t *testing.T) { s.checkOutage(ctx, t, export, from, to) })
	t.Run("panels", func(t *testing.T) { s.checkPanels(ctx, t) })
	t.Run("rules", func(t *testing.T) { s.checkRules(ctx, t, evaluator) })
	t.Run("picture", func(t *testing.T) { s.checkPicture(ctx, t) })
}

// whereKernelOffers are metrics that not every kernel has: an expression that needs
// one of them may be empty, where no program sent it.
var whereKernelOffers = regexp.MustCompile(`^(container|system)_[a-z]+_linux_pressure_|^container_memory_linux_(peak|high)|^container_memory_swap|^container_cpu_burst|^container_pids|^container_uptime|^otelresource_source_errors|^system_irq|^container_(disk|network)`)

var metricName = regexp.MustCompile(`\b[a-z][a-z0-9_]*(?:_[a-z0-9]+)+\{`)

// answered says whether the database has data for an expression. Where a metric
// is missing that the kernel need not offer, it says so and is content.
func (s *stack) answered(ctx context.Context, expr string, names []string) (ok bool, missing []string, err error) {
	found, err := s.query(ctx, expr)
	if err != nil || len(found) > 0 {
		return err == nil, nil, err
	}
	for _, m := range metricName.FindAllString(expr, -1) {
		if m = strings.TrimSuffix(m, "{"); !slices.Contains(names, m) {
			missing = append(missing, m)
		}
	}
	for _, m := range missing {
		containerless := s.cgroup == nil && (strings.HasPrefix(m, "container_") || strings.HasPrefix(m, "otelresource_limit"))
		if !whereKernelOffers.MatchString(m) && !containerless {
			return false, missing, nil
		}
	}
	return len(missing) > 0, missing, nil
}

// checkPanels asks what every panel of every Grafana dashboard asks.
func (s *stack) checkPanels(ctx context.Context, t *testing.T) {
	files, err := filepath.Glob(filepath.Join(checkout(t), "collector-config", "grafana", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatal("no dashboards", err)
	}
	variables := strings.NewReplacer("$service", ".+", "$pod", ".*", "$instance", ".*", "$__rate_interval", "30s", "$__range", "5m")
	shown, empty := 0, map[string]bool{}
	for _, file := range files {
		for title, expressions := range panels(t, file) {
			for _, expr := range expressions {
				expr = variables.Replace(expr)
				var missing []string
				wait, cancel := context.WithTimeout(ctx, time.Minute)
				poll(wait, t, title+": "+expr, func() (ok bool, err error) {
					names, err := s.names(wait)
					if err != nil {
						return false, err
					}
					ok, missing, err = s.answered(wait, expr, names)
					return ok, err
				}, s.backend, s.app)
				cancel()
				if len(missing) == 0 {
					shown++
				}
				for _, m := range missing {
					empty[m] = true
				}
			}
		}
	}
	t.Logf("%d expressions have data; this kernel does not offer %d of the metrics: %v", shown, len(empty), slices.Sorted(maps.Keys(empty)))
	if shown < 20 {
		t.Errorf("only %d expressions have data", shown)
	}
}

// panels reads the expressions of a dashboard by the panels' titles.
func panels(t *testing.T, file string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	all := map[string][]string{}
	for _, p := range dashboard.Panels {
		for _, target := range p.Targets {
			title := dashboard.Title + ", " + p.Title
			all[title] = append(all[title], target.Expr)
		}
	}
	return all
}

func rulesFile(t *testing.T) string {
	t.Helper()
	return filepath.Join(checkout(t), "collector-config", "prometheus", "rules.yaml")
}

// startRules evaluates the shipped rules on the live data, and writes what
// they record back.
func (s *stack) startRules(ctx context.Context, t *testing.T, program string) string {
	t.Helper()
	address := freeAddresses(t, 1)[0]
	p := start(t, "the evaluator of the rules", exec.Command(program,
		"-rule="+rulesFile(t),
		"-datasource.url=http://"+s.address,
		"-remoteWrite.url=http://"+s.address,
		"-notifier.blackhole",
		"-evaluationInterval=2s",
		"-httpListenAddr="+address,
	))
	poll(ctx, t, "the evaluator of the rules", func() (bool, error) {
		_, err := get(ctx, "http://"+address+"/health")
		return err == nil, nil
	}, p)
	return address
}

// checkRules demands that every rule was evaluated without an error, that every
// recording rule records, and that every alert has something to look at.
func (s *stack) checkRules(ctx context.Context, t *testing.T, evaluator string) {
	page, err := get(ctx, evaluator+"/api/v1/rules")
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct {
					Name, Query, Type, Health, LastError string
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(page), &answer); err != nil {
		t.Fatalf("%v: %s", err, page)
	}
	checked := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			checked++
			if r.Health != "ok" && r.Health != "unknown" {
				t.Errorf("%s: %s: %s", r.Name, r.Health, r.LastError)
			}
			// What an alert compares must be there, whether or not it fires.
			expr, _, _ := strings.Cut(r.Query, " unless ")
			if i := strings.LastIndex(expr, " > "); i > 0 && r.Type == "alerting" {
				expr = expr[:i]
			}
			if r.Type == "recording" {
				expr = r.Name
			}
			wait, cancel := context.WithTimeout(ctx, time.Minute)
			poll(wait, t, r.Name+": "+expr, func() (bool, error) {
				names, err := s.names(wait)
				if err != nil {
					return false, err
				}
				if s.cgroup == nil && strings.HasPrefix(expr, "instance:container_") {
					return true, nil
				}
				ok, missing, err := s.answered(wait, expr, names)
				if ok && len(missing) > 0 {
					t.Logf("%s: this kernel does not offer %v", r.Name, missing)
				}
				return ok, err
			}, s.backend)
			cancel()
		}
	}
	shipped, err := os.ReadFile(rulesFile(t))
	if err != nil {
		t.Fatal(err)
	}
	if want := bytes.Count(shipped, []byte("- alert: ")) + bytes.Count(shipped, []byte("- record: ")); checked != want {
		t.Errorf("%d of the %d rules were evaluated", checked, want)
	}
}

// checkOutage looks at the time in which the database was stopped: every export
// of it must be there in the end.
func (s *stack) checkOutage(ctx context.Context, t *testing.T, export time.Duration, from, to time.Time) {
	const metric = `system_cpu_time_seconds_total{service_name="demo",cpu_mode="idle"}`
	var samples samples
	poll(ctx, t, "an export from after the outage", func() (bool, error) {
		var err error
		samples, err = s.export(ctx, metric)
		if err != nil || len(samples.Timestamps) == 0 {
			return false, err
		}
		return time.UnixMilli(samples.Timestamps[len(samples.Timestamps)-1]).After(to.Add(5 * time.Second)), nil
	}, s.backend, s.gateway, s.agent, s.app)
	during := 0
	for i, ms := range samples.Timestamps {
		at := time.UnixMilli(ms)
		if at.After(from) && at.Before(to) {
			during++
		}
		if i == 0 {
			continue
		}
		// The periodic reader may be late where the machine is busy or the quota
		// is spent; a hole of the outage's length is data that was lost.
		if gap := at.Sub(time.UnixMilli(samples.Timestamps[i-1])); gap > export+5*time.Second {
			t.Errorf("nothing for %v before %v", gap, at.Format(time.TimeOnly))
		}
		if samples.Values[i] < samples.Values[i-1] {
			t.Errorf("the counter fell from %g to %g", samples.Values[i-1], samples.Values[i])
		}
	}
	if during < 3 {
		t.Errorf("%d samples of the %v without a database", during, to.Sub(from).Round(time.Second))
	}
	t.Logf("%d samples of the %v without a database arrived after it", during, to.Sub(from).Round(time.Second))
}

// samples are the raw samples of one series.
type samples struct {
	Values     []float64
	Timestamps []int64 // in milliseconds
}

// export reads the raw samples of the one series that a selector has.
func (s *stack) export(ctx context.Context, selector string) (samples, error) {
	var one samples
	page, err := s.post(ctx, "/api/v1/export", url.Values{"match[]": {selector}})
	if err != nil || len(page) == 0 {
		return one, err
	}
	return one, json.Unmarshal(page, &one)
}

// query gives the series that an expression has now.
func (s *stack) query(ctx context.Context, expr string) ([]json.RawMessage, error) {
	page, err := s.post(ctx, "/api/v1/query", url.Values{"query": {expr}})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data struct{ Result []json.RawMessage }
	}
	err = json.Unmarshal(page, &answer)
	return answer.Data.Result, err
}

// names lists the metrics that the database has.
func (s *stack) names(ctx context.Context) ([]string, error) {
	page, err := s.post(ctx, "/api/v1/label/__name__/values", nil)
	if err != nil {
		return nil, err
	}
	var answer struct{ Data []string }
	err = json.Unmarshal(page, &answer)
	return answer.Data, err
}

func (s *stack) post(ctx context.Context, path string, form url.Values) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.address+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, response.Status, page)
	}
	return page, err
}
