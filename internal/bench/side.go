//go:build linux

// Command bench compares the collectors with the floor that the kernel sets, with
// other libraries and with the OpenTelemetry SDK, on the machine that it runs
// on, and prints a Markdown table.
package main

import (
	"fmt"
	"strconv"

	"github.com/cboxdk/resource-monitor/internal/measure"
)

// side is one of two ways to do the same work.
type side struct {
	name string
	// build returns the work, ready to be repeated, or why this machine does not have it.
	build func() (func(), error)
}

// comparison is ours against another one.
type comparison struct {
	what        string
	ours, other side
	// floor: the other is what the kernel takes, and the ratio is ours over it.
	// Otherwise the ratio is the other over ours.
	floor bool
	aside bool // not in the summary: it explains another one
}

// group is comparisons that belong together.
type group struct {
	title, note string
	comparisons []comparison
}

// groups are compared on this machine.
func groups() []group {
	return []group{floors(), statistics(), cgroupLibraries(), caches(), collections()}
}

// table is what is no comparison.
type table struct {
	title, note string
	head        []string
	rows        [][]string
}

// columns are a first head, one for each size, and others.
func columns(first string, sizes []int, others ...string) []string {
	head := []string{first}
	for _, n := range sizes {
		head = append(head, strconv.Itoa(n))
	}
	return append(head, others...)
}

// perItem divides what grew between the first size and the last.
func perItem(grown float64, sizes []int) float64 {
	return grown / float64(sizes[len(sizes)-1]-sizes[0])
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func tables() []table {
	return []table{together(), detection(), rate(), parsing(), interfaces(), depth(), siblings()}
}

// result is what was measured of a comparison.
type result struct {
	comparison
	measure.Result           // A is ours
	calls          [2]string // of ours and the other; "" where they cannot be counted
	skipped        error
}

// ratio is the one to show.
func (r *result) ratio() float64 {
	if r.floor {
		return 1 / r.Ratio
	}
	return r.Ratio
}

func run(c comparison, batches int) result {
	r := result{comparison: c}
	a, err := c.ours.build()
	if err != nil {
		r.skipped = fmt.Errorf("%s: %w", c.ours.name, err)
		return r
	}
	b, err := c.other.build()
	if err != nil {
		r.skipped = fmt.Errorf("%s: %w", c.other.name, err)
		return r
	}
	r.Result = measure.Pair(batches, a, b)
	return r
}

// must turns a call of a library into work; its error would make the numbers worthless.
func must[T any](f func() (T, error)) (func(), error) {
	if _, err := f(); err != nil {
		return nil, err
	}
	return func() {
		if _, err := f(); err != nil {
			panic(err)
		}
	}, nil
}
