package darwin

import (
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// sysctl is one name that a reader asks for again and again. What a kernel
// does not have, it does not get later: after ENOENT nothing is asked.
type sysctl struct {
	name   string
	absent bool
}

// read returns the answer inside buf, and nil where there is none.
func (s *sysctl) read(k Kernel, buf []byte, f *failures) []byte {
	if s.absent {
		return nil
	}
	n, err := k.SysctlByName(s.name, buf)
	switch {
	case err == nil && n >= 0 && n <= len(buf):
		return buf[:n]
	case err == nil:
		err = ErrMalformed
	case missing(err):
		s.absent = true
		return nil
	}
	f.add("sysctl", s.name, err)
	return nil
}

// uint reads a number that has no sign in reality.
func (s *sysctl) uint(k Kernel, buf []byte, f *failures) (o sample.OptUint) {
	b := s.read(k, buf, f)
	if b == nil {
		return o
	}
	n, err := DecodeInt(b)
	if err == nil && n < 0 {
		err = ErrMalformed
	}
	if err != nil {
		f.add("sysctl", s.name, err)
		return o
	}
	return sample.SomeUint(uint64(n))
}

// bool reads a number that is 0 or not.
func (s *sysctl) bool(k Kernel, buf []byte, f *failures) (o sample.Opt[bool]) {
	if n, ok := s.uint(k, buf, f).Get(); ok {
		o = sample.Some(n != 0)
	}
	return o
}

// text reads a string. It allocates: for what is read once.
func (s *sysctl) text(k Kernel, buf []byte, f *failures) (o sample.Opt[string]) {
	if b := decodeText(s.read(k, buf, f)); len(b) > 0 {
		o = sample.Some(string(b))
	}
	return o
}

// maxAnswer is the longest list that a reader takes: tens of thousands of interfaces.
const maxAnswer = 8 << 20

// readList reads a sysctl of unknown length into buf, which grows as needed and is
// returned for the next time. The list may grow between the question for its
// size and the reading, so the answer that does not fit is asked for again.
func readList(k Kernel, mib []int32, buf []byte) (list, grown []byte, err error) {
	const attempts = 6
	for range attempts {
		if len(buf) > 0 {
			n, err := k.Sysctl(mib, buf)
			switch {
			case err == nil && n >= 0 && n <= len(buf):
				return buf[:n], buf, nil
			case err == nil:
				return nil, buf, ErrMalformed
			case !tooSmall(err):
				return nil, buf, err
			}
		}
		n, err := k.Sysctl(mib, nil)
		if err != nil {
			return nil, buf, err
		}
		size := max(n+n/4, 2*len(buf), 1<<10)
		if n < 0 || size > maxAnswer {
			return nil, nil, ErrMalformed
		}
		buf = make([]byte, size)
	}
	return nil, buf, ErrMalformed
}
