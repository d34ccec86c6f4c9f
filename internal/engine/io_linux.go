package engine

import (
	"cmp"
	"fmt"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ioCollector reads /proc/diskstats and the io controller.
type ioCollector struct {
	collector
	diskstats kernfs.File
	reader    *cgroup.IOReader // nil where nothing shows the own cgroup
	topology  topology
	own, all  disks
	limited   listing // of the devices that have limits
}

func (c *ioCollector) init(l *linux) {
	c.share(l, "io")
	c.diskstats = c.opener.File("/proc/diskstats")
	c.topology.opener, c.topology.report = &c.opener, c.report
	c.own.fromUse = true
	c.free = func() { c.closeFiles(&c.diskstats) }
}

func (c *ioCollector) read(p *round, w sample.Parts, s *sample.IO) error {
	s.Reset(p.Now())
	// The cgroup first: /proc/diskstats may be a user-space daemon's (LXCFS).
	known := w.Have(sample.PartCgroup) && c.readCgroup(p, w, s)
	fallback := w.Have(sample.PartDirect) && !s.Own
	if w.Have(sample.PartSystemPressure) || fallback {
		c.pressure.readSystem(&p.Pass, &s.System.Pressure, c.report)
	}
	if w.Have(sample.PartSystem) || fallback {
		err := c.readHost(p)
		c.all.fill(&s.System, w.Have(sample.PartDevices), err == nil)
		if known = known || !c.all.empty(); c.all.empty() {
			s.SystemErr = err
		}
	}
	if !known {
		return p.Context().Err()
	}
	return nil
}

// readCgroup reports whether anything is known of the own cgroup.
func (c *ioCollector) readCgroup(p *round, w sample.Parts, s *sample.IO) (known bool) {
	readable := false
	for {
		c.follow(p)
		if c.reader == nil {
			break
		}
		readable = c.reader.Read(&p.Pass, &p.io, c.report)
		if !c.vanished(c.reader.UsageError()) {
			break
		}
	}
	if c.replaced(p) {
		c.own.move()
	}
	if c.reader != nil {
		if readable {
			c.countCgroup(p)
		}
		c.own.fill(&s.Cgroup, w.Have(sample.PartDevices), readable)
	}
	c.pressure.readOwn(&p.Pass, &s.Cgroup.Pressure, c.report)
	known = readable || c.reader != nil && !c.own.empty()
	s.Own = c.engine.describes(known)
	if !known {
		s.Err = c.why(c.reader != nil, c.reader.UsageError, errRootIO)
	}
	return known
}

// errRootIO is made once: outside a container it is met on every reading.
var errRootIO = fmt.Errorf("%w: the process is in the root cgroup, whose I/O is the machine's", ErrNoCgroup)

func (c *ioCollector) follow(p *round) {
	tree, moved := c.moved(p)
	if !moved {
		return
	}
	c.reader = nil
	g := c.resolve(p, tree, "blkio")
	if c.entered(g.Own(), 1) {
		c.own.move()
	}
	if len(g.Levels) == 0 {
		return
	}
	var late error
	r := cgroup.NewIOReader(&c.opener, g, func(name string) bool {
		there, err := guarded(p.Context(), &c.opener, name, func(root hostfs.Root) (bool, error) { return root.Exists(name), nil })
		late = cmp.Or(late, err)
		return there
	})
	if late != nil {
		c.lost(late)
		return
	}
	c.reader, c.cgroupFiles = r, r
}

// countCgroup takes what the io controller said.
func (c *ioCollector) countCgroup(p *round) {
	o := &c.own
	o.begin(p.Now())
	for i := range p.io.Devices {
		o.list(cgroupKey(&p.io.Devices[i]))
	}
	o.resolve(&p.Pass, &c.topology, c.nameFromProc(p))
	for i := range p.io.Devices {
		d := cgroupDisk(&p.io.Devices[i])
		r := diskReadingOf(&d)
		o.add(cgroupKey(&p.io.Devices[i]), &r)
	}
	o.end()
}

func cgroupKey(d *cgroup.IODevice) diskKey {
	if d.Unknown {
		return unknownKey
	}
	return diskKey{number: deviceNumber{d.Major, d.Minor}}
}

func cgroupDisk(d *cgroup.IODevice) (s sample.Disk) {
	s.Read = sample.Transfer{Bytes: d.RBytes, Operations: d.RIOs, Time: sum(d.RService, d.RWait), Wait: d.RWait}
	s.Write = sample.Transfer{Bytes: d.WBytes, Operations: d.WIOs, Time: sum(d.WService, d.WWait), Wait: d.WWait}
	s.Discard = sample.Transfer{Bytes: d.DBytes, Operations: d.DIOs, Time: sum(d.DService, d.DWait), Wait: d.DWait}
	s.Latency = sample.Latency{Average: d.AvgLatency, Delay: d.Delay, QueueDepth: d.QueueDepth, CostWait: d.CostWait}
	return s
}

// sum is absent where one of the two is.
func sum(a, b sample.OptUint) sample.OptUint {
	x, ok := a.Get()
	y, ok2 := b.Get()
	if !ok || !ok2 || x+y < x {
		return sample.OptUint{}
	}
	return sample.SomeUint(x + y)
}

// nameFromProc names devices that sysfs does not show by /proc/diskstats, read once.
func (c *ioCollector) nameFromProc(p *round) func(deviceNumber) string {
	asked, answered := false, false
	return func(n deviceNumber) string {
		if !asked {
			asked, answered = true, c.parseHost(p) == nil
		}
		if !answered {
			return ""
		}
		for i := range p.diskstats.Disks {
			if d := &p.diskstats.Disks[i]; d.Major == n.major && d.Minor == n.minor {
				return d.Name
			}
		}
		return ""
	}
}

func (c *ioCollector) parseHost(p *round) error {
	b, err := c.diskstats.ReadRecords(&p.Pass)
	if err == nil {
		err = p.diskstats.Parse(b)
	}
	if err != nil {
		err = c.diskstats.ParseError(err)
		c.report(err)
	}
	return err
}

// readHost takes what the machine's disks counted.
func (c *ioCollector) readHost(p *round) error {
	if err := c.parseHost(p); err != nil {
		return err
	}
	a := &c.all
	a.begin(p.Now())
	for i := range p.diskstats.Disks {
		a.list(hostKey(&p.diskstats.Disks[i]))
	}
	a.resolve(&p.Pass, &c.topology, nil)
	var r diskReading
	for i := range p.diskstats.Disks {
		hostReading(&p.diskstats.Disks[i], &r)
		a.add(hostKey(&p.diskstats.Disks[i]), &r)
	}
	a.end()
	return nil
}

func hostKey(d *procfs.Disk) diskKey {
	return diskKey{deviceNumber{d.Major, d.Minor}, d.Name}
}

func hostReading(d *procfs.Disk, r *diskReading) {
	r.inWork = d.InProgress
	c := &r.counts
	*c = diskCounts{}
	c.setOps(diskBytes, &d.Read)
	c.setOps(diskWritten, &d.Write)
	c.n[diskIOTime], c.n[diskQueueTime] = d.IOTime, d.WeightedTime
	c.present |= 1<<diskIOTime | 1<<diskQueueTime
	if x := d.Discard.At(); x != nil {
		c.setOps(diskDiscarded, x)
	}
	c.set(diskFlushes, d.Flushes)
	c.set(diskFlushTime, d.FlushTime)
}

func (c *diskCounts) setOps(i diskCounter, d *procfs.DiskOps) {
	c.n[i], c.n[i+diskOperations], c.n[i+diskMerged], c.n[i+diskTime] = d.Bytes, d.Operations, d.Merged, d.Time
	c.present |= 0b1111 << i
}

// ioKinds are the names of I/O limits, by cgroup.ThrottleFile.
var ioKinds = [...]struct{ kind, unit string }{
	cgroup.ThrottleReadBps: {"io.rbps", "By/s"}, cgroup.ThrottleWriteBps: {"io.wbps", "By/s"},
	cgroup.ThrottleReadIOPS: {"io.riops", "{operation}/s"}, cgroup.ThrottleWriteIOPS: {"io.wiops", "{operation}/s"},
}

// listLimits appends the limits of every level.
func (c *ioCollector) listLimits(p *round, s *sample.Limits) {
	c.follow(p)
	if c.reader == nil {
		return
	}
	found := c.reader.ReadLimits(&p.Pass, c.report)
	if len(found) == 0 {
		return
	}
	keys := make([]diskKey, len(found))
	for i, l := range found {
		keys[i] = diskKey{number: deviceNumber{l.Major, l.Minor}}
	}
	c.topology.refresh(&p.Pass)
	devices := c.limited.find(&p.Pass, &c.topology, keys, c.nameFromProc(p))
	for i, l := range found {
		s.Entries = append(s.Entries, sample.LimitEntry{
			Kind: ioKinds[l.What].kind, Value: float64(l.Value), Unit: ioKinds[l.What].unit,
			Source: c.reader.Source(), Device: devices[i].name, Cgroup: l.Path, File: l.File,
		})
	}
}
