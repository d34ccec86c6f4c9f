package dashboards

import (
	"encoding/json"
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// selection is what the variables of a dashboard choose. A program always has
// a service.name, which cAdvisor's series of the same metrics do not; the other
// labels may be missing, and "all" then has to match that.
const selection = `service_name=~"$service",k8s_pod_name=~"$pod",service_instance_id=~"$instance"`

// legend names a program; labels that are missing leave nothing behind.
const legend = "{{service_name}} {{k8s_pod_name}} {{service_instance_id}}"

const tag = "otelresource"

// Grafana returns the dashboard as Grafana imports it.
func (d Dashboard) Grafana() ([]byte, error) {
	b := dashboard.NewDashboardBuilder(d.Title).
		Uid(d.UID).
		Description(d.Description).
		Tags([]string{tag}).
		Refresh("30s").
		Time("now-1h", "now").
		Timezone("browser").
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Link(dashboard.NewDashboardLinkBuilder("Resources").Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).IncludeVars(true).KeepTime(true))
	for _, v := range variables() {
		b.WithVariable(v)
	}
	var id uint32
	for _, row := range d.Rows {
		id++
		b.WithRow(dashboard.NewRowBuilder(row.Title).Id(id))
		for _, p := range row.Panels {
			id++
			panel, err := p.grafana(id)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", d.Title, p.Title, err)
			}
			b.WithPanel(panel)
		}
	}
	built, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Title, err)
	}
	text, err := json.MarshalIndent(built, "", "  ")
	return append(text, '\n'), err
}

func datasource() common.DataSourceRef {
	return common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}
}

// variables lets a reader choose programs. Each offers what the ones before it leave.
func variables() []cog.Builder[dashboard.VariableModel] {
	all := []cog.Builder[dashboard.VariableModel]{
		dashboard.NewDatasourceVariableBuilder("datasource").Label("Data source").Type("prometheus"),
	}
	for _, v := range []struct{ name, label, from, within, all string }{
		{"service", "Service", `service_name`, ``, ".+"},
		{"pod", "Pod", `k8s_pod_name`, `,service_name=~"$service"`, ".*"},
		{"instance", "Instance", `service_instance_id`, `,service_name=~"$service",k8s_pod_name=~"$pod"`, ".*"},
	} {
		query := `label_values({__name__=~"container_memory_limit_bytes|system_memory_limit_bytes"` + v.within + `}, ` + v.from + `)`
		all = append(all, dashboard.NewQueryVariableBuilder(v.name).Label(v.label).
			Datasource(datasource()).
			Query(dashboard.StringOrMap{String: &query}).
			Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
			Sort(dashboard.VariableSortAlphabeticalAsc).
			Multi(true).IncludeAll(true).AllValue(v.all).
			Current(dashboard.VariableOption{
				Text:  dashboard.StringOrArrayOfString{String: cog.ToPtr("All")},
				Value: dashboard.StringOrArrayOfString{String: cog.ToPtr("$__all")},
			}))
	}
	return all
}

func (p Panel) grafana(id uint32) (cog.Builder[dashboard.Panel], error) {
	var targets []cog.Builder[variants.Dataquery]
	for i, q := range p.Queries {
		expr, err := expand(q.Expression, selection)
		if err != nil {
			return nil, err
		}
		t := prometheus.NewDataqueryBuilder().RefId(string(rune('A' + i))).Expr(expr).LegendFormat(q.legend(p)).Range()
		if p.Kind == Table || p.Kind == Bars {
			t.Instant()
		}
		if p.Kind == Table {
			t.Format(prometheus.PromQueryFormatTable)
		}
		targets = append(targets, t)
	}
	steps := []dashboard.Threshold{{Value: nil, Color: green}}
	for _, t := range p.Thresholds {
		if t.From > 0 {
			steps = append(steps, dashboard.Threshold{Value: cog.ToPtr(t.From), Color: t.Color})
		}
	}
	thresholds := dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
	last := common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"})
	switch p.Kind {
	case Number:
		return stat.NewPanelBuilder().Id(id).Title(p.Title).Description(p.Description).Datasource(datasource()).Targets(targets).
			Unit(string(p.Unit)).Span(p.width()).Height(5).Thresholds(thresholds).ReduceOptions(last).
			ColorMode(common.BigValueColorModeBackground).GraphMode(common.BigValueGraphModeArea).
			ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)), nil
	case Bars:
		return bargauge.NewPanelBuilder().Id(id).Title(p.Title).Description(p.Description).Datasource(datasource()).Targets(targets).
			Unit(string(p.Unit)).Span(p.width()).Height(7).ReduceOptions(last).Min(0).
			Orientation(common.VizOrientationHorizontal).DisplayMode(common.BarGaugeDisplayModeGradient).
			ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassic)), nil
	case Table:
		return table.NewPanelBuilder().Id(id).Title(p.Title).Description(p.Description).Datasource(datasource()).Targets(targets).
			Unit(string(p.Unit)).Span(p.width()).Height(8).Filterable(true).
			Footer(common.NewTableFooterOptionsBuilder().Reducer([]string{})).
			WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
				"excludeByName": map[string]bool{"Time": true},
			}}), nil
	}
	b := timeseries.NewPanelBuilder().Id(id).Title(p.Title).Description(p.Description).Datasource(datasource()).Targets(targets).
		Unit(string(p.Unit)).Span(p.width()).Height(8).Min(0).
		LineWidth(1.5).FillOpacity(12).GradientMode(common.GraphGradientModeOpacity).ShowPoints(common.VisibilityModeNever).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending)).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).Calcs([]string{"lastNotNull", "max"}))
	if p.Unit == Ratio {
		b.AxisSoftMax(1)
	}
	if len(p.Thresholds) > 0 {
		b.Thresholds(thresholds).ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	for i, q := range p.Queries {
		if q.Dashed {
			b.OverrideByQuery(string(rune('A'+i)), []dashboard.DynamicConfigValue{
				{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{8, 6}}},
				{Id: "custom.fillOpacity", Value: 0},
				{Id: "color", Value: map[string]any{"mode": "fixed", "fixedColor": "semi-dark-orange"}},
			})
		}
	}
	return b, nil
}

// legend names a series: by the program, or by the one label that counts.
func (q Query) legend(p Panel) string {
	switch {
	case p.Kind == Bars:
		return "{{" + q.Legend + "}}"
	case q.Legend != "":
		return legend + " " + q.Legend
	}
	return legend
}

func (p Panel) width() uint32 {
	switch {
	case p.Width > 0:
		return p.Width
	case p.Kind == Number:
		return 4
	}
	return 8
}
