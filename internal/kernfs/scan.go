// Package kernfs reads kernel files: a File keeps its descriptor and costs one
// system call per reading, and the scanners of this file take the text apart
// without allocating.
//
// The scanners accept any input. What they cannot read as the value asked for
// they report as absent.
package kernfs

import (
	"bytes"
	"errors"
	"math"
)

// ErrMalformed says that a file was read but does not hold what the kernel documents.
var ErrMalformed = errors.New("unexpected content")

// Line returns the first line of b without its newline, and the rest. A
// missing final newline is legal.
func Line(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// Field returns the first run of b without blanks, and the rest. Kernel files
// separate by spaces or tabs, sometimes by several.
func Field(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && isBlank(b[i]) {
		i++
	}
	j := i
	for j < len(b) && !isBlank(b[j]) {
		j++
	}
	return b[i:j], b[j:]
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' }

// Uint reads b as one decimal number and nothing else. It is false for an
// empty b, a sign, any other byte, and a number of more than 64 bits.
func Uint(b []byte) (uint64, bool) {
	if len(b) > maxDigits { // it may not fit into 64 bits
		n, rest := leadingUint(b)
		return n, len(rest) == 0
	}
	n, end := digits(b, 0)
	return n, end > 0 && end == uint(len(b))
}

// maxDigits is how many any number may have and fit into 64 bits.
const maxDigits = 19

// digits reads the number that begins at i, and returns where it ends. With more than
// maxDigits it may be wrong. The compiler inlines it; an unsigned index needs no check
// against zero.
func digits(b []byte, i uint) (n uint64, end uint) {
	for i < uint(len(b)) {
		d := uint64(b[i]) - '0'
		if d > 9 {
			break
		}
		n = n*10 + d
		i++
	}
	return n, i
}

// leadingUint reads the digits at the start of b. Beyond 64 bits it stops in front of
// the digit that does not fit, so that the caller sees a rest.
func leadingUint(b []byte) (n uint64, rest []byte) {
	for i, c := range b {
		d := uint64(c - '0')
		if d > 9 || n > math.MaxUint64/10 || n*10 > math.MaxUint64-d {
			return n, b[i:]
		}
		n = n*10 + d
	}
	return n, nil
}

// Int reads b as one decimal number with an optional minus sign.
func Int(b []byte) (int64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	n, ok := Uint(b)
	switch {
	case !ok, n > math.MaxInt64:
		return 0, false
	case neg:
		return -int64(n), true
	}
	return int64(n), true
}

// UintField reads the first field of b as a number.
func UintField(b []byte) (n uint64, rest []byte, ok bool) {
	first := uint(0)
	for first < uint(len(b)) && isBlank(b[first]) {
		first++
	}
	// One pass over the digits: the texts with many columns are read here.
	n, i := digits(b, first)
	if i-first > maxDigits {
		// It may not fit into 64 bits: look again with care.
		f, rest := Field(b[first:])
		n, ok = Uint(f)
		return n, rest, ok
	}
	if i < uint(len(b)) && !isBlank(b[i]) {
		_, rest = Field(b[i:])
		return 0, rest, false
	}
	return n, b[i:], i > first
}

// UintFields reads the fields of b as numbers, as many as dst takes, up to the
// first that is none. It returns how many it read, and what follows them.
func UintFields(b []byte, dst []uint64) (read int, rest []byte) {
	// UintField by hand: a machine has hundreds of columns, and the calls would
	// be half the cost.
	i, end := uint(0), uint(len(b))
	for ; read < len(dst); read++ {
		if i+2 < end && b[i] == ' ' && b[i+2] == ' ' {
			if d := uint64(b[i+1]) - '0'; d <= 9 { // most are one digit behind one blank
				dst[read] = d
				i += 2
				continue
			}
		}
		for i < end && isBlank(b[i]) {
			i++
		}
		first := i
		var n uint64
		n, i = digits(b, i)
		if i == first || i-first > maxDigits || i < end && !isBlank(b[i]) {
			var ok bool
			if n, rest, ok = UintField(b[first:]); !ok {
				return read, b[first:]
			}
			i = end - uint(len(rest))
		}
		dst[read] = n
	}
	return read, b[i:]
}

// Single reads a file that holds one number.
func Single(b []byte) (uint64, bool) {
	n, rest, ok := UintField(b)
	if f, _ := Field(rest); len(f) > 0 {
		return 0, false
	}
	return n, ok
}

// KeyUint splits a line "key 123". A colon behind the key, as in
// /proc/meminfo, is not part of it.
func KeyUint(line []byte) (key []byte, n uint64, ok bool) {
	key, rest := Field(line)
	if len(key) > 0 && key[len(key)-1] == ':' {
		key = key[:len(key)-1]
	}
	n, _, ok = UintField(rest)
	return key, n, ok && len(key) > 0
}
