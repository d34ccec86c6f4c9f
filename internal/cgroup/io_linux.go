package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// IOReader keeps the files of the io controller, blkio on v1, of the
// process's cgroup, and the limits of its visible ancestors.
type IOReader struct {
	version Version
	levels  []ioFiles
	stat    *kernfs.File // v2 io.stat
	counts  []blkioFile  // v1
	bfq     []blkioFile  // v1, what BFQ counts itself
	scratch IOStat
}

type ioFiles struct {
	Level
	max      *kernfs.File    // v2 io.max
	throttle [4]*kernfs.File // v1, by ThrottleFile
}

type blkioFile struct {
	*kernfs.File
	counts BlkioFile
}

// NewIOReader returns a reader over levels, the own cgroup first. There must be at
// least one. exists says which files there are, where v1 has several for one thing.
func NewIOReader(o *kernfs.Opener, v Version, levels []Level, exists func(name string) bool) *IOReader {
	r := &IOReader{version: v}
	for _, l := range levels {
		f := ioFiles{Level: l}
		if v == V1 {
			for i, name := range throttleNames {
				f.throttle[i] = o.In(l.Dir, name)
			}
		} else {
			f.max = o.In(l.Dir, "io.max")
		}
		r.levels = append(r.levels, f)
	}
	own := levels[0].Dir
	if v != V1 {
		r.stat = o.In(own, "io.stat")
		return r
	}
	// The first of each that the kernel has, once: a counter that changed
	// between with and without the descendants would jump.
	choose := func(from []blkioChoice) (files []blkioFile) {
		for _, choice := range from {
			for i, name := range choice.names {
				if exists(own+"/"+name) || choice.always && i == len(choice.names)-1 {
					files = append(files, blkioFile{o.In(own, name), choice.counts})
					break
				}
			}
		}
		return files
	}
	r.counts, r.bfq = choose(blkioNames), choose(bfqNames)
	return r
}

var throttleNames = [...]string{
	ThrottleReadBps: "blkio.throttle.read_bps_device", ThrottleWriteBps: "blkio.throttle.write_bps_device",
	ThrottleReadIOPS: "blkio.throttle.read_iops_device", ThrottleWriteIOPS: "blkio.throttle.write_iops_device",
}

// blkioNames are the files of v1. io.stat of v2 counts the descendants, and so
// do these with _recursive, which old kernels do not have for the throttle
// files. The times are there with BFQ, where it is built with debugging, or,
// before Linux 5.0, CFQ.
var blkioNames = []blkioChoice{
	{BlkioServiceBytes, []string{"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"}, true},
	{BlkioServiced, []string{"blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"}, true},
	{BlkioServiceTime, []string{
		"blkio.bfq.io_service_time_recursive", "blkio.bfq.io_service_time",
		"blkio.io_service_time_recursive", "blkio.io_service_time",
	}, false},
	{BlkioWaitTime, []string{
		"blkio.bfq.io_wait_time_recursive", "blkio.bfq.io_wait_time",
		"blkio.io_wait_time_recursive", "blkio.io_wait_time",
	}, false},
}

// bfqNames count what goes through the BFQ scheduler. Newer kernels count in
// the throttle files only what is throttled: a direction that the own cgroup
// or one above limits (seen on 6.1), or a device that some cgroup ever limited
// (6.18). Older ones count the same I/O in both.
var bfqNames = []blkioChoice{
	{BlkioServiceBytes, []string{"blkio.bfq.io_service_bytes_recursive", "blkio.bfq.io_service_bytes"}, false},
	{BlkioServiced, []string{"blkio.bfq.io_serviced_recursive", "blkio.bfq.io_serviced"}, false},
}

// blkioChoice is the names of one count, the best first.
type blkioChoice struct {
	counts BlkioFile
	names  []string
	always bool // read the last where none is there
}

// Read fills s and reports whether the kernel said what I/O there was; that it
// lists no device says that there was none.
func (r *IOReader) Read(p *kernfs.Pass, s *IOStat, report Report) bool {
	s.Reset()
	if r.stat != nil {
		b, err := r.stat.Read(p)
		if err == nil {
			err = s.Parse(b)
		}
		if err != nil {
			report(r.stat.ParseError(err))
		}
		return err == nil
	}
	read := readBlkio(p, r.counts, s, report)
	if len(r.bfq) > 0 {
		r.scratch.Reset()
		read = readBlkio(p, r.bfq, &r.scratch, report) || read
		s.Raise(&r.scratch)
	}
	s.DropUncounted()
	return read
}

func readBlkio(p *kernfs.Pass, files []blkioFile, s *IOStat, report Report) (read bool) {
	for i := range files {
		f := &files[i]
		b, err := f.Read(p)
		if err == nil {
			err = s.ParseBlkio(b, f.counts)
		}
		if err != nil {
			report(f.ParseError(err))
			continue
		}
		read = read || f.counts == BlkioServiceBytes || f.counts == BlkioServiced
	}
	return read
}

// UsageError returns why the own cgroup's I/O could not be read the last time; nil: it was.
func (r *IOReader) UsageError() error {
	if r.stat != nil {
		return r.stat.Err()
	}
	return r.counts[0].Err()
}

// Source names the reader's limits.
func (r *IOReader) Source() sample.Source { return r.version.Source() }

// IOSetting is one limit of one device at one level.
type IOSetting struct {
	Level
	Device
	What  ThrottleFile
	Value uint64 // bytes or operations per second
	File  string
}

// ReadLimits lists the limits of every level, the own cgroup's first.
func (r *IOReader) ReadLimits(p *kernfs.Pass, report Report) (all []IOSetting) {
	var max IOMax
	for i := range r.levels {
		l := &r.levels[i]
		if l.max != nil {
			max.Reset()
			parse(p, l.max, max.Parse, report)
			for what := range l.throttle {
				all = max.settings(all, l.Level, ThrottleFile(what), l.max.Path())
			}
			continue
		}
		for what, f := range l.throttle {
			max.Reset()
			parse(p, f, func(b []byte) error { return max.ParseThrottle(b, ThrottleFile(what)) }, report)
			all = max.settings(all, l.Level, ThrottleFile(what), f.Path())
		}
	}
	return all
}

// settings appends the limits of one kind.
func (m *IOMax) settings(all []IOSetting, level Level, what ThrottleFile, file string) []IOSetting {
	for i := range m.Limits {
		l := &m.Limits[i]
		if n, ok := l.of(what).Get(); ok {
			all = append(all, IOSetting{level, l.Device, what, n, file})
		}
	}
	return all
}

// Close gives all descriptors back.
func (r *IOReader) Close() {
	for i := range r.levels {
		closeAll(r.levels[i].max)
		closeAll(r.levels[i].throttle[:]...)
	}
	for _, files := range [][]blkioFile{r.counts, r.bfq} {
		for i := range files {
			files[i].Close()
		}
	}
	closeAll(r.stat)
}
