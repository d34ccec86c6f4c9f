package engine

import (
	"testing"

	"github.com/cboxdk/resource-monitor/internal/counter"
)

func TestACgroupToWhichTheProcessReturnsIsAnotherOne(t *testing.T) {
	var c collector
	var met []counter.Source
	meet := func(what, own string, levels int, another bool) {
		t.Helper()
		before := c.group(0)
		c.entered(own, levels)
		expect(t, what+": another one", len(met) > 0 && c.group(0) != before, another)
		if !another && len(met) > 0 {
			return
		}
		for level := range levels {
			for _, id := range met {
				if id == c.group(level) {
					t.Errorf("%s: level %d has the number of one before", what, level)
				}
			}
		}
		for level := range levels {
			met = append(met, c.group(level))
		}
	}
	meet("the first", "/a/b", 3, false)
	meet("read anew", "/a/b", 3, false)
	c.missing = ErrNoCgroup
	meet("while nothing answers", "", 1, false)
	c.missing = nil
	meet("the answer", "/a/b", 3, false)
	meet("the root", "", 1, true)
	meet("back", "/a/b", 3, true)
	meet("fewer ancestors are visible", "/a/b", 2, true)
}
