package procfs_test

import "testing"

// allocatesNothing runs parse once, to let slices grow, and then counts.
func allocatesNothing(t *testing.T, parse func() error) {
	t.Helper()
	if err := parse(); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = parse() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
