package engine

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// A file of which only the existence is asked is named where it does not answer,
// and asked again.
func TestAnIOControllerThatDidNotAnswerIsFoundWhenItDoes(t *testing.T) {
	const own = top + "/blkio/a"
	b := open(t, machine+mountV1Blkio+self("7:blkio:/a")+group(own, "blkio.throttle.io_service_bytes=8:0 Read 4096\n8:0 Write 0\nTotal 4096",
		"blkio.throttle.io_serviced=8:0 Read 1\n8:0 Write 0\nTotal 1"))
	file := own + "/blkio.throttle.io_serviced"
	d, _ := b.Serve(file, fixture.Answer{Silent: true})
	var s sample.IO
	for range 2 { // the second time the Guard refuses to ask while the first goes on
		_ = b.source.ReadIO(context.Background(), sample.PartCgroup, &s)
		if want := b.Hostfs().Path("/" + file); !errors.Is(s.Err, kernfs.ErrHung) || !named(s.Err, want) {
			t.Fatalf("%v does not name %s", s.Err, want)
		}
	}
	d.Set(fixture.Answer{Text: "8:0 Read 1\n8:0 Write 0\nTotal 1\n"})
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if err := b.source.ReadIO(context.Background(), sample.PartCgroup, &s); err == nil && s.Err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("it answers, and still: %v", s.Err)
		}
	}
	expect(t, "read", s.Cgroup.Total.Read.Operations, some(1))
}

func named(err error, path string) bool {
	var pe *fs.PathError
	return errors.As(err, &pe) && pe.Path == path
}

// The machine's size is no limit of a process whose cgroup may have a lower one.
func TestWhatDoesNotAnswerLeavesTheLimitsUnknown(t *testing.T) {
	const own = top + "/a"
	root := machine + mountV2 + self("0::/a") + group(own, "memory.max=1048576", "memory.current=4096", "cpu.max=50000 100000")
	for _, file := range []string{"proc/self/cgroup", "proc/self/mountinfo"} {
		t.Run(file, func(t *testing.T) {
			b := open(t, root)
			d, _ := b.Serve(file, fixture.Answer{Silent: true})
			if m, c := b.memory(), b.cpu(); m.Limit.Known() || m.Available.Present() || c.CgroupLimit.Known() || c.Limit.Known() {
				t.Errorf("%+v, available %v, %+v, %+v", m.Limit, m.Available, c.CgroupLimit, c.Limit)
			}
			text, err := os.ReadFile(open(t, root).Hostfs().Path("/" + file))
			if err != nil {
				t.Fatal(err)
			}
			d.Set(fixture.Answer{Text: string(text)})
			for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				b.after(time.Second)
				if m, c := b.memory(), b.cpu(); m.Limit.Value == 1<<20 && c.CgroupLimit.Value == 0.5 {
					break
				} else if time.Now().After(deadline) {
					t.Fatalf("it answers, and still: %+v, %+v", m.Limit, c.CgroupLimit)
				}
			}
		})
	}
}
