//go:build !race

package engine

// forgotten is what a reading may allocate more under the race detector.
const forgotten = 0
