//go:build linux

package main

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// parsing is what our side adds for each CPU, disk and interface.
func parsing() table {
	var stat procfs.Stat
	var disks procfs.Diskstats
	var links procfs.NetDev
	sizes := []int{4, 64, 256, 1024}
	t := table{
		title: "Growth: parsing",
		note:  "Nanoseconds for each item of a made-up text with so many of them that all have counted on, without the pread.",
		head:  columns("each", sizes),
	}
	for _, of := range []struct {
		what, head, line string
		parse            func([]byte) error
	}{
		{"CPU of /proc/stat", "cpu  84127 213 40911 9931260 2210 7 1811 302 0 0\n", "cpu%d 8412 21 4091 993126 221 7 181 30 0 0\n",
			func(b []byte) error { return stat.Parse(b, true) }},
		{"disk of /proc/diskstats", "", " 259 %[1]d nvme0n1p%[1]d 91843 1201 993126 51022 83011 40122 8130012 90113 0 71022 141135 0 0 0 0 1022 301\n", disks.Parse},
		{"interface of /proc/net/dev", "Inter-| Receive | Transmit\n face |bytes packets\n",
			"veth%d: 918431120 993126 0 0 0 0 0 0 83011401 813001 0 0 0 0 0 0\n", links.Parse},
	} {
		cells := []string{of.what}
		for _, n := range sizes {
			text := of.head
			for i := range n {
				text += fmt.Sprintf(of.line, i)
			}
			this, next := []byte(text), []byte(strings.ReplaceAll(text, "993126", "993127"))
			if err := of.parse(this); err != nil {
				return t.failed(fmt.Errorf("%s: %w", of.what, err))
			}
			each := measure.Alone(100, func() {
				_ = of.parse(this)
				this, next = next, this
			}).Nanoseconds / float64(n)
			cells = append(cells, nanoseconds(each))
		}
		t.row(cells...)
	}
	return t
}

// failed shows why there are no rows.
func (t table) failed(err error) table {
	t.row("not here: " + err.Error())
	return t
}

// siblings reads beside a thousand real cgroups.
func siblings() table {
	const many = 1000
	t := table{
		title: "Growth: sibling cgroups",
		note:  "Nanoseconds of a reading of the memory collector alone beside its ancestors, and with so many more cgroups in the own one's parent.",
		head:  []string{"", "+0", fmt.Sprintf("+%d", many)},
	}
	own, unified, err := ownCgroup()
	if err != nil {
		return t.failed(err)
	}
	parent := "/sys/fs/cgroup"
	if !unified {
		parent += "/memory"
	}
	parent += path.Dir(own)
	read, err := collectors(readMemory(sample.PartCgroup))
	if err != nil {
		return t.failed(err)
	}
	before := measure.Alone(200, read)
	for i := range many {
		name := fmt.Sprintf("%s/otelresource-bench-%d-%d", parent, os.Getpid(), i)
		if err := os.Mkdir(name, 0o755); err != nil {
			return t.failed(err)
		}
		defer func() { _ = os.Remove(name) }() // as good as it goes: it is empty
	}
	t.row("memory", nanoseconds(before.Nanoseconds), nanoseconds(measure.Alone(200, read).Nanoseconds))
	return t
}
