package kernfs_test

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

func TestLine(t *testing.T) {
	for name, tc := range map[string]struct{ in, line, rest string }{
		"empty":                 {"", "", ""},
		"one":                   {"a\n", "a", ""},
		"missing final newline": {"a", "a", ""},
		"blank line":            {"\nb", "", "b"},
		"two":                   {"a b\nc\n", "a b", "c\n"},
		"carriage return stays": {"a\r\nb", "a\r", "b"},
	} {
		line, rest := kernfs.Line([]byte(tc.in))
		if string(line) != tc.line || string(rest) != tc.rest {
			t.Errorf("%s: %q, %q", name, line, rest)
		}
	}
}

func TestField(t *testing.T) {
	for name, tc := range map[string]struct{ in, field, rest string }{
		"empty":           {"", "", ""},
		"blanks alone":    {" \t ", "", ""},
		"several blanks":  {"  a   b", "a", "   b"},
		"tab":             {"a\tb", "a", "\tb"},
		"newline ends it": {"a\nb", "a", "\nb"},
		"NUL is no blank": {"a\x00b c", "a\x00b", " c"},
	} {
		field, rest := kernfs.Field([]byte(tc.in))
		if string(field) != tc.field || string(rest) != tc.rest {
			t.Errorf("%s: %q, %q", name, field, rest)
		}
	}
}

func TestUint(t *testing.T) {
	for in, want := range map[string]uint64{
		"0": 0, "7": 7, "007": 7, "9223372036854771712": 9223372036854771712,
		"18446744073709551615": math.MaxUint64,
	} {
		if n, ok := kernfs.Uint([]byte(in)); !ok || n != want {
			t.Errorf("Uint(%q) = %d, %t", in, n, ok)
		}
	}
	for _, in := range []string{
		"", "-1", "+1", " 1", "1 ", "1\n", "1.5", "0x10", "max", "1e3", "\xff",
		"18446744073709551616", "18446744073709551620", "99999999999999999999", "100000000000000000000",
	} {
		if n, ok := kernfs.Uint([]byte(in)); ok {
			t.Errorf("Uint(%q) = %d", in, n)
		}
	}
}

func TestInt(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "-0": 0, "-1": -1, "42": 42, "9223372036854775807": math.MaxInt64, "-9223372036854775807": -math.MaxInt64,
	} {
		if n, ok := kernfs.Int([]byte(in)); !ok || n != want {
			t.Errorf("Int(%q) = %d, %t", in, n, ok)
		}
	}
	for _, in := range []string{"", "-", "--1", "+1", "9223372036854775808", "-18446744073709551616", "1 "} {
		if n, ok := kernfs.Int([]byte(in)); ok {
			t.Errorf("Int(%q) = %d", in, n)
		}
	}
}

func TestSingle(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want uint64
		ok   bool
	}{
		"number":                {"12\n", 12, true},
		"missing final newline": {"12", 12, true},
		"zero is a value":       {"0\n", 0, true},
		"blanks around":         {" 12 \n\n", 12, true},
		"empty":                 {"", 0, false},
		"blank":                 {"\n", 0, false},
		"max":                   {"max\n", 0, false},
		"negative":              {"-1\n", 0, false},
		"two fields":            {"1 2\n", 0, false},
		"two lines":             {"1\n2\n", 0, false},
		"overflow":              {"18446744073709551616\n", 0, false},
	} {
		n, ok := kernfs.Single([]byte(tc.in))
		if ok != tc.ok || ok && n != tc.want {
			t.Errorf("%s: %d, %t", name, n, ok)
		}
	}
}

func TestKeyUint(t *testing.T) {
	for name, tc := range map[string]struct {
		in, key string
		want    uint64
		ok      bool
	}{
		"blank":           {"nr_periods 5", "nr_periods", 5, true},
		"colon and unit":  {"MemTotal:  16 kB", "MemTotal", 16, true},
		"tab":             {"Threads:\t4", "Threads", 4, true},
		"empty":           {"", "", 0, false},
		"key alone":       {"nr_periods", "nr_periods", 0, false},
		"colon alone":     {": 5", "", 0, false},
		"float":           {"cost.vrate 100.5", "cost.vrate", 0, false},
		"negative":        {"x -5", "x", 0, false},
		"last colon only": {"a:: 5", "a:", 5, true},
	} {
		key, n, ok := kernfs.KeyUint([]byte(tc.in))
		if ok != tc.ok || string(key) != tc.key || ok && n != tc.want {
			t.Errorf("%s: %q, %d, %t", name, key, n, ok)
		}
	}
}

func TestUintField(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want uint64
		rest string
		ok   bool
	}{
		"empty":           {"", 0, "", false},
		"blanks alone":    {"  ", 0, "", false},
		"number":          {" 12 34", 12, " 34", true},
		"end of text":     {"12", 12, "", true},
		"largest":         {"18446744073709551615 1", math.MaxUint64, " 1", true},
		"beyond 64 bits":  {"18446744073709551616 1", 0, " 1", false},
		"leading zeros":   {"000000000000000000000012 1", 12, " 1", true},
		"letters behind":  {"12x 1", 0, " 1", false},
		"negative":        {"-12 1", 0, " 1", false},
		"letter at 20th":  {"1234567890123456789x 1", 0, " 1", false},
		"fraction":        {"1.5 1", 0, " 1", false},
		"newline ends it": {"5\n6", 5, "\n6", true},
	} {
		n, rest, ok := kernfs.UintField([]byte(tc.in))
		if ok != tc.ok || ok && n != tc.want || string(rest) != tc.rest {
			t.Errorf("%s: %d, %q, %t", name, n, rest, ok)
		}
	}
}

func TestScannersAllocateNothing(t *testing.T) {
	text := []byte("MemTotal:  16 kB\nnr_periods 5\n")
	if n := testing.AllocsPerRun(100, func() {
		for b := text; len(b) > 0; {
			var line []byte
			line, b = kernfs.Line(b)
			kernfs.KeyUint(line)
		}
		kernfs.Single(text)
		kernfs.Int(text)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"", "1", "-1", "a 1\nb: 2\n", "18446744073709551616", " \t\n", "007", " 1 2 3", "1 2 3 4 5", " 12 x", " 18446744073709551615 x", "00000000000000000000001 2", "12x 3"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// The lines, joined again, are the text.
		var joined []byte
		for rest := b; len(rest) > 0; {
			var line []byte
			before := len(rest)
			line, rest = kernfs.Line(rest)
			joined = append(joined, line...)
			if len(line)+len(rest) < before {
				joined = append(joined, '\n')
			}
		}
		if !bytes.Equal(joined, b) {
			t.Errorf("lines of %q: %q", b, joined)
		}
		var fields []string
		for rest := b; ; {
			var field []byte
			if field, rest = kernfs.Field(rest); len(field) == 0 {
				break
			}
			fields = append(fields, string(field))
		}
		naive := strings.FieldsFunc(string(b), func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
		if strings.Join(fields, " ") != strings.Join(naive, " ") {
			t.Errorf("fields of %q: %q", b, fields)
		}
		n, ok := kernfs.Uint(b)
		want, err := strconv.ParseUint(string(b), 10, 64)
		if b := string(b); ok != (err == nil && !strings.HasPrefix(b, "+")) || ok && n != want {
			t.Errorf("Uint(%q) = %d, %t", b, n, ok)
		}
		i, ok := kernfs.Int(b)
		wantInt, err := strconv.ParseInt(string(b), 10, 64)
		if err == nil && wantInt != math.MinInt64 && b[0] != '+' && !(ok && i == wantInt) || ok && err != nil {
			t.Errorf("Int(%q) = %d, %t", b, i, ok)
		}
		field, after := kernfs.Field(b)
		wantField, wantOK := kernfs.Uint(field)
		if n, rest, ok := kernfs.UintField(b); ok != wantOK || ok && n != wantField || !bytes.Equal(rest, after) {
			t.Errorf("UintField(%q) = %d, %q, %t", b, n, rest, ok)
		}
		var got, plain [4]uint64
		read, _ := kernfs.UintFields(b, got[:])
		fieldsRead := 0
		for rest := b; fieldsRead < len(plain); fieldsRead++ {
			if plain[fieldsRead], rest, ok = kernfs.UintField(rest); !ok {
				plain[fieldsRead] = 0
				break
			}
		}
		if read != fieldsRead || !slices.Equal(got[:read], plain[:read]) {
			t.Errorf("UintFields(%q) = %d, one by one %d", b, got[:read], plain[:fieldsRead])
		}
		kernfs.Single(b)
		kernfs.KeyUint(b)
	})
}
