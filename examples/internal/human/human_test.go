package human_test

import (
	"testing"

	"github.com/cboxdk/resource-monitor/examples/internal/human"
)

func TestValue(t *testing.T) {
	for _, c := range []struct {
		n    float64
		unit string
		want string
	}{
		{0, "By", "0 B"},
		{1023, "By", "1023 B"},
		{1536, "By", "1.5 KiB"},
		{512 << 20, "By", "512.0 MiB"},
		{1.5, "s", "1.50 s"},
		{7205, "s", "2h0m5s"},
		{0.5, "{cpu}", "0.50 cores"},
		{0.123, "1", "12.3 %"},
		{42, "{period}", "42 period"},
	} {
		if got := human.Value(c.n, c.unit); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.n, c.unit, got, c.want)
		}
	}
}

func TestBarStaysInItsWidth(t *testing.T) {
	for share, want := range map[float64]string{
		-1: "[....................]", 0.5: "[##########..........]", 3: "[####################]",
	} {
		if got := human.Bar(share); got != want {
			t.Errorf("%v: %s", share, got)
		}
	}
}
