package dashboards

// Dashboard is one page, whatever draws it.
type Dashboard struct {
	UID, Title, Description string
	Rows                    []Row
}

// Row is a titled group of panels.
type Row struct {
	Title  string
	Panels []Panel
}

// Panel shows some queries.
type Panel struct {
	Title string
	// Description says what to look for, and what it means when it is there.
	Description string
	Kind        Kind
	Unit        Unit
	Queries     []Query
	// Thresholds color what is shown, from the lowest up. They are those of
	// the alerts where there is one.
	Thresholds []Threshold
	// Width of 24; 0 is a third of the page for curves, an eighth for numbers.
	Width uint32
}

// Query is an expression and what its series are called.
type Query struct {
	Expression string
	// Legend follows the program's name; "" is the name alone.
	Legend string
	// Dashed draws a limit, so that it is not taken for a use.
	Dashed bool
}

// Threshold is where a color begins.
type Threshold struct {
	From  float64
	Color string
}

// Kind is how a panel draws.
type Kind uint8

// The kinds.
const (
	Curves Kind = iota
	Number
	Bars
	Table
)

// Unit is a unit by Grafana's name.
type Unit string

// The units.
const (
	Bytes       Unit = "bytes" // powers of 1024
	BytesPerSec Unit = "binBps"
	Ratio       Unit = "percentunit"
	Cores       Unit = "none"
	Count       Unit = "short"
	PerSecond   Unit = "cps"
	Seconds     Unit = "s"
)

const (
	green  = "green"
	yellow = "#EAB839"
	red    = "red"
)

func levels(warning, critical float64) []Threshold {
	return []Threshold{{0, green}, {warning, yellow}, {critical, red}}
}

// limits colors the share of something that must not run out.
var limits = levels(memoryWarning, memoryCritical)

// anything colors what should never happen.
var anything = []Threshold{{0, green}, {1, red}}

// All returns every dashboard.
func All() []Dashboard {
	return []Dashboard{overview(), limitsAndThrottling(), pressure(), inventory()}
}

// curve is the commonest panel: one expression for each program.
func curve(title string, unit Unit, description, expression string) Panel {
	return Panel{Title: title, Unit: unit, Description: description, Queries: []Query{{Expression: expression}}}
}

func (p Panel) with(thresholds []Threshold) Panel {
	p.Thresholds = thresholds
	return p
}

// named says what the first curve is, where it is not the only one.
func (p Panel) named(legend string) Panel {
	p.Queries[0].Legend = legend
	return p
}

func (p Panel) and(legend, expression string) Panel {
	p.Queries = append(p.Queries, Query{Expression: expression, Legend: legend})
	return p
}

func (p Panel) wide(columns uint32) Panel {
	p.Width = columns
	return p
}

// against adds a limit to the curves.
func (p Panel) against(legend, expression string) Panel {
	p.Queries = append(p.Queries, Query{Expression: expression, Legend: legend, Dashed: true})
	return p
}

func number(title string, unit Unit, description, expression string) Panel {
	p := curve(title, unit, description, expression)
	p.Kind = Number
	return p
}
