package dashboards

import (
	"encoding/json"
	"fmt"
	"strings"
)

type vmuiPage struct {
	Title string    `json:"title"`
	Rows  []vmuiRow `json:"rows"`
}

type vmuiRow struct {
	Title  string      `json:"title"`
	Panels []vmuiPanel `json:"panels"`
}

type vmuiPanel struct {
	Title       string   `json:"title"`
	Description string   `json:"description"`
	Unit        string   `json:"unit,omitempty"`
	Expr        []string `json:"expr"`
	Alias       []string `json:"alias,omitempty"`
	ShowLegend  bool     `json:"showLegend"`
	Width       uint32   `json:"width"` // of 12
}

// VMUI returns the dashboard for the page that VictoriaMetrics brings along.
// It draws curves alone: numbers, bars and tables are left out, and legends, which
// take half of a panel there; the pointer shows the names.
func (d Dashboard) VMUI() ([]byte, error) {
	// The page opens the first row alone, so that there is only one.
	r := vmuiRow{Title: d.Description}
	for _, row := range d.Rows {
		for _, p := range row.Panels {
			if p.Kind != Curves {
				continue
			}
			panel := vmuiPanel{Title: p.Title, Description: p.Description, Width: 4, Unit: p.Unit.suffix()}
			for _, q := range p.Queries {
				expr, err := expand(q.Expression, anyService)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", d.Title, p.Title, err)
				}
				// Without a window VictoriaMetrics takes one that fits the step.
				expr = strings.ReplaceAll(expr, "[$__rate_interval]", "")
				if p.Unit == Ratio {
					expr = "100 * (" + expr + ")"
				}
				if p.Unit == Bytes {
					expr = "(" + expr + ") / 2^20"
				}
				panel.Expr = append(panel.Expr, expr)
				panel.Alias = append(panel.Alias, strings.TrimSpace("{{service_name}} "+strings.TrimPrefix(q.legend(p), legend)))
			}
			r.Panels = append(r.Panels, panel)
		}
	}
	page := vmuiPage{Title: d.Title}
	if len(r.Panels) > 0 {
		page.Rows = []vmuiRow{r}
	}
	text, err := json.MarshalIndent(page, "", "  ")
	return append(text, '\n'), err
}

// suffix is what the page writes behind a number; it does not scale them.
func (u Unit) suffix() string {
	switch u {
	case Ratio:
		return "%"
	case Bytes:
		return "MiB"
	case BytesPerSec:
		return "B/s"
	case PerSecond:
		return "/s"
	}
	return ""
}
