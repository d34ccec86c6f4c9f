package instruments

// Entry is a metric as a backend sees it.
type Entry struct {
	Metric
	// Attributes are the values of each attribute; none where only a reading knows them.
	Attributes map[string][]string
}

// Catalog lists every metric once, in the order of the tables. The dashboards
// and alerts take their names from it.
func Catalog() []Entry {
	var all []Entry
	for _, d := range catalog() {
		e := Entry{Metric: d.Metric, Attributes: map[string][]string{}}
		for _, a := range d.attributes {
			e.Attributes[a.key] = a.values
		}
		all = append(all, e)
	}
	return all
}
