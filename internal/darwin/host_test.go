package darwin_test

import (
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestReadHost(t *testing.T) {
	var h Host
	if err := ReadHost(darwintest.New(t), &h); err != nil {
		t.Fatal(err)
	}
	want := Host{
		Model: sample.Some("Mac15,3"), Brand: sample.Some("Apple M3"), OSVersion: sample.Some("15.4"),
		OSBuild: sample.Some("24E248"), Kernel: sample.Some("24.4.0"), Hostname: sample.Some("mac.local"),
		Hypervisor: sample.Some(false), Rosetta: sample.Some(false), Memory: sample.SomeUint(16 << 30),
		CPUs: sample.SomeUint(2), Booted: sample.Some(time.Unix(1700000000, 5000)),
	}
	if h != want {
		t.Errorf("got %+v\nwant %+v", h, want)
	}
}
