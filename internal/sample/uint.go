package sample

// OptUint is an Opt[uint64] in one word, because readings have many. It holds 2^64-1 as the
// number before it: both are beyond what is ever published.
type OptUint struct {
	next uint64 // the value plus one
}

// SomeUint returns a present n.
func SomeUint(n uint64) OptUint { return OptUint{max(n+1, n)} }

// Get returns the value and whether it is present.
func (o OptUint) Get() (uint64, bool) { return max(o.next, 1) - 1, o.next != 0 }

// Present reports whether there is a value.
func (o OptUint) Present() bool { return o.next != 0 }

// Or returns the value, or other where it is absent.
func (o OptUint) Or(other uint64) uint64 {
	if o.next != 0 {
		return o.next - 1
	}
	return other
}
