//go:build darwin && cgo

package frameworks

// #cgo LDFLAGS: -framework IOKit -framework CoreFoundation
import "C"
