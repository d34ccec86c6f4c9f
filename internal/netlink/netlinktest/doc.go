// Package netlinktest makes, changes and removes network interfaces for tests,
// in the network namespace of the thread that asked for it.
package netlinktest
