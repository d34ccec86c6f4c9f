//go:build !linux

package engine

import "github.com/cboxdk/resource-monitor/internal/sample"

// linkFacts is what is known of an interface besides its counters; Linux tells more.
type linkFacts struct {
	speed sample.OptUint // bits per second
}
