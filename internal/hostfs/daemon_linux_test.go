package hostfs_test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/fixture"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
)

// A thread of the Go runtime that waits for a daemon in epoll_ctl(2) stops the
// garbage collector, and with it the program.
func TestADaemonIsNeverAskedForTheRuntimesPoller(t *testing.T) {
	root := fixture.Unpack(t, "-- file --\n")
	d, _ := root.Serve("file", fixture.Answer{Text: "text"})
	for _, open := range []struct {
		root hostfs.Root
		name string
	}{{root.Hostfs(), "/file"}, {hostfs.Root{}, root.Dir() + "/file"}} {
		b, err := open.root.ReadFile(open.name, 100)
		if err != nil || string(b) != "text" {
			t.Errorf("%s: %q, %v", open.name, b, err)
		}
	}
	if n := d.Polls(); n != 0 {
		t.Errorf("%d times", n)
	}
}

func TestAnErrorOfReadingNamesTheWholePath(t *testing.T) {
	root := fixture.Unpack(t, "-- proc/file --\n")
	root.Serve("proc/file", fixture.Answer{Read: unix.EIO})
	if _, err := root.Hostfs().ReadFile("/proc/file", 100); err == nil || !strings.Contains(err.Error(), root.Dir()+"/proc/file") {
		t.Errorf("%v", err)
	}
}
