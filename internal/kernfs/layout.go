package kernfs

import (
	"bytes"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Key is a key that somebody wants of a file of lines "key 123", and which of
// the values it fills. Of several keys for one value the last in the file counts.
type Key struct {
	Name  string // without the colon that /proc/meminfo has behind it
	Value int
}

// Layout remembers where a file has the wanted keys. A kernel prints its lines
// in one order and pads or repeats the same widths, so that the next text is
// read without looking at the lines in between. A text with another number of
// lines, or with another key where one was, is looked through anew.
//
// No number can be taken for another one, because every key is compared. What could be
// missed is a key that appears in the place of one that nobody wants, or where the
// text stays as long as it was: then nobody counts its lines. Which keys a
// kernel prints is fixed when it is built and booted, but LXCFS may be
// restarted as another version, and a root of files can be given other ones:
// so the whole text is looked through now and then all the same.
//
// The zero Layout knows nothing. It is for one file and one set of keys.
type Layout struct {
	bytes, lines int
	spots        []spot
	parsed       uint8 // texts since all of one was looked through
}

// lookAgain is after how many texts a whole one is looked through. It costs some
// hundred nanoseconds.
const lookAgain = 64

// spot is one line with a wanted key: which of the keys, and how far it begins behind the line of the spot before.
type spot struct {
	key          uint16
	lines, bytes int32
}

// Parse fills the values of the keys that b has; the others are absent. It allocates only where b is
// laid out differently from the text before.
func (l *Layout) Parse(b []byte, keys []Key, values []sample.OptUint) {
	clear(values)
	lines := l.lines
	if len(b) != l.bytes || len(b) == 0 || b[len(b)-1] != '\n' {
		lines = countLines(b)
	}
	if l.parsed++; lines == l.lines && lines > 0 && l.parsed < lookAgain && l.parse(b, keys, values) {
		l.bytes = len(b)
		return
	}
	l.learn(b, keys, lines)
	clear(values)
	l.parse(b, keys, values)
}

// countLines returns the number of lines, 0 where the last one is not whole: from such a text nothing is remembered.
func countLines(b []byte) int {
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return 0
	}
	return bytes.Count(b, newline)
}

var newline = []byte{'\n'}

func (l *Layout) parse(b []byte, keys []Key, values []sample.OptUint) bool {
	at := 0
	for i := range l.spots {
		s := &l.spots[i]
		key := &keys[s.key]
		next := at + int(s.bytes)
		if !key.begins(b, next) {
			// A number in between has more digits than it had.
			if next = skipLines(b, at, int(s.lines)); !key.begins(b, next) {
				return false
			}
			s.bytes = int32(next - at)
		}
		at = next
		if n, ok := numberBehind(b, uint(at+len(key.Name))); ok {
			values[key.Value] = sample.SomeUint(n)
		}
	}
	return true
}

// numberBehind reads the number of the line whose key ends at i. UintField would
// go on into the next line.
func numberBehind(b []byte, i uint) (n uint64, ok bool) {
	if b[i] == ':' {
		i++
	}
	first := i
	for first < uint(len(b)) && (b[first] == ' ' || b[first] == '\t') {
		first++
	}
	n, end := digits(b, first)
	switch {
	case first == i || end == first || end < uint(len(b)) && !isBlank(b[end]):
		return 0, false
	case end-first > maxDigits:
		return Uint(b[first:end])
	}
	return n, true
}

// begins compares the whole key and what delimits it, at the start of a line:
// total_pgfault and total_pgmajfault share more than their lengths.
func (k *Key) begins(b []byte, at int) bool {
	end := at + len(k.Name)
	if end >= len(b) || at > 0 && b[at-1] != '\n' || string(b[at:end]) != k.Name {
		return false
	}
	return b[end] == ':' || isBlank(b[end])
}

// skipLines returns where the line begins that is n lines behind the one at at.
func skipLines(b []byte, at, n int) int {
	for range n {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			return len(b)
		}
		at += i + 1
	}
	return at
}

// learn looks at every line.
func (l *Layout) learn(b []byte, keys []Key, total int) {
	l.bytes, l.lines, l.spots, l.parsed = len(b), total, l.spots[:0], 0
	last, lines := 0, 0
	for at := 0; at < len(b); lines++ {
		for i := range keys {
			if b[at] == keys[i].Name[0] && keys[i].begins(b, at) { // most differ in the first letter
				l.spots = append(l.spots, spot{uint16(i), int32(lines), int32(at - last)})
				last, lines = at, 0
				break
			}
		}
		at = skipLines(b, at, 1)
	}
}
