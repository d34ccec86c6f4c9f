package engine

import (
	"context"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The machine's own numbers, by netlink and by its file, lie between two readings of the file.
func TestNetworkOfThisMachine(t *testing.T) {
	source, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	c := source.(*linux).network
	var before, s, after sample.Network
	ctx := context.Background()
	byFile := func(to *sample.Network) {
		c.rest = time.Now().Add(time.Hour)
		if err := source.ReadNetwork(ctx, Want{Interfaces: true}, to); err != nil {
			t.Fatal(err)
		}
		c.rest = time.Time{}
	}
	byFile(&before)
	if err := source.ReadNetwork(ctx, Want{Interfaces: true}, &s); err != nil {
		t.Fatal(err)
	}
	byFile(&after)
	if c.conn == nil {
		t.Skip("RTM_GETSTATS is not available here")
	}
	lo, n, hi := before.Total.Receive.Bytes.Or(0), s.Total.Receive.Bytes.Or(0), after.Total.Receive.Bytes.Or(0)
	if lo > n || n > hi {
		t.Errorf("received %d by the file, %d by netlink, %d by the file", lo, n, hi)
	}
	for w, most := range map[Want]float64{{}: 0, {Interfaces: true}: 1} {
		if n := testing.AllocsPerRun(50, func() { _ = source.ReadNetwork(ctx, w, &s) }); n > most {
			t.Errorf("%+v: %v allocations", w, n)
		}
	}
}
