// Matrix runs the lab's tests and writes what they found as tables of
// environments and checks, in Markdown and on the terminal.
//
//	go run ./matrix [-o FILE] -- GO-TEST-ARGUMENTS...
//	go run ./matrix [-o FILE] -read EVENTS      # what go test -json printed, of one or several runs
//
// A test that calls t.Attr("cell", "TABLE|ENVIRONMENT|CHECK") is one cell, and
// t.Attr("version", "WHAT: VERSION") names what was tested. The exit status is that of go test.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"
)

func main() {
	c, err := parse(os.Args[1:])
	if err != nil {
		os.Exit(2) // the flags have said why
	}
	m := &matrix{tests: map[string]*test{}}
	if c.events != "" {
		err = m.readFile(c.events)
	} else {
		err = m.run(c.goTest)
	}
	text := m.markdown(time.Now())
	fmt.Println(text)
	if c.out != "" {
		if writeErr := os.WriteFile(c.out, []byte(text), 0o644); writeErr != nil {
			err = errors.Join(err, writeErr)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "matrix:", err)
		os.Exit(1)
	}
}

// command is what the arguments say.
type command struct {
	out, events string
	goTest      []string // what is behind the "--"
}

func parse(arguments []string) (c command, err error) {
	flags := flag.NewFlagSet("matrix", flag.ContinueOnError)
	flags.StringVar(&c.out, "o", "", "write the Markdown to this file")
	flags.StringVar(&c.events, "read", "", "run nothing, and read the events from this file")
	err = flags.Parse(arguments)
	c.goTest = flags.Args()
	return c, err
}

// run runs go test, shows the tests' ends as they come, and collects.
func (m *matrix) run(arguments []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json"}, arguments...)...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = m.read(stdout, os.Stdout)
	return errors.Join(err, cmd.Wait())
}

func (m *matrix) readFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // it was only read
	return m.read(f, io.Discard)
}

type matrix struct {
	tests    map[string]*test
	order    []*test
	versions []string
}

type test struct {
	name    string
	cell    []string // table, environment, check
	outcome string
	output  string
	elapsed time.Duration
}

// failed is true also of a test that never ended.
func (t *test) failed() bool { return t.outcome != "pass" && t.outcome != "skip" }

const failure = "**FAIL**"

// read takes the events of go test -json.
func (m *matrix) read(r io.Reader, progress io.Writer) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if !bytes.HasPrefix(lines.Bytes(), []byte("{")) {
			fmt.Fprintln(progress, lines.Text())
			continue
		}
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return err
		}
		m.add(e, progress)
	}
	return lines.Err()
}

// event is one of go test -json.
type event struct {
	Action, Test, Output, Key, Value string
	Elapsed                          float64 // seconds
}

func (m *matrix) add(e event, progress io.Writer) {
	if e.Test == "" {
		if e.Action == "output" || e.Action == "build-output" {
			fmt.Fprint(progress, e.Output)
		}
		return
	}
	t := m.tests[e.Test]
	if t == nil {
		t = &test{name: e.Test}
		m.tests[e.Test] = t
		m.order = append(m.order, t)
	}
	switch {
	case e.Action == "run":
		t.outcome, t.output = "", "" // a later run of the same test replaces an earlier one
	case e.Action == "attr" && e.Key == "cell":
		t.cell = strings.SplitN(e.Value, "|", 3)
		m.forget(t)
	case e.Action == "attr" && e.Key == "version" && !slices.Contains(m.versions, e.Value):
		m.versions = append(m.versions, e.Value)
	case e.Action == "output" && !strings.HasPrefix(strings.TrimSpace(e.Output), "==="):
		t.output += e.Output
	case e.Action == "pass", e.Action == "fail", e.Action == "skip":
		t.outcome, t.elapsed = e.Action, time.Duration(e.Elapsed*float64(time.Second))
		fmt.Fprintf(progress, "%s %s\n", e.Action, e.Test)
		if e.Action == "fail" {
			fmt.Fprint(progress, t.output)
		}
	}
}

// forget drops what an earlier run found below a test, in the same environment:
// it may have made other checks.
func (m *matrix) forget(t *test) {
	for _, other := range m.order {
		if strings.HasPrefix(other.name, t.name+"/") && len(other.cell) == 3 && len(t.cell) == 3 && other.cell[0] == t.cell[0] && other.cell[1] == t.cell[1] {
			other.cell = nil
		}
	}
}

var (
	message   = regexp.MustCompile(`(?m)^\s*\S+\.go:\d+: (.*)$`)
	timestamp = regexp.MustCompile(`time="[^"]*" `)
)

// reason is a test's last message, which a skip is. Another run must give the
// same one: a daemon's words go without their time.
func (t *test) reason() string {
	all := message.FindAllStringSubmatch(t.output, -1)
	if len(all) == 0 {
		return "no reason given"
	}
	return timestamp.ReplaceAllString(strings.TrimSpace(all[len(all)-1][1]), "")
}

type table struct {
	name                 string
	environments, checks []string
	cells                map[[2]string]string
}

// tables sorts the cells; footnotes are the reasons of what was skipped.
func (m *matrix) tables() (all []*table, footnotes []string) {
	for _, t := range m.order {
		if len(t.cell) != 3 || m.replaced(t) {
			continue
		}
		at := slices.IndexFunc(all, func(other *table) bool { return other.name == t.cell[0] })
		if at < 0 {
			at = len(all)
			all = append(all, &table{name: t.cell[0], cells: map[[2]string]string{}})
		}
		table := all[at]
		for names, name := range map[*[]string]string{&table.environments: t.cell[1], &table.checks: t.cell[2]} {
			if !slices.Contains(*names, name) {
				*names = append(*names, name)
			}
		}
		text := t.outcome
		switch {
		case t.failed():
			text = failure
		case text == "skip":
			reason := t.reason()
			note := slices.Index(footnotes, reason)
			if note < 0 {
				note = len(footnotes)
				footnotes = append(footnotes, reason)
			}
			text = fmt.Sprintf("skipped (%d)", note+1)
		}
		cell := [2]string{t.cell[1], t.cell[2]}
		if table.cells[cell] != failure { // a test and a subtest of it may be one cell
			table.cells[cell] = text
		}
	}
	return all, footnotes
}

// replaced says whether a test's subtests are cells: then it is none itself,
// but where it failed and none of them did.
func (m *matrix) replaced(t *test) bool {
	cells, failed := false, false
	for _, other := range m.order {
		if len(other.cell) == 3 && strings.HasPrefix(other.name, t.name+"/") {
			cells, failed = true, failed || other.failed()
		}
	}
	return cells && (failed || !t.failed())
}

func (m *matrix) markdown(now time.Time) string {
	var b strings.Builder
	all, footnotes := m.tables()
	count := map[string]int{}
	for _, table := range all {
		for _, text := range table.cells {
			outcome, _, _ := strings.Cut(text, " ")
			count[outcome]++
		}
	}
	fmt.Fprintf(&b, "# The lab's results\n\nWhat `make lab` found by %s, with %s on %s: %d passed, %d failed, %d skipped. It took\n%s.\n\n",
		now.UTC().Format(time.DateOnly), runtime.Version(), runtime.GOARCH, count["pass"], count[failure], count["skipped"], m.times())
	b.WriteString("An empty cell is a check that does not apply there. Virtual machines are emulated: in them limits and counts are\n" +
		"compared exactly, and times only as greater than zero.\n")
	if len(m.versions) > 0 {
		slices.Sort(m.versions)
		b.WriteString("\n## Versions\n\n")
		for _, version := range m.versions {
			fmt.Fprintf(&b, "- %s\n", version)
		}
	}
	for _, table := range all {
		rows, columns, title := table.environments, table.checks, "environment"
		cell := func(row, column string) string { return table.cells[[2]string{row, column}] }
		if len(columns) > len(rows) {
			rows, columns, title = columns, rows, "check"
			cell = func(row, column string) string { return table.cells[[2]string{column, row}] }
		}
		fmt.Fprintf(&b, "\n## %s\n\n| %s | %s |\n|---|%s\n", table.name, title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
		for _, row := range rows {
			fmt.Fprintf(&b, "| %s |", row)
			for _, column := range columns {
				fmt.Fprintf(&b, " %s |", cell(row, column))
			}
			b.WriteByte('\n')
		}
	}
	if len(footnotes) > 0 {
		b.WriteString("\n## Skipped\n\n")
		for i, reason := range footnotes {
			fmt.Fprintf(&b, "%d. %s\n", i+1, reason)
		}
	}
	b.WriteString(notHad)
	return b.String()
}

// times are those of the tests, and their sum: they run one after another.
func (m *matrix) times() string {
	var total time.Duration
	var each []string
	for _, t := range m.order {
		if !strings.Contains(t.name, "/") && t.elapsed >= time.Second {
			total += t.elapsed
			each = append(each, fmt.Sprintf("%s %v", t.name, t.elapsed.Round(time.Second)))
		}
	}
	return fmt.Sprintf("%v (%s)", total.Round(time.Second), strings.Join(each, ", "))
}

const notHad = `
## What the lab does not have

- CRI-O, a kubelet and k3s: Debian has no packages of them. The pod is a real one of containerd's CRI, with the cgroups
  that a kubelet would give it.
- VMware, Hyper-V, VirtualBox, Parallels, bhyve, Apple's and the clouds' own machines: the disguises are the CPUID
  instruction's real answer and real tables of the firmware, and nothing more. Xen, Firecracker and WSL are not disguised.
- KVM: all machines are emulated, so that the lab runs everywhere and its times are not real. An emulated kernel is
  lost now and then: of the 72 machines of three whole runs one, with Linux 5.10 and v1, hung, and one, with Linux 6.12 and v2,
  died of a breakpoint that it had put into its own code. A machine that hangs, panics before its tests, or dies of such a
  breakpoint is booted again once, and the versions above say so.
- Swap, user namespaces remapped by Docker, containers in containers, Incus, and machines with systemd on arm64.
`
