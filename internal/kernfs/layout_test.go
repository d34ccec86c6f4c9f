package kernfs_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// a is wanted under two names.
var layoutKeys = []kernfs.Key{{Name: "a", Value: 0}, {Name: "total_a", Value: 0}, {Name: "b", Value: 1}}

func read(l *kernfs.Layout, text string) []sample.OptUint {
	values := make([]sample.OptUint, 2)
	l.Parse([]byte(text), layoutKeys, values)
	return values
}

func TestLayoutReadsTheNextTextAsTheFirst(t *testing.T) {
	none := sample.OptUint{}
	n := sample.SomeUint
	for name, texts := range map[string][]struct {
		text string
		a, b sample.OptUint
	}{
		"same widths":                    {{"a 1\nx 2\nb 3\n", n(1), n(3)}, {"a 4\nx 5\nb 6\n", n(4), n(6)}},
		"a number grows":                 {{"a 1\nx 2\nb 3\n", n(1), n(3)}, {"a 10\nx 200\nb 3\n", n(10), n(3)}, {"a 1\nx 2\nb 3\n", n(1), n(3)}},
		"a line appears":                 {{"x 1\nb 2\n", none, n(2)}, {"a 7\nx 1\nb 2\n", n(7), n(2)}},
		"a line goes":                    {{"a 7\nx 1\nb 2\n", n(7), n(2)}, {"x 1\nb 2\n", none, n(2)}},
		"a line goes and another comes":  {{"a 7\nx 1\nb 2\n", n(7), n(2)}, {"x 1\ny 1\nb 2\n", none, n(2)}},
		"the order changes":              {{"a 7\nb 2\n", n(7), n(2)}, {"b 2\na 7\n", n(7), n(2)}},
		"nothing first":                  {{"", none, none}, {"a 1\nb 2\n", n(1), n(2)}},
		"nothing then":                   {{"a 1\nb 2\n", n(1), n(2)}, {"", none, none}},
		"no newline at the end":          {{"a 1\nb 2\n", n(1), n(2)}, {"a 1\nb 2", n(1), n(2)}},
		"cut inside a key":               {{"x 1\ntotal_a 2\n", n(2), none}, {"x 1\ntotal", none, none}},
		"cut behind a key":               {{"x 1\na 2\n", n(2), none}, {"x 1\na", none, none}},
		"a key that begins like another": {{"ab 1\na 2\n", n(2), none}, {"aa 1\na 3\n", n(3), none}},
		"a key that ends like another":   {{"xa 1\na 2\n", n(2), none}, {"ya 1\na 3\n", n(3), none}},
		"the later of two names":         {{"a 1\ntotal_a 2\n", n(2), none}, {"a 3\ntotal_a 44\n", n(44), none}},
		"colons, columns and units":      {{"a:      1 kB\nb:     20 kB\n", n(1), n(20)}, {"a:     12 kB\nb:      3 kB\n", n(12), n(3)}},
		"not a number":                   {{"a max\nb 2\n", none, n(2)}, {"a 9\nb 2\n", n(9), n(2)}, {"a -1\nb 2\n", none, n(2)}},
		"letters behind":                 {{"a 12x\nb 2\n", none, n(2)}, {"a 12\nb 2x\n", n(12), none}},
		"leading zeros":                  {{"a 1\nb 2\n", n(1), n(2)}, {"a 000000000000000000012\nb 00\n", n(12), n(0)}},
		"more than 64 bits":              {{"a 1\nb 18446744073709551615\n", n(1), n(1<<64 - 1)}, {"a 1\nb 18446744073709551616\n", n(1), none}},
	} {
		t.Run(name, func(t *testing.T) {
			var l kernfs.Layout
			for _, tt := range texts {
				if got := read(&l, tt.text); got[0] != tt.a || got[1] != tt.b {
					t.Errorf("%q: %v", tt.text, got)
				}
			}
		})
	}
}

// The text has as many lines as before, and the known key is where it was.
func TestLayoutFindsAKeyThatTookAnothersPlace(t *testing.T) {
	var l kernfs.Layout
	read(&l, "a 1\nx 2\n")
	for n := range 64 {
		if got := read(&l, "a 1\nb 2\n"); got[1] == sample.SomeUint(2) {
			return
		} else if got[0] != sample.SomeUint(1) || got[1].Present() {
			t.Fatalf("reading %d: %v", n, got)
		}
	}
	t.Error("b is never seen")
}

func TestLayoutAllocatesNothingWhileItHolds(t *testing.T) {
	var l kernfs.Layout
	values := make([]sample.OptUint, 2)
	texts := [][]byte{[]byte("x 1\na 1\nb 2\n"), []byte("x 1000\na 10\nb 2\n")}
	i := 0
	if n := testing.AllocsPerRun(100, func() {
		i++
		l.Parse(texts[i%2], layoutKeys, values)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzLayout holds a text that is read by what another one taught against the
// same text looked through anew. Both have the same keys at the same lines, as
// two texts of one kernel file have; the numbers differ.
func FuzzLayout(f *testing.F) {
	f.Add([]byte("x 1\na 2\nb 3\n"), []byte("x 10\na 2\nb 300\n"))
	f.Add([]byte("a: 1 kB\nb 3"), []byte("a: 5 kB"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var l kernfs.Layout
		read(&l, string(first))
		got, want := read(&l, string(second)), read(new(kernfs.Layout), string(second))
		if !slices.Equal(got, want) && slices.Equal(keysOf(first), keysOf(second)) {
			t.Errorf("%q after %q: %v, want %v", second, first, got, want)
		}
		if got := read(&l, string(first)); !slices.Equal(got, read(new(kernfs.Layout), string(first))) && slices.Equal(keysOf(first), keysOf(second)) {
			t.Errorf("%q after %q: %v", first, second, got)
		}
	})
}

func keysOf(text []byte) (keys []string) {
	for line := range bytes.Lines(text) {
		i := bytes.IndexAny(line, ": \t\n")
		if i < 0 {
			i = len(line)
		}
		keys = append(keys, string(line[:i]))
	}
	return keys
}
