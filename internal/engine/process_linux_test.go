package engine

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestDescriptorsAreCountedAsTheyAreListed(t *testing.T) {
	var c processCollector
	c.init(&linux{})
	defer c.close()
	if _, err := c.openDescriptors(); err != nil { // keeps the folder open from here on
		t.Fatal(err)
	}
	before, err := listDescriptors()
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
	}
	listed, err := listDescriptors()
	if err != nil || listed != before+3 {
		t.Errorf("%d descriptors, then three more: %d (%v)", before, listed, err)
	}
	if n, err := c.openDescriptors(); err != nil || n != listed {
		t.Errorf("the kernel says %d, the folder lists %d (%v)", n, listed, err)
	}
}

func TestProcessOfThisMachine(t *testing.T) {
	s, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got sample.Process
	ctx := context.Background()
	if err := s.ReadProcess(ctx, sample.PartFiles|sample.PartUtilization, &got); err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]sample.OptUint{
		"user": got.User, "rss": got.RSS, "virtual": got.Virtual, "threads": got.Threads, "descriptors": got.Descriptors,
		"faults": got.Faults.Minor, "switches": got.Voluntary,
	} {
		if v.Or(0) == 0 {
			t.Errorf("no %s in %+v", name, got)
		}
	}
	if got.RSS.Or(0) > got.Virtual.Or(0) || got.CPUs.Or(0) == 0 {
		t.Errorf("%+v", got)
	}
	if n := allocations(func() { _ = s.ReadProcess(ctx, sample.PartFiles, &got) }); n > 0 {
		t.Errorf("%v allocations in a reading", n)
	}
}

func TestAnotherRootHasNotThisProcess(t *testing.T) {
	s, err := New(Config{Root: fixture.Unpack(t, "").Hostfs(), Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var got sample.Process
	if err := s.ReadProcess(context.Background(), sample.PartFiles, &got); !errors.Is(err, errOtherRoot) || got.RSS.Present() {
		t.Errorf("%+v, %v", got, err)
	}
}
