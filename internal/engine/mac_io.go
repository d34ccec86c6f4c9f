package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macIO reads what the disks' drivers count, in IOKit's registry. There is no
// queue, and no time during which a disk had work: only the operations' own.
type macIO struct {
	gate
	engine *mac
	reader *darwin.DiskReader
	disks  []darwin.Disk
	all    diskAccount
}

func newMacIO(m *mac) *macIO {
	c := &macIO{engine: m, reader: darwin.NewDiskReader(m.kernel)}
	c.free = c.reader.Close
	return c
}

func (c *macIO) read(now time.Time, w sample.Parts, s *sample.IO) (err error) {
	c.disks, err = c.reader.Read(c.disks)
	c.engine.failed("io", err)
	*s = sample.IO{Time: now, Err: errNoCgroups}
	if err != nil && c.all.empty() {
		return err
	}
	if err == nil {
		c.count(now)
	}
	c.all.fill(&s.System, w.Have(sample.PartDevices), err == nil)
	return nil
}

// count takes the counters. A mounted disk image is listed and not part of the
// total: what passes it passes the disk that holds its file as well.
func (c *macIO) count(now time.Time) {
	for i := range c.disks {
		// macOS gives the name of one that was unplugged to the next.
		c.all.renew(diskKey{name: c.disks[i].Name})
	}
	c.all.begin(now)
	for i := range c.disks {
		raw := &c.disks[i]
		key := diskKey{name: raw.Name}
		if d := c.all.list(key); d != nil {
			d.counted = !raw.Image
			c.all.identify(c.all.listed-1, raw.Name, "")
		}
		r := diskReadingOf(&sample.Disk{Read: macTransfer(&raw.Read), Write: macTransfer(&raw.Write)})
		c.all.add(key, &r)
	}
	c.all.end()
}

func macTransfer(t *darwin.DiskTransfer) sample.Transfer {
	return sample.Transfer{Bytes: t.Bytes, Operations: t.Operations, Time: t.Time}
}
