package procfs_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const ms = 1_000_000

func disk(name string, minor uint32) procfs.Disk {
	return procfs.Disk{
		Major: 8, Minor: minor, Name: name,
		Read:       procfs.DiskOps{Operations: 1, Merged: 2, Bytes: 3 * 512, Time: 4 * ms},
		Write:      procfs.DiskOps{Operations: 5, Merged: 6, Bytes: 7 * 512, Time: 8 * ms},
		InProgress: sample.SomeUint(9), IOTime: 10 * ms, WeightedTime: 11 * ms,
	}
}

func TestDiskstats(t *testing.T) {
	plain := disk("sda", 0)
	discard := plain
	discard.Discard = sample.Some(procfs.DiskOps{Operations: 12, Merged: 13, Bytes: 14 * 512, Time: 15 * ms})
	flush := discard
	flush.Flushes, flush.FlushTime = sample.SomeUint(16), sample.SomeUint(17*ms)
	lost := disk("sdb", 16)
	lost.InProgress = sample.OptUint{}
	most := disk("sdb", 16)
	most.InProgress = sample.SomeUint(math.MaxInt32)
	const plainLine = "   8       0 sda 1 2 3 4 5 6 7 8 9 10 11"
	for name, tc := range map[string]struct {
		text string
		want []procfs.Disk
	}{
		"empty: no disks":                       {"", nil},
		"before 4.18":                           {plainLine + "\n", []procfs.Disk{plain}},
		"4.18 discards":                         {plainLine + " 12 13 14 15\n", []procfs.Disk{discard}},
		"5.5 flushes":                           {plainLine + " 12 13 14 15 16 17\n", []procfs.Disk{flush}},
		"columns to come":                       {plainLine + " 12 13 14 15 16 17 18 19\n", []procfs.Disk{flush}},
		"half of the discards":                  {plainLine + " 12 13\n", []procfs.Disk{plain}},
		"half of the flushes":                   {plainLine + " 12 13 14 15 16\n", []procfs.Disk{discard}},
		"missing final newline":                 {plainLine, []procfs.Disk{plain}},
		"2.6 partition of four":                 {plainLine + "\n   8    1 sda1 5 6 7 8\n", []procfs.Disk{plain}},
		"torn line":                             {plainLine + "\n   8   16 sdb 1 2 3 4 5", []procfs.Disk{plain}},
		"blank lines":                           {"\n" + plainLine + "\n\n", []procfs.Disk{plain}},
		"two":                                   {plainLine + "\n 8 16 sdb 1 2 3 4 5 6 7 8 9 10 11\n", []procfs.Disk{plain, disk("sdb", 16)}},
		"a slash in the name":                   {" 8 1 cciss/c0d0 1 2 3 4 5 6 7 8 9 10 11\n", []procfs.Disk{disk("cciss/c0d0", 1)}},
		"sectors beyond the bytes":              {plainLine + "\n 8 16 sdb 1 2 18446744073709551615 4 5 6 7 8 9 10 11\n", []procfs.Disk{plain}},
		"minor beyond 32 bits":                  {plainLine + "\n 8 4294967296 sdb 1 2 3 4 5 6 7 8 9 10 11\n", []procfs.Disk{plain}},
		"in flight of a kernel that lost count": {plainLine + "\n 8 16 sdb 1 2 3 4 5 6 7 8 4294967295 10 11\n", []procfs.Disk{plain, lost}},
		"the least that is a negative number":   {plainLine + "\n 8 16 sdb 1 2 3 4 5 6 7 8 2147483648 10 11\n", []procfs.Disk{plain, lost}},
		"the most that can be in flight":        {plainLine + "\n 8 16 sdb 1 2 3 4 5 6 7 8 2147483647 10 11\n", []procfs.Disk{plain, most}},
		"negative in-flight of bugs":            {plainLine + "\n 8 16 sdb 1 2 3 4 5 6 7 8 -1 10 11\n", []procfs.Disk{plain}},
	} {
		t.Run(name, func(t *testing.T) {
			d := procfs.Diskstats{Disks: []procfs.Disk{flush, flush, flush}}
			if err := d.Parse([]byte(tc.text)); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(d.Disks) != fmt.Sprint(tc.want) {
				t.Errorf("\n%+v\n%+v", d.Disks, tc.want)
			}
		})
	}
}

func TestDiskstatsMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"binary":       "\x00\xff\n\x01",
		"another file": "MemTotal: 16 kB\n",
		"no name":      "8 0\n",
	} {
		d := procfs.Diskstats{Disks: make([]procfs.Disk, 2)}
		if err := d.Parse([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || len(d.Disks) != 0 {
			t.Errorf("%s: %+v, %v", name, d.Disks, err)
		}
	}
}

// bigDiskstats has n devices.
func bigDiskstats(n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "   7 %7d loop%d 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n", i, i)
	}
	return []byte(b.String())
}

func TestK6DiskstatsOfManyPages(t *testing.T) {
	var d procfs.Diskstats
	if err := d.Parse(bigDiskstats(500)); err != nil || len(d.Disks) != 500 || d.Disks[499].Name != "loop499" {
		t.Errorf("%d disks, %v", len(d.Disks), err)
	}
}

func TestDiskThatLeavesTakesItsNameAlong(t *testing.T) {
	var d procfs.Diskstats
	if err := d.Parse(bigDiskstats(3)); err != nil {
		t.Fatal(err)
	}
	text := strings.SplitAfter(string(bigDiskstats(3)), "\n")
	if err := d.Parse([]byte(text[0] + text[2])); err != nil {
		t.Fatal(err)
	}
	if len(d.Disks) != 2 || d.Disks[0].Name != "loop0" || d.Disks[1].Name != "loop2" || d.Disks[1].Minor != 2 {
		t.Errorf("%+v", d.Disks)
	}
}

func TestADiskWhoseNameBeginsLikeTheOneBeforeIsAnother(t *testing.T) {
	const counts = " 1 2 3 4 5 6 7 8 9 10 11\n"
	var d procfs.Diskstats
	for _, who := range []string{"8 1 sda", "8 1 sda1", "8 1 sda 1", "8 1 sda", "8 11 sda", "18 1 sda", " 8 1 sda", "8 1 sda\t"} {
		var fresh procfs.Diskstats
		text := []byte(who + counts)
		if err, err2 := d.Parse(text), fresh.Parse(text); err != nil || err2 != nil || !slices.Equal(d.Disks, fresh.Disks) {
			t.Errorf("%q: %+v, %v; without the one before: %+v, %v", who, d.Disks, err, fresh.Disks, err2)
		}
	}
}

func TestDiskstatsAllocatesNothing(t *testing.T) {
	var d procfs.Diskstats
	text := bigDiskstats(100)
	allocatesNothing(t, func() error { return d.Parse(text) })
}

func FuzzDiskstats(f *testing.F) {
	f.Add(bigDiskstats(2), bigDiskstats(3))
	f.Add([]byte("8 1 sda1 5 6 7 8\n"), bigDiskstats(1))
	f.Add([]byte("\n"+string(bigDiskstats(2))), bigDiskstats(2))
	f.Fuzz(func(t *testing.T, b, before []byte) {
		var d, again, after procfs.Diskstats
		err := d.Parse(b)
		if len(d.Disks) > strings.Count(string(b), "\n")+1 || err != nil && len(d.Disks) > 0 {
			t.Errorf("%q: %+v, %v", b, d, err)
		}
		again.Disks = []procfs.Disk{disk("old", 1), disk("older", 2)}
		if err2 := again.Parse(b); fmt.Sprint(err, d.Disks) != fmt.Sprint(err2, again.Disks) {
			t.Errorf("%q: another answer with a used slice", b)
		}
		_ = after.Parse(before)
		for range 2 {
			if err2 := after.Parse(b); fmt.Sprint(err, d.Disks) != fmt.Sprint(err2, after.Disks) {
				t.Errorf("%q: another answer after %q", b, before)
			}
		}
	})
}

func BenchmarkDiskstats(b *testing.B) {
	var d procfs.Diskstats
	text := bigDiskstats(10)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
