//go:build race

package engine

// forgotten is what a reading may allocate more under the race detector, where a
// sync.Pool forgets every fourth thing: a Pass and its buffer, which grows again.
const forgotten = 6
