package sample

// Opt is a value that the kernel may not offer. The zero Opt is absent: a
// reader fills only what it read, so nothing absent can become a zero.
type Opt[T any] struct {
	value   T
	present bool
}

// Some returns a present v.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Get returns the value and whether it is present.
func (o Opt[T]) Get() (T, bool) { return o.value, o.present }

// At returns the value where it lies; nil where it is absent.
func (o *Opt[T]) At() *T {
	if !o.present {
		return nil
	}
	return &o.value
}

// Present reports whether there is a value.
func (o Opt[T]) Present() bool { return o.present }

// Or returns the value, or other where it is absent.
func (o Opt[T]) Or(other T) T {
	if o.present {
		return o.value
	}
	return other
}
