//go:build linux

package main

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/measure"
	"github.com/cboxdk/resource-monitor/internal/netlink/netlinktest"
)

// interfaces reads real ones: the kernel's part grows, too.
func interfaces() table {
	sizes := []int{1, 10, 100, 1000}
	t := table{
		title: "Growth: interfaces",
		note: "Nanoseconds of a reading of lo and so many interfaces more, in a network namespace of their own. /proc/net/dev serves " +
			"where the kernel has no RTM_GETSTATS.",
		head: columns("", sizes, "for each"),
	}
	for _, of := range []struct {
		what string
		side side
	}{
		{"netlink", links()},
		{"the dump alone", side{"", func() (func(), error) {
			r, err := dialRaw()
			return r.dump, err
		}}},
		{"/proc/net/dev", netdev("/proc/thread-self/net/dev")},
		{"the pread alone", pread("/proc/thread-self/net/dev")},
	} {
		cells := []string{of.what}
		var took []float64
		for _, n := range sizes {
			each, err := amongInterfaces(n, of.side)
			if err != nil {
				return t.failed(err)
			}
			took = append(took, each)
			cells = append(cells, nanoseconds(each))
		}
		t.row(append(cells, nanoseconds(perItem(took[len(took)-1]-took[0], sizes)))...)
	}
	return t
}

// amongInterfaces returns the nanoseconds of s in a namespace that ends with its thread.
func amongInterfaces(n int, s side) (took float64, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked
		if err = unix.Unshare(unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("no network namespace: %w", err)
			return
		}
		took, err = amongLinks(n, s)
	}()
	<-done
	return took, err
}

func amongLinks(n int, s side) (float64, error) {
	links, err := netlinktest.Open()
	if err != nil {
		return 0, err
	}
	defer links.Close()
	if _, err := links.Fill(n); err != nil {
		return 0, err
	}
	read, err := s.build()
	if err != nil {
		return 0, err
	}
	return measure.Alone(50, read).Nanoseconds, nil
}
