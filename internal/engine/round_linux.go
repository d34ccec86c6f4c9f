package engine

import (
	"sync"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/netlink"
	"github.com/cboxdk/resource-monitor/internal/procfs"
)

// round is one reading of one collector: a Pass, and what the kernel said in
// it. Nothing of it is true in the next reading but what the parsers remember
// of a text, such as names.
type round struct {
	kernfs.Pass
	memory    cgroup.Memory
	cpu       cgroup.CPU
	pids      cgroup.Pids
	io        cgroup.IOStat
	stat      procfs.Stat
	diskstats procfs.Diskstats
	online    kernfs.CPUSet
	links     []rawLink
	linkStats []netlink.LinkStats
	netDev    procfs.NetDev
}

// rounds are used again. They serve all monitors: a pool in each would cost it
// 128 bytes for every CPU, and what is between readings in nobody's hands need
// not be there once for each.
var rounds = sync.Pool{New: func() any { return new(round) }}
