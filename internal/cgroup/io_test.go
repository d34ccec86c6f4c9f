package cgroup

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// ioDevice has the six plain counters of v2.
func ioDevice(major, minor uint32, rbytes, wbytes, rios, wios, dbytes, dios uint64) IODevice {
	return IODevice{
		Device: Device{major, minor}, RBytes: some(rbytes), WBytes: some(wbytes), RIOs: some(rios), WIOs: some(wios),
		DBytes: some(dbytes), DIOs: some(dios),
	}
}

func TestRaise(t *testing.T) {
	var s, other IOStat
	for _, c := range []struct {
		to   *IOStat
		text string
		file BlkioFile
	}{
		{&s, "8:0 Read 5\n8:0 Write 9\n8:16 Read 1\nTotal 15\n", BlkioServiceBytes},
		{&other, "8:0 Read 7\n8:0 Write 3\n7:0 Read 4\nTotal 14\n", BlkioServiceBytes},
		{&other, "8:0 Read 0\nTotal 0\n", BlkioServiced},
	} {
		if err := c.to.ParseBlkio([]byte(c.text), c.file); err != nil {
			t.Fatal(err)
		}
	}
	s.Raise(&other)
	want := []IODevice{
		{Device: Device{8, 0}, RBytes: some(7), WBytes: some(9), RIOs: some(0)},
		{Device: Device{8, 16}, RBytes: some(1)},
		{Device: Device{7, 0}, RBytes: some(4)},
	}
	if !slices.Equal(s.Devices, want) {
		t.Errorf("got %+v", s.Devices)
	}
}

func TestZerosOfV1SayNothing(t *testing.T) {
	var s IOStat
	for file, text := range map[BlkioFile]string{
		BlkioServiceBytes: "8:0 Read 5\n8:0 Write 0\n8:0 Discard 0\n8:16 Read 0\n8:16 Write 0\n8:32 Write 0\n8:48 Read 4\n",
		BlkioServiced:     "8:0 Read 1\n8:0 Write 0\n8:0 Discard 0\n8:16 Read 0\n8:16 Write 0\n8:32 Write 3\n8:48 Read 1\n",
	} {
		if err := s.ParseBlkio([]byte(text), file); err != nil {
			t.Fatal(err)
		}
	}
	s.DropUncounted()
	want := []IODevice{
		{Device: Device{8, 0}, RBytes: some(5), RIOs: some(1)},
		{Device: Device{8, 32}, WBytes: some(0), WIOs: some(3)}, // flushes move no byte
		{Device: Device{8, 48}, RBytes: some(4), RIOs: some(1)},
	}
	if !slices.Equal(s.Devices, want) {
		t.Errorf("got %+v", s.Devices)
	}
}

func TestIOStat(t *testing.T) {
	const plain = "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0"
	want := ioDevice(8, 16, 1459200, 314773504, 192, 353, 0, 0)
	unknown := ioDevice(0, 0, 3, 5, 7, 9, 11, 13)
	unknown.Unknown = true
	noDiscard := want
	noDiscard.DBytes, noDiscard.DIOs = none, none
	latency := want
	latency.AvgLatency, latency.Delay, latency.CostWait = some(1500_000), some(20), some(7000)
	depth := want
	depth.QueueDepth = some(32)
	for _, c := range []struct {
		name, text string
		want       []IODevice
	}{
		{"no I/O yet (I11)", "", nil},
		{"one device", plain + "\n", []IODevice{want}},
		{"no final newline", plain, []IODevice{want}},
		{"two devices (R24)", plain + "\n8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n", []IODevice{want, ioDevice(8, 0, 1, 2, 3, 4, 5, 6)}},
		{"numbers belong to the last device (I1, R4)", "253:4 253:3 253:2 rbytes=81920 wbytes=0 rios=20 wios=0 dbytes=0 dios=0\n", []IODevice{ioDevice(253, 2, 81920, 0, 20, 0, 0, 0)}},
		{"devices alone at the end (I1)", plain + "\n253:4 253:3 \n", []IODevice{want}},
		{"device behind the numbers of another", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0 8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6", []IODevice{want, ioDevice(8, 0, 1, 2, 3, 4, 5, 6)}},
		{"unknown devices are summed (I2)", "(unknown) rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n" + plain + "\n(unknown) rbytes=2 wbytes=3 rios=4 wios=5 dbytes=6 dios=7\n", []IODevice{unknown, want}},
		{"a number behind an unknown device", "(unknown) 8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0", []IODevice{want}},
		{"torn line (I3)", "252:0 \n" + plain + "\n", []IODevice{want}},
		{"torn line alone (I3)", "252:0 ", nil},
		{"torn key (I3)", plain + "\n252:0 rby", []IODevice{want}},
		{"before discards", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353\n", []IODevice{noDiscard}},
		{"float key (I4)", "8:16 cost.vrate=100.00 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0 cost.usage=3\n", []IODevice{want}},
		{"nothing but unknown keys", "8:16 cost.vrate=100.00 new=1\n", nil},
		{"latency", plain + " use_delay=1 delay_nsec=20 depth=max avg_lat=1500 win=100 cost.wait=7\n", []IODevice{latency}},
		{"latency of an SSD", plain + " missed=1 total=2 depth=32\n", []IODevice{depth}},
		{"key in another order", "8:16 dios=0 dbytes=0 wios=353 rios=192 wbytes=314773504 rbytes=1459200\n", []IODevice{want}},
		{"unreadable value loses its key", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=x dios=-1\n", []IODevice{noDiscard}},
		{"value beyond 63 bits", "8:16 rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=18446744073709551615 dios=9999999999999999999999\n", []IODevice{noDiscard}},
		{"prefix of a key is another key", "8:16 xrbytes=5 rbytesx=6 rbyte=7 rbytes=1459200 wbytes=314773504 rios=192 wios=353\n", []IODevice{noDiscard}},
		{"numbers in front of any device", "rbytes=5\n" + plain + "\n", []IODevice{want}},
		{"blank lines", "\n\n" + plain + "\n\n", []IODevice{want}},
		{"rubbish beside a device", "\x00\xff\n" + plain + "\n", []IODevice{want}},
		{"zero is a value", "8:0 rbytes=0 wbytes=0 rios=0 wios=0 dbytes=0 dios=0\n", []IODevice{ioDevice(8, 0, 0, 0, 0, 0, 0, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := IOStat{Devices: []IODevice{unknown, latency}}
			if err := s.Parse([]byte(c.text)); err != nil || !slices.Equal(s.Devices, c.want) {
				t.Errorf("%+v, %v", s.Devices, err)
			}
		})
	}
	for _, text := range []string{"max\n", "\x7fELF\x00", "MemTotal: 5 kB\n", "8: rbytes=1\n", ":1 rbytes=1\n", "8:0:1 rbytes=1\n", "4294967296:0 rbytes=1", "-8:0 rbytes=1"} {
		var s IOStat
		if err := s.Parse([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || len(s.Devices) > 0 {
			t.Errorf("%q: %+v, %v", text, s.Devices, err)
		}
	}
}

func TestR6cStackedDevicesAreTwoEntries(t *testing.T) {
	var s IOStat
	err := s.Parse([]byte("253:0 rbytes=1048576 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n8:16 rbytes=1048576 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n"))
	if err != nil || len(s.Devices) != 2 || s.Devices[0].RBytes != s.Devices[1].RBytes {
		t.Errorf("%+v, %v", s.Devices, err)
	}
}

func TestBlkio(t *testing.T) {
	const bytes = `8:0 Read 100
8:0 Write 200
8:0 Sync 250
8:0 Async 50
8:0 Discard 7
8:0 Total 307
8:16 Read 1
8:16 Write 2
Total 310
`
	const operations = "8:0 Read 10\n8:0 Write 20\n8:0 Sync 30\n8:0 Async 0\n8:0 Total 30\n259:0 Read 5\nTotal 35\n"
	sda := IODevice{Device: Device{8, 0}, RBytes: some(100), WBytes: some(200), DBytes: some(7), RIOs: some(10), WIOs: some(20), RService: some(1000), WWait: some(3000)}
	sdb := IODevice{Device: Device{8, 16}, RBytes: some(1), WBytes: some(2)}
	nvme := IODevice{Device: Device{259, 0}, RIOs: some(5)}
	var s IOStat
	parse := func() error {
		s.Reset()
		return errors.Join(
			s.ParseBlkio([]byte(bytes), BlkioServiceBytes), s.ParseBlkio([]byte(operations), BlkioServiced),
			s.ParseBlkio([]byte("8:0 Read 1000\nTotal 1000"), BlkioServiceTime), s.ParseBlkio([]byte("8:0 Write 3000\nTotal 3000\n"), BlkioWaitTime))
	}
	for range 2 {
		if err := parse(); err != nil || !slices.Equal(s.Devices, []IODevice{sda, sdb, nvme}) {
			t.Errorf("%+v, %v", s.Devices, err)
		}
	}
}

func TestBlkioEdges(t *testing.T) {
	read := IODevice{Device: Device{8, 0}, RBytes: some(1)}
	unknown := IODevice{Unknown: true, RBytes: some(3)}
	for _, c := range []struct {
		name, text string
		want       []IODevice
		malformed  bool
	}{
		{name: "fresh cgroup (I6)", text: "Total 0\n"},
		{name: "empty"},
		{name: "no final newline", text: "8:0 Read 1", want: []IODevice{read}},
		{name: "torn line", text: "8:0 Read 1\n8:0 Wri", want: []IODevice{read}},
		{name: "torn number", text: "8:0 Read 1\n8:0 Write \n8:0 ", want: []IODevice{read}},
		{name: "unknown devices are summed (I2)", text: "(unknown) Read 1\n(unknown) Read 2\nTotal 3\n", want: []IODevice{unknown}},
		{name: "negative of a kernel bug", text: "8:0 Read 1\n8:0 Write -5\n", want: []IODevice{read}},
		{name: "beyond 64 bits", text: "8:0 Read 1\n8:0 Write 18446744073709551616\n", want: []IODevice{read}},
		{name: "rubbish beside", text: "x y\n8:0 Read 1\n", want: []IODevice{read}},
		{name: "sync and async alone", text: "8:0 Sync 5\n8:0 Async 6\n8:0 Total 11\nTotal 11\n"},
		{name: "binary", text: "\x00\xff\n", malformed: true},
		{name: "another file", text: "max\n", malformed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s IOStat
			err := s.ParseBlkio([]byte(c.text), BlkioServiceBytes)
			if errors.Is(err, kernfs.ErrMalformed) != c.malformed || !slices.Equal(s.Devices, c.want) {
				t.Errorf("%+v, %v", s.Devices, err)
			}
		})
	}
	var s IOStat
	if err := s.ParseBlkio([]byte("8:0 Read 18446744073709551615\n8:0 Read 5\n"), BlkioServiceBytes); err != nil || s.Devices[0].RBytes != some(math.MaxUint64) {
		t.Errorf("%+v, %v", s.Devices, err)
	}
}

func TestIOMax(t *testing.T) {
	limit := IOLimit{Device: Device{8, 0}, RBps: some(1048576)}
	all := IOLimit{Device: Device{8, 16}, RBps: some(1), WBps: some(2), RIOPS: some(3), WIOPS: some(4)}
	for _, c := range []struct {
		name, text string
		want       []IOLimit
		malformed  bool
	}{
		{name: "empty: none"},
		{name: "one of four", text: "8:0 rbps=1048576 wbps=max riops=max wiops=max\n", want: []IOLimit{limit}},
		{name: "all of four, no final newline", text: "8:16 rbps=1 wbps=2 riops=3 wiops=4", want: []IOLimit{all}},
		{name: "two devices", text: "8:0 rbps=1048576 wbps=max riops=max wiops=max\n\n8:16 wiops=4 riops=3 wbps=2 rbps=1\n", want: []IOLimit{limit, all}},
		{name: "all max", text: "8:0 rbps=max wbps=max riops=max wiops=max\n"},
		{name: "keys to come", text: "8:0 rbps=1048576 dbps=5 lat=1.5 rbpsx=6\n", want: []IOLimit{limit}},
		{name: "beyond 64 bits", text: "8:0 rbps=1048576 wbps=18446744073709551616\n", want: []IOLimit{limit}},
		{name: "key alone", text: "8:0 rbps=1048576 wbps\n", want: []IOLimit{limit}},
		{name: "rubbish beside", text: "x\n8:0 rbps=1048576\n", want: []IOLimit{limit}},
		{name: "rubbish", text: "max\n", malformed: true},
		{name: "binary", text: "\x00\xff:", malformed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := IOMax{Limits: []IOLimit{all}}
			err := m.Parse([]byte(c.text))
			if errors.Is(err, kernfs.ErrMalformed) != c.malformed || !slices.Equal(m.Limits, c.want) {
				t.Errorf("%+v, %v", m.Limits, err)
			}
		})
	}
}

func TestThrottle(t *testing.T) {
	var m IOMax
	for range 2 {
		m.Reset()
		err := errors.Join(
			m.ParseThrottle([]byte("8:0 1048576\n8:16 5\n"), ThrottleReadBps), m.ParseThrottle([]byte("8:0 2097152"), ThrottleWriteBps),
			m.ParseThrottle(nil, ThrottleReadIOPS), m.ParseThrottle([]byte("8:32 0\n259:0 100\n8:0 x\n"), ThrottleWriteIOPS))
		want := []IOLimit{
			{Device: Device{8, 0}, RBps: some(1048576), WBps: some(2097152)}, {Device: Device{8, 16}, RBps: some(5)},
			{Device: Device{259, 0}, WIOPS: some(100)},
		}
		if err != nil || !slices.Equal(m.Limits, want) {
			t.Errorf("%+v, %v", m.Limits, err)
		}
	}
	if err := m.ParseThrottle([]byte("Total 0\n"), ThrottleReadBps); !errors.Is(err, kernfs.ErrMalformed) {
		t.Error(err)
	}
}

func TestIOAllocatesNothing(t *testing.T) {
	var v2, v1 strings.Builder
	for i := range 20 {
		fmt.Fprintf(&v2, "8:%d rbytes=1459200 wbytes=314773504 rios=192 wios=353 dbytes=0 dios=0\n", 16*i)
		fmt.Fprintf(&v1, "8:%d Read 5\n8:%d Write 6\n8:%d Sync 7\n", 16*i, 16*i, 16*i)
	}
	stat, blkio, limits := []byte(v2.String()), []byte(v1.String()), []byte("8:0 rbps=1048576 wbps=max riops=max wiops=max\n")
	var a, b IOStat
	var m IOMax
	for range 2 { // the first round lets the slices grow
		n := testing.AllocsPerRun(20, func() {
			_ = a.Parse(stat)
			b.Reset()
			_ = b.ParseBlkio(blkio, BlkioServiceBytes)
			_ = b.ParseBlkio(blkio, BlkioServiced)
			_ = m.Parse(limits)
		})
		if n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
	if len(a.Devices) != 20 || len(b.Devices) != 20 || len(m.Limits) != 1 {
		t.Errorf("%d, %d, %d", len(a.Devices), len(b.Devices), len(m.Limits))
	}
}

func TestPidsMax(t *testing.T) {
	for text, want := range map[string]struct {
		limit uint64
		ok    bool
	}{"max\n": {}, "max": {}, "512\n": {512, true}, "0\n": {0, true}, "9223372036854771712": {9223372036854771712, true}} {
		limit, err := ParsePidsMax([]byte(text))
		if n, ok := limit.Get(); err != nil || ok != want.ok || n != want.limit {
			t.Errorf("%q: %v, %v", text, limit, err)
		}
	}
	for _, text := range []string{"", "\n", "-1\n", "maximum\n", "5 6\n", "99999999999999999999\n", "\x00"} {
		if limit, err := ParsePidsMax([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || limit.Present() {
			t.Errorf("%q: %v, %v", text, limit, err)
		}
	}
}

func TestHugetlbPageSize(t *testing.T) {
	for name, want := range map[string]uint64{
		"hugetlb.2MB.max": 2 << 20, "hugetlb.1GB.max": 1 << 30, "hugetlb.64KB.max": 64 << 10, "hugetlb.16GB.limit_in_bytes": 16 << 30,
		"hugetlb.2MB.limit_in_bytes": 2 << 20,
		"hugetlb.2MB.current":        0, "hugetlb.2MB.rsvd.max": 0, "hugetlb.2MB.rsvd.limit_in_bytes": 0, "hugetlb.2MB.events": 0,
		"hugetlb.2MB.max_usage_in_bytes": 0, "hugetlb.2MB.failcnt": 0, "hugetlb.2MB": 0, "hugetlb..max": 0, "hugetlb.MB.max": 0,
		"hugetlb.0MB.max": 0, "hugetlb.2TB.max": 0, "hugetlb.-2MB.max": 0, "hugetlb.99999999999GB.max": 0, "memory.max": 0, "": 0,
		"hugetlb.2MB.numa_stat": 0, "xhugetlb.2MB.max": 0,
	} {
		if n, ok := HugetlbPageSize(name); n != want || ok != (want > 0) {
			t.Errorf("%q: %d, %t", name, n, ok)
		}
	}
}

func TestHugetlbLimit(t *testing.T) {
	for _, c := range []struct {
		text string
		page uint64
		want uint64 // 0: none
	}{
		{"max\n", 2 << 20, 0},
		{"9223372036854771712\n", 2 << 20, 0},
		{"9223372036852678656\n", 2 << 20, 0},
		{"9223372035781033984\n", 1 << 30, 0},
		{"8796090925056\n", 2 << 20, 0},
		{"8796090925056\n", 0, 8796090925056},
		{"8796086730752\n", 2 << 20, 8796086730752},
		{"4194304\n", 2 << 20, 4194304},
		{"9223372034707292160\n", 2 << 20, 9223372034707292160},
	} {
		limit, err := ParseHugetlbLimit([]byte(c.text), c.page)
		if n, ok := limit.Get(); err != nil || n != c.want || ok != (c.want > 0) {
			t.Errorf("%q: %v, %v", c.text, limit, err)
		}
	}
	if limit, err := ParseHugetlbLimit([]byte("0\n"), 2<<20); err != nil || limit != some(0) {
		t.Errorf("0 is a limit (M5): %v, %v", limit, err)
	}
	if limit, err := ParseHugetlbLimit([]byte("0\n"), 1<<60); err != nil || limit != some(0) {
		t.Errorf("0 is a limit whatever the page: %v, %v", limit, err)
	}
	if _, err := ParseHugetlbLimit([]byte("x"), 2<<20); !errors.Is(err, kernfs.ErrMalformed) {
		t.Error(err)
	}
}

func FuzzIO(f *testing.F) {
	for _, s := range []string{
		"", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n", "253:4 253:3 253:2 rbytes=81920", "(unknown) rbytes=1",
		"8:0 Read 1\n8:0 Total 1\nTotal 1\n", "8:0 rbps=1048576 wbps=max", "8:0 1048576\n", "max\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fresh, used := IOStat{}, IOStat{Devices: []IODevice{ioDevice(1, 2, 3, 4, 5, 6, 7, 8), {Unknown: true}}}
		err, err2 := fresh.Parse(b), used.Parse(b)
		if err != err2 || !slices.Equal(fresh.Devices, used.Devices) {
			t.Errorf("io.stat %q: another answer with a used slice", b)
		}
		seen := map[IODevice]bool{}
		for _, d := range fresh.Devices {
			key := IODevice{Device: d.Device, Unknown: d.Unknown}
			if seen[key] || d == key {
				t.Errorf("io.stat %q: %+v", b, fresh.Devices)
			}
			seen[key] = true
		}
		used.Reset()
		for _, file := range []BlkioFile{BlkioServiceBytes, BlkioServiced, BlkioServiceTime, BlkioWaitTime} {
			_ = used.ParseBlkio(b, file)
		}
		var m IOMax
		_ = m.Parse(b)
		for _, file := range []ThrottleFile{ThrottleReadBps, ThrottleWriteBps, ThrottleReadIOPS, ThrottleWriteIOPS} {
			_ = m.ParseThrottle(b, file)
		}
		_, _ = ParsePidsMax(b)
		if limit, err := ParseHugetlbLimit(b, 2<<20); err != nil && limit.Present() {
			t.Errorf("hugetlb %q: %v, %v", b, limit, err)
		}
		HugetlbPageSize(string(b))
	})
}
