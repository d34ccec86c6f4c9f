package cgroup

import (
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// IOReader keeps the files of the io controller, blkio on v1, of the
// process's cgroup, and the limits of its visible ancestors.
type IOReader struct {
	Group
	opener  *kernfs.Opener
	stat    kernfs.File // v2 io.stat
	counts  []blkioFile // v1
	bfq     []blkioFile // v1, what BFQ counts itself
	scratch IOStat
}

type blkioFile struct {
	kernfs.File
	counts BlkioFile
}

// NewIOReader returns a reader over the levels of g, of which there must be at
// least one. exists says which files there are, where v1 has several for one thing.
func NewIOReader(o *kernfs.Opener, g Group, exists func(name string) bool) *IOReader {
	r := &IOReader{Group: g, opener: o}
	own := o.In(g.Levels[0].Dir)
	if g.Version != V1 {
		r.stat = own.File("io.stat")
		return r
	}
	// The first of each that the kernel has, once: a counter that changed
	// between with and without the descendants would jump.
	choose := func(from []blkioChoice) (files []blkioFile) {
		for _, choice := range from {
			for i, name := range choice.names {
				if exists(g.Levels[0].Dir+"/"+name) || choice.always && i == len(choice.names)-1 {
					files = append(files, blkioFile{own.File(name), choice.counts})
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
	if r.Version != V1 {
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
	if r.Version != V1 {
		return r.stat.Err()
	}
	return r.counts[0].Err()
}

// IOSetting is one limit of one device at one level.
type IOSetting struct {
	Level
	Device
	What  ThrottleFile
	Value uint64 // bytes or operations per second
	File  string
}

// ReadLimits lists the limits of every level, the own cgroup's first. It is asked
// seldom, and keeps no file open.
func (r *IOReader) ReadLimits(p *kernfs.Pass, report Report) (all []IOSetting) {
	var max IOMax
	for _, level := range r.Levels {
		folder := r.opener.In(level.Dir)
		read := func(name string, into func([]byte) error) (path string) {
			f := folder.File(name)
			defer f.Close()
			max.Reset()
			parse(p, &f, into, report)
			return f.Path()
		}
		if r.Version != V1 {
			path := read("io.max", max.Parse)
			for what := range throttleNames {
				all = max.settings(all, level, ThrottleFile(what), path)
			}
			continue
		}
		for what, name := range throttleNames {
			path := read(name, func(b []byte) error { return max.ParseThrottle(b, ThrottleFile(what)) })
			all = max.settings(all, level, ThrottleFile(what), path)
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
	for _, files := range [][]blkioFile{r.counts, r.bfq} {
		for i := range files {
			files[i].Close()
		}
	}
	r.stat.Close()
}
