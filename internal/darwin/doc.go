// Package darwin reads macOS without cgo and without a subprocess.
//
// It has three layers. The decoders turn the bytes of kernel structs into Go
// values and are pure. The readers ask a Kernel and fill a struct of the
// caller's; they hold all logic and are portable. The shim, the only part with
// a build tag, is the Kernel of a real macOS: one function per call, bound by
// the dynamic linker when the program starts.
//
// Nothing in this package has run on a Mac. The decoders are tested against
// the bytes of C structs that clang laid out for both architectures, the
// readers against fake kernels, the shim by cross-building it, by vet, and by
// what the linked program imports. What a real kernel answers, in which unit
// and in which registry shape, is taken from Apple's published sources.
//
// A reader belongs to one goroutine at a time. Its Read fills what it could
// read and returns the failures joined: what failed, and what this version of
// macOS does not have, is absent in the struct. A feature that is missing is
// no failure. In the steady state a Read allocates nothing beyond the slices
// of the struct it fills, and not even these where the caller hands in the
// struct of an earlier reading.
package darwin
