// Package frameworks names IOKit and Core Foundation to the C linker, in
// programs that use cgo.
//
// Without cgo the linker of Go writes down which library a function comes from
// and this package is empty. As soon as any package of a program uses cgo, the
// C linker makes the program, and Go does not pass these names on
// (golang.org/issue/42459): IOServiceMatching would be undefined. The directive that
// the standard library uses is closed to others, so one file imports "C" for its flags
// alone, and only where cgo is enabled.
package frameworks
