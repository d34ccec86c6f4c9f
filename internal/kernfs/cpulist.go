package kernfs

import "math/bits"

// MaxCPUs bounds a CPU number; the kernel's own maximum (NR_CPUS) is 8192.
const MaxCPUs = 1 << 14

// CPUSet is a set of CPU numbers, as the kernel writes it: "0-3,8,10-11".
type CPUSet struct {
	words []uint64
}

// Parse replaces the set by a CPU list. An empty list is an empty set: in a
// cpuset file it means that the parent's CPUs apply.
func (s *CPUSet) Parse(b []byte) error {
	s.Clear()
	list, rest := Field(b)
	if more, _ := Field(rest); len(more) > 0 {
		return ErrMalformed
	}
	for len(list) > 0 {
		first, after := leadingUint(list)
		if len(after) == len(list) {
			return s.malformed()
		}
		last := first
		if len(after) > 0 && after[0] == '-' {
			rest := after[1:]
			if last, after = leadingUint(rest); len(after) == len(rest) {
				return s.malformed()
			}
		}
		if last < first || last >= MaxCPUs {
			return s.malformed()
		}
		for n := first; n <= last; n++ {
			s.Add(int(n))
		}
		if len(after) == 0 {
			return nil
		}
		if after[0] != ',' || len(after) == 1 {
			return s.malformed()
		}
		list = after[1:]
	}
	return nil
}

func (s *CPUSet) malformed() error {
	s.Clear()
	return ErrMalformed
}

// Clear empties the set and keeps its memory.
func (s *CPUSet) Clear() { s.words = s.words[:0] }

// Add puts CPU n into the set; numbers out of range are left out.
func (s *CPUSet) Add(n int) {
	if n < 0 || n >= MaxCPUs {
		return
	}
	for len(s.words) <= n/64 {
		s.words = append(s.words, 0)
	}
	s.words[n/64] |= 1 << (n % 64)
}

// Has reports whether CPU n is in the set.
func (s *CPUSet) Has(n int) bool {
	return n >= 0 && n/64 < len(s.words) && s.words[n/64]>>(n%64)&1 == 1
}

// Count returns how many CPUs are in the set.
func (s *CPUSet) Count() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// IntersectCount returns how many CPUs are in both sets.
func (s *CPUSet) IntersectCount(other *CPUSet) int {
	n := 0
	for i := range min(len(s.words), len(other.words)) {
		n += bits.OnesCount64(s.words[i] & other.words[i])
	}
	return n
}
