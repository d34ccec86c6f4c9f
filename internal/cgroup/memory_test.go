package cgroup

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

var (
	none = sample.OptUint{}
	some = sample.SomeUint
)

func TestMemoryStat(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       MemoryStat
		malformed  bool
	}{
		{
			name: "v2, any order, unknown keys, extra columns, no final newline",
			text: "file 20\nslab_reclaimable 9\nslab_unreclaimable 99\nanon 10 extra\n\ninactive_file 5\nactive_file 6\nfile_dirty 2\nfile_writeback 3\npgmajfault 1\npgfault 7",
			want: MemoryStat{
				Anon: some(10), File: some(20), InactiveFile: some(5), ActiveFile: some(6), Slab: some(9), Dirty: some(2), Writeback: some(3),
				PgFault: some(7), PgMajFault: some(1),
			},
		},
		{
			name: "v1 counts the subtree (M2)",
			text: "cache 1\nrss 2\ndirty 7\nwriteback 8\npgfault 3\npgmajfault 4\ninactive_anon 5\ninactive_file 6\nactive_file 9\nhierarchical_memory_limit 4096\nhierarchical_memsw_limit 8192\n" +
				"total_cache 11\ntotal_rss 12\ntotal_rss_huge 99\ntotal_pgpgout 98\ntotal_pgfault 13\ntotal_pgmajfault 14\ntotal_inactive_anon 15\ntotal_inactive_file 16\ntotal_active_file 17\ntotal_dirty 18\ntotal_writeback 19\n",
			want: MemoryStat{
				Anon: some(12), File: some(11), InactiveFile: some(16), ActiveFile: some(17), Dirty: some(18), Writeback: some(19),
				PgFault: some(13), PgMajFault: some(14), HierarchicalLimit: some(4096), HierarchicalSum: some(8192),
			},
		},
		{
			name: "keys that only begin alike (M15)",
			text: "anon_thp 1\nfile_mapped 2\ninactive_file_x 3\nanon 4\nxanon 5\n",
			want: MemoryStat{Anon: some(4)},
		},
		{name: "an unlimited hierarchy is no limit", text: "hierarchical_memory_limit 9223372036854771712\ntotal_rss 1\n", want: MemoryStat{Anon: some(1)}},
		{name: "a 32-bit kernel's unlimited hierarchy (R34)", text: "hierarchical_memory_limit 8796093018112\n"},
		{name: "a bad line loses only itself", text: "anon -1\nfile x\nfile 3\ninactive_file\n", want: MemoryStat{File: some(3)}},
		{name: "zero is a value", text: "anon 0\n", want: MemoryStat{Anon: some(0)}},
		{name: "empty", malformed: true},
		{name: "another file", text: "low 0\nhigh 0\n", malformed: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := MemoryStat{Anon: some(77)} // what was there before does not stay
			if err := got.Parse([]byte(c.text)); (err != nil) != c.malformed || got != c.want {
				t.Errorf("got %+v %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestWorkingSet(t *testing.T) {
	for _, c := range []struct{ usage, inactive, want sample.OptUint }{
		{some(100), some(30), some(70)},
		{some(10485760), some(10489856), some(0)}, // R10c
		{none, some(30), none},
		{some(100), none, none}, // R10b
	} {
		s := MemoryStat{InactiveFile: c.inactive}
		if got := s.WorkingSet(c.usage); got != c.want {
			t.Errorf("usage %v, inactive %v: %v, want %v", c.usage, c.inactive, got, c.want)
		}
	}
}

func TestReclaimable(t *testing.T) {
	for _, c := range []struct {
		name string
		stat MemoryStat
		want sample.OptUint
	}{
		{"page cache and slab", MemoryStat{InactiveFile: some(100), ActiveFile: some(30), Slab: some(7)}, some(137)},
		{"dirty pages and those being written", MemoryStat{InactiveFile: some(100), ActiveFile: some(30), Dirty: some(20), Writeback: some(5)}, some(105)},
		{"more dirty than there is page cache", MemoryStat{InactiveFile: some(10), Dirty: some(20)}, some(0)},
		{"only inactive", MemoryStat{InactiveFile: some(100)}, some(100)},
		{"only active", MemoryStat{ActiveFile: some(100)}, some(100)},
		{"no page cache in the file", MemoryStat{Anon: some(5), Slab: some(7)}, none},
	} {
		if got := c.stat.Reclaimable(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAvailableOfALevel(t *testing.T) {
	for _, c := range []struct {
		name  string
		level MemoryLevel
		want  sample.OptUint
	}{
		{"no bound", MemoryLevel{Usage: some(60), Reclaimable: some(10)}, none},
		{"limit", MemoryLevel{Limit: some(100), Usage: some(60), Reclaimable: some(10)}, some(50)},
		{"memory.high below the limit", MemoryLevel{Limit: some(100), High: some(80), Usage: some(60), Reclaimable: some(10)}, some(30)},
		{"memory.high only", MemoryLevel{High: some(80), Usage: some(60), Reclaimable: some(10)}, some(30)},
		{"usage above the bound", MemoryLevel{Limit: some(40), Usage: some(60), Reclaimable: some(10)}, some(0)},
		{"more reclaimable than used", MemoryLevel{Limit: some(100), Usage: some(60), Reclaimable: some(70)}, some(100)},
		{"nothing known of reclaimable memory", MemoryLevel{Limit: some(100), Usage: some(60)}, some(40)},
		{"usage not known", MemoryLevel{Limit: some(100), Reclaimable: some(10)}, none},
		{"v1 memory plus swap", MemoryLevel{Limit: some(100), SumLimit: some(110), Usage: some(60), SumUsage: some(90), Reclaimable: some(10)}, some(30)},
		{"v1 memory plus swap only", MemoryLevel{SumLimit: some(110), Usage: some(60), SumUsage: some(90), Reclaimable: some(10)}, some(30)},
		{"v1 without usage of memory plus swap", MemoryLevel{Limit: some(100), SumLimit: some(110), Usage: some(60), Reclaimable: some(10)}, some(50)},
	} {
		if got := c.level.Available(); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMemoryEvents(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       MemoryEvents
		malformed  bool
	}{
		{
			"v2", "low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\nsock_throttled 7\n",
			MemoryEvents{Low: some(1), High: some(2), Max: some(3), OOM: some(4), OOMKill: some(5), OOMGroupKill: some(6)}, false,
		},
		{"before oom_group_kill", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\n", MemoryEvents{Low: some(0), High: some(0), Max: some(0), OOM: some(0), OOMKill: some(0)}, false},
		{"v1 oom_control counts kills alone (M12)", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", MemoryEvents{OOMKill: some(2)}, false},
		{"v1 oom_control before 4.13", "oom_kill_disable 0\nunder_oom 0\n", MemoryEvents{}, false},
		{"empty", "", MemoryEvents{}, true},
		{"garbage", "max\n", MemoryEvents{}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := MemoryEvents{OOM: some(77)}
			if err := got.Parse([]byte(c.text)); (err != nil) != c.malformed || got != c.want {
				t.Errorf("got %+v %v, want %+v", got, err, c.want)
			}
		})
	}
}

func TestParseLimit(t *testing.T) {
	for _, c := range []struct {
		text string
		want sample.OptUint
		ok   bool
	}{
		{"max\n", none, true},
		{"max", none, true},
		{"-1\n", none, true},
		{"0\n", some(0), true}, // M5, R7b
		{"268435456\n", some(268435456), true},
		{"68719476736000\n", some(68719476736000), true}, // above any RAM: legal (M3)
		{"9223372036854771712\n", none, true},            // 4 KiB pages
		{"9223372036854759424\n", none, true},            // 16 KiB
		{"9223372036854710272\n", none, true},            // 64 KiB (R13)
		{"9223372036854775807\n", none, true},            // 3.10 (R34)
		{"8796093018112\n", none, true},                  // 32-bit (R34)
		{"8796093018111\n", some(8796093018111), true},
		{"9223372036854710271\n", some(9223372036854710271), true},
		{"18446744073709551615\n", none, true},
		{"18446744073709551616\n", none, false},
		{"", none, false},
		{"\n", none, false},
		{"maximum\n", none, false},
		{"-2\n", none, false},
		{"1 2\n", none, false},
		{"1\n2\n", none, false},
		{"12x\n", none, false},
	} {
		if got, err := ParseLimit([]byte(c.text)); got != c.want || (err == nil) != c.ok {
			t.Errorf("%q: %v %v, want %v %v", c.text, got, err, c.want, c.ok)
		}
	}
}

// The fast parser agrees with one that splits lines into words and looks keys up.
func FuzzMemoryStat(f *testing.F) {
	f.Add("anon 1\nfile 2\ninactive_file 3\n")
	f.Add("inactive_file 6\ntotal_inactive_anon 15\ntotal_inactive_file 16\ntotal_pgfault: 3\n")
	f.Fuzz(func(t *testing.T, text string) {
		var s MemoryStat
		_ = s.Parse([]byte(text))
		naive := map[string]sample.OptUint{}
		for line := range strings.SplitSeq(text, "\n") {
			words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
			// A key stands at the very beginning of its line.
			if len(words) < 2 || strings.ContainsAny(words[1], "+_") || !strings.HasPrefix(line, words[0]) {
				continue
			}
			n, err := strconv.ParseUint(words[1], 10, 64)
			if err != nil {
				continue
			}
			switch key := strings.TrimSuffix(words[0], ":"); key {
			case "anon", "total_rss":
				naive["anon"] = some(n)
			case "inactive_file", "total_inactive_file":
				naive["inactive"] = some(n)
			case "pgfault", "total_pgfault":
				naive["faults"] = some(n)
			}
		}
		if s.Anon != naive["anon"] || s.InactiveFile != naive["inactive"] || s.PgFault != naive["faults"] {
			t.Fatalf("%+v, naively %v", s, naive)
		}
	})
}

func FuzzMemoryEvents(f *testing.F) {
	f.Add("low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n")
	f.Fuzz(func(t *testing.T, text string) {
		var e MemoryEvents
		if err := e.Parse([]byte(text)); err != nil && e != (MemoryEvents{}) {
			t.Fatalf("%+v with %v", e, err)
		}
		var swap SwapEvents
		if err := swap.Parse([]byte(text)); (err == nil) == (swap == SwapEvents{}) {
			t.Fatalf("%+v with %v", swap, err)
		}
	})
}

func FuzzParseLimit(f *testing.F) {
	for _, s := range []string{"max\n", "-1", "0", "9223372036854710272\n", "1 2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, err := ParseLimit([]byte(text))
		n, ok := limit.Get()
		if ok && (err != nil || n >= 1<<63-64<<10 || strings.TrimLeft(strings.Trim(text, " \t\n"), "0") != strings.TrimLeft(fmt.Sprint(n), "0")) {
			t.Fatalf("%q: %d %v", text, n, err)
		}
	})
}

func TestSwapEvents(t *testing.T) {
	some := sample.SomeUint
	for text, want := range map[string]SwapEvents{
		"high 1\nmax 2\nfail 3\n":  {High: some(1), Max: some(2), Fail: some(3)},
		"max 0\nfail 0":            {Max: some(0), Fail: some(0)}, // before Linux 5.8
		"new 5\n\nfail 3\nmax x\n": {Fail: some(3)},
	} {
		var e SwapEvents
		if err := e.Parse([]byte(text)); err != nil || e != want {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	for _, text := range []string{"", "max", "low 1", "\x00\xff"} {
		var e SwapEvents
		if err := e.Parse([]byte(text)); err == nil || e != (SwapEvents{}) {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
}
