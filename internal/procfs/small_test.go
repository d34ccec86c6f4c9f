package procfs_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// parses checks that parse turns each text into its value, and each text in
// bad into ErrMalformed.
func parses[T comparable](t *testing.T, parse func(*T, []byte) error, good map[string]T, bad []string) {
	t.Helper()
	var got T
	for text, want := range good {
		if err := parse(&got, []byte(text)); err != nil || got != want {
			t.Errorf("%.60q: %+v, %v", text, got, err)
		}
	}
	for _, text := range bad {
		var zero T
		if err := parse(&got, []byte(text)); !errors.Is(err, kernfs.ErrMalformed) || got != zero {
			t.Errorf("%.60q: %+v, %v", text, got, err)
		}
	}
	for text := range good {
		b := []byte(text)
		allocatesNothing(t, func() error { return parse(&got, b) })
	}
}

func some(n uint64) sample.OptUint { return sample.SomeUint(n) }

func TestLinkSpeed(t *testing.T) {
	type speed = sample.OptUint
	parses(t, func(s *speed, b []byte) (err error) { *s, err = procfs.ParseLinkSpeed(b); return err },
		map[string]speed{
			"10000\n": some(10_000_000_000), "10": some(10_000_000), "800000\n": some(800_000_000_000),
			"-1\n": {}, "0\n": {}, "65535\n": {}, "4294967295\n": {}, "9223372036854775807\n": {},
		},
		[]string{"", "\n", "fast\n", "1.5\n", "10 20\n", "18446744073709551615\n", "\x00"})
}

func TestVmstat(t *testing.T) {
	const text = "nr_free_pages 5\npgfault_x 1\nxpgfault 2\npgfault 100\npgmajfault 7\nthp_fault_alloc 3\n"
	var l kernfs.Layout
	parses(t, func(v *procfs.Vmstat, b []byte) error { return v.ParseAs(&l, b) }, map[string]procfs.Vmstat{
		text:                                   {PgFault: some(100), PgMajFault: some(7)},
		"pgfault 0\npgmajfault 0\n":            {PgFault: some(0), PgMajFault: some(0)},
		"pgmajfault 7":                         {PgMajFault: some(7)},
		"pgfault 18446744073709551615":         {PgFault: some(math.MaxUint64)},
		"pgfault -1\n\npgmajfault 7\n":         {PgMajFault: some(7)},
		strings.Repeat("nr_x 1\n", 999) + text: {PgFault: some(100), PgMajFault: some(7)},
	}, []string{"", "\x00\xff", "pgfault\n", "pgfault 18446744073709551616", "MemTotal: 16 kB\n"})
}

func TestUptime(t *testing.T) {
	parses(t, (*procfs.Uptime).Parse, map[string]procfs.Uptime{
		"12345.67 98765.43\n": {Up: 12345_670_000_000, Idle: some(98765_430_000_000)},
		"0.00 0.00\n":         {Idle: some(0)},
		"5":                   {Up: 5_000_000_000},
		"5. x\n":              {Up: 5_000_000_000},
		"1.05 3":              {Up: 1_050_000_000, Idle: some(3_000_000_000)},
		"1.123456789 3":       {Up: 1_123_456_789, Idle: some(3_000_000_000)},
	}, []string{"", "\n", "-1.00 5", "x", "nan 5", "1e3", "1.0123456789", "1.-5", "9223372036.85", "99999999999999999999.00"})
}

func TestSelfStatm(t *testing.T) {
	parse := func(m *procfs.SelfStatm, b []byte) error { return m.Parse(b, 16384) }
	parses(t, parse, map[string]procfs.SelfStatm{
		"765 442 414 5 0 124 0\n": {Size: 765 << 14, Resident: 442 << 14, Shared: 414 << 14},
		"1 2 3":                   {Size: 1 << 14, Resident: 2 << 14, Shared: 3 << 14},
		"0 0 0 0 0 0 0\n":         {},
	}, []string{"", "1 2", "a b c", "1 -2 3", "1 2 18446744073709551615", "99999999999999999999 1 1"})
	var m procfs.SelfStatm
	if err := m.Parse([]byte("1 2 3"), 0); err != nil || m != (procfs.SelfStatm{}) {
		t.Errorf("a page of no bytes: %+v, %v", m, err)
	}
}

func TestSelfIO(t *testing.T) {
	var l kernfs.Layout
	parses(t, func(s *procfs.SelfIO, b []byte) error { return s.ParseAs(&l, b) }, map[string]procfs.SelfIO{
		"rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\ncancelled_write_bytes: 7\n": {
			ReadBytes: some(5), WriteBytes: some(6),
		},
		"read_bytes: 0\n\nnew_bytes: 5\nwrite_bytes: 6": {ReadBytes: some(0), WriteBytes: some(6)},
		"rchar: 1\nread_bytes: 1\nwrite_byt":            {ReadBytes: some(1)},
		"read_bytes: -5\nwrite_bytes: 1":                {WriteBytes: some(1)},
	}, []string{"", "\n", "\x00\xff", "read_bytes:", "read_bytes: 18446744073709551616\n", "cpu 1 2 3 4\n"})
}

func TestSelfStat(t *testing.T) {
	const rest = " S 1 2 2 0 -1 4194304 110 0 112 0 114 115 0 0 20 0 120 0 122 3133440 442 18446744073709551615 1 1 0 0\n"
	want := procfs.SelfStat{MinFlt: 110, MajFlt: 112, User: 114 * tickNanos, System: 115 * tickNanos, NumThreads: 120, StartTime: 122 * tickNanos}
	parses(t, (*procfs.SelfStat).Parse, map[string]procfs.SelfStat{
		"5 (cat)" + rest:                     want,
		"5 (a b) (c) )" + rest:               want,
		"5 (1 2 3 4 5 6 7 8 9 10 11)" + rest: want,
		"5 (a\nb)" + rest:                    want,
		"5 ()" + rest:                        want,
		"5 (x)" + strings.TrimSpace(rest)[:strings.Index(rest, " 3133440")-1]: want,
	}, []string{
		"", "5 (cat", "5 (cat)", "5 (cat) S 1 2", "\x00)\xff",
		"5 (cat)" + strings.Replace(rest, " 122", " -122", 1),
		"5 (cat)" + strings.Replace(rest, " 122", " 18446744073709551615", 1),
		"5 (cat)" + strings.Replace(rest, " 110", " x", 1),
	})
}

func TestSelfStatus(t *testing.T) {
	parses(t, (*procfs.SelfStatus).Parse, map[string]procfs.SelfStatus{
		"Name:\tcat\nPid:\t7\nNSpid:\t7\nNSpgid:\t7\n": {PIDNamespaces: 1},
		"Pid:\t4711\nNSpid:\t4711\t17\t1\n":            {PIDNamespaces: 3},
		"Pid:\t7\nThreads:\t1":                         {}, // before Linux 4.1
		"Name:\tNSpid: 1 2\nPid:\t7\n":                 {},
	}, []string{"", "Name:\tcat\n", "Pid:\t7\nNSpid:\t7 x\n", "\x00"})
}

func FuzzSmall(f *testing.F) {
	for _, s := range []string{"", "-1\n", "12345.67 98765.43\n", "pgfault 1\n", "1 2 3 4\n", "rchar: 1\n", "5 (a) b) S 1 2 2 0 -1 4 1 0 1 0 1 1 0 0 20 0 1 0 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := procfs.ParseLinkSpeed(b); s.Present() && (err != nil || s.Or(0) == 0 || s.Or(0)%1_000_000 != 0) {
			t.Errorf("link speed %q: %v, %v", b, s, err)
		}
		var v procfs.Vmstat
		if err := v.Parse(b); (err == nil) != (v.PgFault.Present() || v.PgMajFault.Present()) {
			t.Errorf("vmstat %q: %+v, %v", b, v, err)
		}
		var u procfs.Uptime
		if err := u.Parse(b); u.Up > math.MaxInt64 || u.Idle.Or(0) > math.MaxInt64 || err != nil && u != (procfs.Uptime{}) {
			t.Errorf("uptime %q: %+v, %v", b, u, err)
		}
		var m procfs.SelfStatm
		if err := m.Parse(b, 4096); m.Resident > math.MaxInt64 || err != nil && m != (procfs.SelfStatm{}) {
			t.Errorf("statm %q: %+v, %v", b, m, err)
		}
		var io procfs.SelfIO
		if err := io.Parse(b); (err == nil) == (io == procfs.SelfIO{}) {
			t.Errorf("io %q: %+v, %v", b, io, err)
		}
		var status procfs.SelfStatus
		if err := status.Parse(b); status.PIDNamespaces > len(b) {
			t.Errorf("status %q: %+v, %v", b, status, err)
		}
		var s procfs.SelfStat
		if err := s.Parse(b); s.StartTime > math.MaxInt64 || err != nil && s != (procfs.SelfStat{}) {
			t.Errorf("stat %q: %+v, %v", b, s, err)
		}
	})
}
