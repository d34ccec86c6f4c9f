package procfs_test

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

const pressure = `some avg10=2.14 avg60=2.86 avg300=0.89 total=5454344
full avg10=1.00 avg60=0.50 avg300=0.25 total=4824718
`

func TestPressure(t *testing.T) {
	some := sample.Some(sample.Stall{Avg10: 0.0214, Avg60: 0.0286, Avg300: 0.0089, Total: 5454344})
	full := sample.Some(sample.Stall{Avg10: 0.01, Avg60: 0.005, Avg300: 0.0025, Total: 4824718})
	zero := sample.Some(sample.Stall{})
	const someLine = "some avg10=2.14 avg60=2.86 avg300=0.89 total=5454344"
	const fullLine = "full avg10=1.00 avg60=0.50 avg300=0.25 total=4824718"
	for name, tc := range map[string]struct {
		text string
		want procfs.Pressure
	}{
		"both":                          {pressure, procfs.Pressure{Some: some, Full: full}},
		"P3 cpu before 5.13: only some": {someLine + "\n", procfs.Pressure{Some: some}},
		"P3 irq: only full":             {fullLine + "\n", procfs.Pressure{Full: full}},
		"R3 blank line between":         {someLine + "\n\n" + fullLine + "\n", procfs.Pressure{Some: some, Full: full}},
		"R25 field to come":             {"some avg10=0.10 avg60=0.20 avg300=0.30 total=77 extra=5", procfs.Pressure{Some: sample.Some(sample.Stall{Avg10: 0.001, Avg60: 0.002, Avg300: 0.003, Total: 77})}},
		"field without value":           {someLine + " extra", procfs.Pressure{Some: some}},
		"P7 line to come":               {"most avg10=1 total=7\n" + fullLine, procfs.Pressure{Full: full}},
		"other order":                   {"some total=5454344 avg300=0.89 avg60=2.86 avg10=2.14\n", procfs.Pressure{Some: some}},
		"torn line is lost alone":       {fullLine + "\nsome avg10=2.14 avg60=2.", procfs.Pressure{Full: full}},
		"unreadable total":              {"some avg10=2.14 avg60=2.86 avg300=0.89 total=-5\n" + fullLine, procfs.Pressure{Full: full}},
		"zero is a value":               {"some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n", procfs.Pressure{Some: zero}},
		"missing final newline":         {someLine, procfs.Pressure{Some: some}},
		"without decimals":              {"some avg10=100 avg60=100. avg300=100.00 total=1", procfs.Pressure{Some: sample.Some(sample.Stall{Avg10: 1, Avg60: 1, Avg300: 1, Total: 1})}},
		"largest total":                 {"full avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551615", procfs.Pressure{Full: sample.Some(sample.Stall{Total: math.MaxUint64})}},
	} {
		t.Run(name, func(t *testing.T) {
			got := procfs.Pressure{Some: sample.Some(sample.Stall{Total: 9}), Full: sample.Some(sample.Stall{Total: 9})}
			if err := got.Parse([]byte(tc.text)); err != nil || got != tc.want {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestR7aPressureTotalIsMicroseconds(t *testing.T) {
	var p procfs.Pressure
	if err := p.Parse([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n")); err != nil {
		t.Fatal(err)
	}
	if s, _ := p.Some.Get(); float64(s.Total)/1e6 != 2.5 {
		t.Errorf("%d", s.Total)
	}
}

func TestR7cPressureOfCPUHasBothLines(t *testing.T) {
	var p procfs.Pressure
	err := p.Parse([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=900\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=400\n"))
	some, _ := p.Some.Get()
	full, _ := p.Full.Get()
	if err != nil || some.Total != 900 || full.Total != 400 {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestPressureMalformed(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                 "",
		"newline":               "\n",
		"key alone":             "some\n",
		"a field is missing":    "some avg10=0.00 avg60=0.00 total=1\n",
		"another file":          "MemTotal: 16 kB\n",
		"NaN":                   "some avg10=nan avg60=0.00 avg300=0.00 total=1\n",
		"exponent":              "some avg10=1e2 avg60=0.00 avg300=0.00 total=1\n",
		"negative average":      "some avg10=-1.00 avg60=0.00 avg300=0.00 total=1\n",
		"far beyond 100":        "some avg10=4294967.00 avg60=0.00 avg300=0.00 total=1\n",
		"very many decimals":    "some avg10=0.00000000000000000001 avg60=0.00 avg300=0.00 total=1\n",
		"total beyond 64 bits":  "some avg10=0.00 avg60=0.00 avg300=0.00 total=18446744073709551616\n",
		"total with a fraction": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1.5\n",
		"prefix of the key":     "somewhat avg10=0.00 avg60=0.00 avg300=0.00 total=1\n",
	} {
		got := procfs.Pressure{Some: sample.Some(sample.Stall{Total: 9})}
		if err := got.Parse([]byte(text)); !errors.Is(err, kernfs.ErrMalformed) || got != (procfs.Pressure{}) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func TestPressureAllocatesNothing(t *testing.T) {
	var p procfs.Pressure
	text := []byte(pressure)
	allocatesNothing(t, func() error { return p.Parse(text) })
}

func TestABadDuplicateDoesNotReplaceAGoodValue(t *testing.T) {
	var p procfs.Pressure
	err := p.Parse([]byte("some avg10=2.14 avg60=2.86 avg300=0.89 total=5 avg60=0350\n"))
	if err == nil || p.Some.Present() {
		t.Errorf("%+v, %v", p, err)
	}
}

func FuzzPressure(f *testing.F) {
	f.Add([]byte(pressure))
	f.Add([]byte("full avg10=99.99 avg60=100.00 avg300=0.01 total=1 extra=5"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var p procfs.Pressure
		if err := p.Parse(b); (err == nil) != (p.Some.Present() || p.Full.Present()) {
			t.Errorf("%q: %+v, %v", b, p, err)
		}
		for _, o := range []sample.Opt[sample.Stall]{p.Some, p.Full} {
			s, _ := o.Get()
			for _, share := range []float64{s.Avg10, s.Avg60, s.Avg300} {
				if !(share >= 0 && share < 2.1) {
					t.Errorf("%q: %+v", b, s)
				}
			}
		}
		if want, ok := plainPressure(string(b)); ok && p != want {
			t.Errorf("%q: %+v, want %+v", b, p, want)
		}
	})
}

var asPrinted = regexp.MustCompile(`^(some|full) avg10=(\d{1,2}\.\d\d) avg60=(\d{1,2}\.\d\d) avg300=(\d{1,2}\.\d\d) total=(\d{1,18})$`)

// plainPressure reads what the kernel prints, and nothing else, without haste.
func plainPressure(text string) (p procfs.Pressure, ok bool) {
	for line := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
		m := asPrinted.FindStringSubmatch(line)
		if m == nil {
			return p, false
		}
		share := func(s string) float64 {
			n, _ := strconv.ParseUint(strings.Replace(s, ".", "", 1), 10, 64) // hundredths of a percent
			return float64(n) / 10_000
		}
		total, _ := strconv.ParseUint(m[5], 10, 64)
		stall := sample.Some(sample.Stall{Avg10: share(m[2]), Avg60: share(m[3]), Avg300: share(m[4]), Total: total})
		to := &p.Some
		if m[1] == "full" {
			to = &p.Full
		}
		if to.Present() {
			return p, false
		}
		*to = stall
	}
	return p, true
}

func BenchmarkPressure(b *testing.B) {
	var p procfs.Pressure
	text := []byte(pressure)
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
