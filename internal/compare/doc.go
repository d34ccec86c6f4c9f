// Package compare holds this module's readings of the host's /proc against
// independent readers, gopsutil and prometheus/procfs, on the machine that runs
// the tests. Where they differ, a test says who is right and why.
package compare
