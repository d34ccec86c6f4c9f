package procfs_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const meminfo = `MemTotal:       16316412 kB
MemFree:         8223456 kB
MemAvailable:   12345678 kB
Buffers:          123456 kB
Cached:          3456789 kB
SwapCached:            1 kB
SwapTotal:       2097148 kB
SwapFree:        2097000 kB
HugePages_Total:       7
DirectMap1G:    15728640 kB
`

func kib(n uint64) sample.OptUint { return sample.SomeUint(n << 10) }

func TestMeminfo(t *testing.T) {
	whole := procfs.Meminfo{
		MemTotal: kib(16316412), MemFree: kib(8223456), MemAvailable: kib(12345678), Buffers: kib(123456),
		SwapTotal: kib(2097148), SwapFree: kib(2097000),
	}
	old := whole
	old.MemAvailable = sample.OptUint{}
	noSwap := whole
	noSwap.SwapTotal, noSwap.SwapFree = sample.SomeUint(0), sample.SomeUint(0)
	noSwapKeys := whole
	noSwapKeys.SwapTotal, noSwapKeys.SwapFree = sample.OptUint{}, sample.OptUint{}
	total := procfs.Meminfo{MemTotal: kib(16)}
	for name, tc := range map[string]struct {
		text string
		want procfs.Meminfo
	}{
		"whole":                           {meminfo, whole},
		"before 3.14 no MemAvailable":     {without(meminfo, "MemAvailable"), old},
		"swap of zero is a value":         {replaceLine(replaceLine(meminfo, "SwapTotal", "SwapTotal: 0 kB"), "SwapFree", "SwapFree: 0 kB"), noSwap},
		"kernel without swap":             {without(without(meminfo, "SwapTotal"), "SwapFree"), noSwapKeys},
		"missing final newline":           {"MemTotal: 16 kB", total},
		"last of duplicate keys":          {"MemTotal: 8 kB\nMemTotal: 16 kB\n", total},
		"extra column":                    {"MemTotal: 16 kB 5\n", total},
		"blank lines":                     {"\n\nMemTotal: 16 kB\n\n", total},
		"tabs":                            {"MemTotal:\t\t16\tkB\n", total},
		"one line is more than 64 bits":   {"MemTotal: 16 kB\nMemFree: 18446744073709551616 kB\n", total},
		"one line is more in bytes":       {"MemTotal: 16 kB\nMemFree: 18446744073709551615 kB\n", total},
		"negative value":                  {"MemTotal: 16 kB\nMemFree: -1 kB\n", total},
		"key alone":                       {"MemTotal: 16 kB\nMemFree:\n", total},
		"prefix of a key is another key":  {"MemTotal: 16 kB\nMemFreeX: 3 kB\nXMemFree: 3 kB\nMemFre: 3 kB\n", total},
		"torn last line loses itself":     {"MemTotal: 16 kB\nMemAvai", total},
		"rubbish between the known lines": {"\x00\xff\nMemTotal: 16 kB\n\xfe:\xfd\n", total},
	} {
		t.Run(name, func(t *testing.T) {
			got := procfs.Meminfo{Buffers: kib(99)} // must not survive
			if err := got.Parse([]byte(tc.text)); err != nil || got != tc.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestMeminfoMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                      "",
		"binary":                     "\x7fELF\x02\x01\x01\x00\n\n\x00",
		"another file":               "cpu  1 2 3 4\n",
		"without MemTotal":           "MemFree: 16 kB\n",
		"MemTotal of zero":           "MemTotal: 0 kB\nMemFree: 16 kB\nSwapTotal: 16 kB\n",
		"MemTotal below zero":        "MemTotal: -16 kB\nMemFree: 16 kB\n",
		"MemTotal beyond 64 bits":    "MemTotal: 99999999999999999999999 kB\n",
		"MemTotal beyond the bytes":  "MemTotal: 9007199254740992 kB\n",
		"keys in lower case":         "memtotal: 16 kB\n",
		"one endless line of digits": strings.Repeat("9", 10000),
	} {
		got := procfs.Meminfo{MemTotal: kib(1)}
		if err := got.Parse([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || got.MemTotal.Present() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestMeminfoAllocatesNothing(t *testing.T) {
	var m procfs.Meminfo
	var l kernfs.Layout
	text := []byte(meminfo)
	allocatesNothing(t, func() error { return m.ParseAs(&l, text) })
}

func FuzzMeminfo(f *testing.F) {
	f.Add([]byte(meminfo))
	f.Add([]byte("MemTotal: 9007199254740991 kB"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var m procfs.Meminfo
		if err := m.Parse(b); (err == nil) != m.MemTotal.Present() {
			t.Errorf("%q: %+v, %v", b, m, err)
		}
		if n := m.MemTotal.Or(0); n%1024 != 0 || n > 1<<63 {
			t.Errorf("%q: %d bytes", b, n)
		}
	})
}

func BenchmarkMeminfo(b *testing.B) {
	var m procfs.Meminfo
	var l kernfs.Layout
	text := []byte(meminfo)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.ParseAs(&l, text); err != nil {
			b.Fatal(err)
		}
	}
}

// without drops the line of key.
func without(text, key string) string { return replaceLine(text, key, "") }

func replaceLine(text, key, line string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if strings.HasPrefix(lines[i], key+":") {
			lines[i] = line
		}
	}
	return strings.Join(lines, "\n")
}
