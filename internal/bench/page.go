//go:build linux

package main

import (
	"fmt"
	"os"
	"strings"
)

// page is the whole of the measurements.
func page(groups []group, results [][]result, tables []table) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured costs\n\n%s. Made by `make bench`.\n\n", machine())
	b.WriteString("Times are those of the fastest batch, the cost on a quiet machine; ratios are medians of alternated batches, which " +
		"carry over to other machines where the times do not. Bytes and allocations are per call. Calls are system calls per call, counted " +
		"with ptrace(2). All caches are warm: a collector that wakes once a second pays several times the time.\n")
	for i, g := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", g.title, g.note)
		b.WriteString("| what | ours ns | B | allocs | calls | against | ns | B | allocs | calls | ratio |\n" +
			"|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|\n")
		for _, r := range results[i] {
			if r.skipped != nil {
				fmt.Fprintf(&b, "| %s | | | | | %s | | | | | not here: %v |\n", r.what, r.other.name, r.skipped)
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %.0f | %.0f | %s | %s | %s | %.0f | %.0f | %s | %s |\n",
				r.what, nanoseconds(r.A.Nanoseconds), r.A.Bytes, r.A.Allocs, r.calls[0],
				r.other.name, nanoseconds(r.B.Nanoseconds), r.B.Bytes, r.B.Allocs, r.calls[1], r.verdict())
		}
	}
	for _, t := range tables {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| %s |\n|---|%s\n", t.title, t.note, strings.Join(t.head, " | "), strings.Repeat("--:|", len(t.head)-1))
		for _, cells := range t.rows {
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	return b.String()
}

// summary is the first line of each statistic.
func summary(results [][]result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "On %s:\n\n", machine())
	b.WriteString("| what | ours | allocs | system calls | against | |\n|---|--:|--:|--:|---|--:|\n")
	last := ""
	for _, of := range results {
		for _, r := range of {
			if r.skipped != nil || r.aside || r.what == last {
				continue
			}
			last = r.what
			ours := nanoseconds(r.A.Nanoseconds) + " ns"
			if r.A.Nanoseconds >= 1000 {
				ours = fmt.Sprintf("%.1f us", r.A.Nanoseconds/1000)
			}
			fmt.Fprintf(&b, "| %s | %s | %.0f | %s | %s | %s |\n", r.what, ours, r.A.Allocs, r.calls[0], r.other.name, r.verdict())
		}
	}
	return b.String()
}

// verdict is the ratio in words.
func (r *result) verdict() string {
	if r.floor {
		return fmt.Sprintf("%.2f x its time", r.ratio())
	}
	return fmt.Sprintf("%.1f times faster", r.ratio())
}

func nanoseconds(n float64) string {
	if n < 100 {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

// splice replaces what file has between the marks of the benchmark.
func splice(file, text string) error {
	const begin, end = "<!-- bench:begin -->\n", "<!-- bench:end -->"
	old, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return fmt.Errorf("%s has no part between %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(head+begin+text+end+tail), 0o644)
}
