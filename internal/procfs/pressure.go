package procfs

import (
	"bytes"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Pressure is pressure stall information: /proc/pressure/{cpu,memory,io,irq}
// of the machine, since Linux 4.20, and a v2 cgroup's {cpu,memory,io,irq}.pressure,
// which have the same form (Documentation/accounting/psi.rst). The averages,
// percent in the file, are shares of time here; the totals stay microseconds.
//
// Either line may be missing: cpu has no full before Linux 5.13, irq has no some.
type Pressure sample.Pressure

// Parse fills p from the text of one file. A line that is torn is lost alone; the
// method fails where none is left.
func (p *Pressure) Parse(b []byte) error {
	*p = Pressure{}
	for len(b) > 0 {
		var line []byte
		line, b = kernfs.Line(b)
		kind, fields := kernfs.Field(line)
		switch string(kind) {
		case "some":
			if s, ok := stall(fields); ok {
				p.Some = sample.Some(s)
			}
		case "full":
			if s, ok := stall(fields); ok {
				p.Full = sample.Some(s)
			}
		}
	}
	if !p.Some.Present() && !p.Full.Present() {
		return kernfs.ErrMalformed
	}
	return nil
}

// stall reads the fields as every kernel so far prints them, and otherwise with care.
func stall(b []byte) (s sample.Stall, ok bool) {
	if s, ok = exactStall(b); !ok {
		return parseStall(b)
	}
	return s, true
}

// exactStall spells the names out, because the compiler compares what it knows
// without a call.
func exactStall(b []byte) (s sample.Stall, ok bool) {
	const idle = " avg10=0.00 avg60=0.00 avg300=0.00 total=" // most lines of most machines
	if len(b) > len(idle) && string(b[:len(idle)]) == idle {
		s.Total, ok = kernfs.Uint(b[len(idle):])
		return s, ok
	}
	const avg10, avg60, avg300, total = " avg10=", " avg60=", " avg300=", " total="
	if len(b) < len(avg10) || string(b[:len(avg10)]) != avg10 {
		return s, false
	}
	if s.Avg10, b, ok = exactShare(b[len(avg10):]); !ok || len(b) < len(avg60) || string(b[:len(avg60)]) != avg60 {
		return s, false
	}
	if s.Avg60, b, ok = exactShare(b[len(avg60):]); !ok || len(b) < len(avg300) || string(b[:len(avg300)]) != avg300 {
		return s, false
	}
	if s.Avg300, b, ok = exactShare(b[len(avg300):]); !ok || len(b) < len(total) || string(b[:len(total)]) != total {
		return s, false
	}
	s.Total, ok = kernfs.Uint(b[len(total):])
	return s, ok
}

// exactShare reads a percentage of one to three digits, a point and two decimals.
func exactShare(b []byte) (share float64, rest []byte, ok bool) {
	n, i := 0, 0
	for ; i < len(b) && i < 3 && b[i] != '.'; i++ {
		if b[i]-'0' > 9 {
			return 0, nil, false
		}
		n = n*10 + int(b[i]-'0')
	}
	if i == 0 || len(b) < i+3 || b[i] != '.' || b[i+1]-'0' > 9 || b[i+2]-'0' > 9 {
		return 0, nil, false
	}
	n = n*100 + int(b[i+1]-'0')*10 + int(b[i+2]-'0')
	share = float64(n) / 10000
	return share, b[i+3:], share <= maxShare
}

// parseStall needs all of the four fields, in any order, and skips others, which a
// newer kernel may add.
func parseStall(b []byte) (s sample.Stall, ok bool) {
	const avg10, avg60, avg300, total = 1, 2, 4, 8
	seen := 0
	for {
		var field []byte
		if field, b = kernfs.Field(b); len(field) == 0 {
			return s, seen == avg10|avg60|avg300|total
		}
		i := bytes.IndexByte(field, '=')
		if i < 0 {
			continue
		}
		value, bit := field[i+1:], 0
		switch string(field[:i]) {
		case "avg10":
			bit = avg10
			s.Avg10, ok = parseShare(value)
		case "avg60":
			bit = avg60
			s.Avg60, ok = parseShare(value)
		case "avg300":
			bit = avg300
			s.Avg300, ok = parseShare(value)
		case "total":
			bit = total
			s.Total, ok = kernfs.Uint(value)
		default:
			continue
		}
		if !ok { // also where the key stood there before: which of the two is torn is not known
			return sample.Stall{}, false
		}
		seen |= bit
	}
}

// parseShare reads a percentage with two decimals as a share. The kernel's
// rounding may print a little over 100.
func parseShare(b []byte) (float64, bool) {
	if len(b) == 0 || len(b) > len("100.0000") {
		return 0, false
	}
	n, divisor, point := 0, 100, false
	for i, c := range b {
		if c == '.' && !point && i > 0 {
			point = true
			continue
		}
		d := int(c) - '0'
		if d < 0 || d > 9 {
			return 0, false
		}
		n = n*10 + d
		if point {
			divisor *= 10
		}
	}
	share := float64(n) / float64(divisor)
	return share, share <= maxShare
}

const maxShare = 2
