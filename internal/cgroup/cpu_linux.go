package cgroup

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// CPUGroups says where the CPU controllers show the process. On v1 each can be a
// hierarchy of its own; on v2 all three are the same. A nil Levels: not available.
type CPUGroups struct {
	CPU, Cpuacct, Cpuset Group
}

// Group is one controller's version and levels, the own cgroup first.
type Group struct {
	Version Version
	Levels  []Level
}

// Own names the own cgroup; "" where there is none.
func (g *Group) Own() string {
	if len(g.Levels) == 0 {
		return ""
	}
	return g.Levels[0].Path
}

// CPUReader keeps the files of the cpu, cpuacct and cpuset controllers.
type CPUReader struct {
	groups  CPUGroups
	levels  []cpuFiles
	usage   *kernfs.File // v1 cpuacct.usage
	split   *kernfs.File // v1 cpuacct.stat
	perCPU  *kernfs.File // v1 cpuacct.usage_percpu
	stat    *kernfs.File // v2 cpu.stat of the own cgroup
	weight  *kernfs.File
	cpusets []cpusetFile
	cpus    kernfs.CPUSet
}

type cpuFiles struct {
	Level
	max    *kernfs.File // v2
	quota  *kernfs.File // v1
	period *kernfs.File // v1
	stat   *kernfs.File
	usage  *kernfs.File // v1 cpuacct.usage of the same cgroup; nil where that hierarchy has none
}

type cpusetFile struct {
	Level
	*kernfs.File
}

// NewCPUReader returns a reader over groups.
func NewCPUReader(o *kernfs.Opener, groups CPUGroups) *CPUReader {
	r := &CPUReader{groups: groups}
	for _, l := range groups.CPU.Levels {
		f := cpuFiles{Level: l, stat: o.In(l.Dir, "cpu.stat")}
		if groups.CPU.Version == V1 {
			f.quota, f.period = o.In(l.Dir, "cpu.cfs_quota_us"), o.In(l.Dir, "cpu.cfs_period_us")
		} else {
			f.max = o.In(l.Dir, "cpu.max")
		}
		r.levels = append(r.levels, f)
	}
	if groups.CPU.Version == V1 && groups.Cpuacct.Version == V1 {
		for i := range r.levels {
			for _, l := range groups.Cpuacct.Levels {
				if l.Path == r.levels[i].Path {
					r.levels[i].usage = o.In(l.Dir, "cpuacct.usage")
				}
			}
		}
	}
	if len(r.levels) > 0 {
		own := r.levels[0]
		if groups.CPU.Version == V1 {
			r.weight = o.In(own.Dir, "cpu.shares")
		} else {
			r.weight, r.stat = o.In(own.Dir, "cpu.weight"), own.stat
		}
	}
	if l := groups.Cpuacct.Levels; len(l) > 0 && groups.Cpuacct.Version == V1 {
		r.usage, r.split, r.perCPU = o.In(l[0].Dir, "cpuacct.usage"), o.In(l[0].Dir, "cpuacct.stat"), o.In(l[0].Dir, "cpuacct.usage_percpu")
	}
	name := "cpuset.cpus.effective"
	if groups.Cpuset.Version == V1 {
		name = "cpuset.effective_cpus"
	}
	for _, l := range groups.Cpuset.Levels {
		r.cpusets = append(r.cpusets, cpusetFile{l, o.In(l.Dir, name)})
	}
	return r
}

// UsageError returns why the usage could not be read the last time; nil: it was.
func (r *CPUReader) UsageError() error {
	switch {
	case r.usage != nil:
		return r.usage.Err()
	case r.stat != nil:
		return r.stat.Err()
	}
	return ErrUnresolved
}

// ReadUsage fills the times, the weight and, on v1 and on demand, those of each CPU.
func (r *CPUReader) ReadUsage(p *kernfs.Pass, c *CPU, perCPU bool, report Report) {
	none := sample.OptUint{}
	c.Usage, c.User, c.System, c.Weight, c.Shares = none, none, none, none, none
	c.PerCPU, c.Throttling = c.PerCPU[:0], CPUStat{}
	r.readTimes(p, c, perCPU, report)
	if r.weight == nil {
		return
	}
	if r.groups.CPU.Version == V1 {
		c.Shares = number(p, r.weight, report)
	} else {
		c.Weight = number(p, r.weight, report)
	}
}

func (r *CPUReader) readTimes(p *kernfs.Pass, c *CPU, perCPU bool, report Report) {
	if r.stat != nil {
		parseKeys(p, r.stat, c.Throttling.ParseAs, report)
		c.Usage, c.User, c.System = c.Throttling.Usage, c.Throttling.User, c.Throttling.System
		return
	}
	if r.usage == nil {
		return
	}
	c.Usage = number(p, r.usage, report)
	b, err := r.split.Read(p)
	if err == nil {
		c.User, c.System, err = ParseCpuacctStat(b)
	}
	if err != nil {
		report(r.split.ParseError(err))
	}
	if !perCPU {
		return
	}
	b, err = r.perCPU.Read(p)
	if err == nil {
		c.PerCPU, err = ParsePerCPU(b, c.PerCPU)
	}
	if err != nil {
		c.PerCPU = c.PerCPU[:0]
		report(r.perCPU.ParseError(err))
	}
}

// ReadLimits fills the quotas and the cpuset alone.
func (r *CPUReader) ReadLimits(p *kernfs.Pass, c *CPU, report Report) {
	c.Levels = c.Levels[:0]
	for i := range r.levels {
		c.Levels = append(c.Levels, r.readLevel(p, &r.levels[i], report))
	}
	// A cgroup without the file, or with an empty one, has its nearest ancestor's.
	c.Cpuset = sample.OptUint{}
	for i := range r.cpusets {
		f := &r.cpusets[i]
		b, err := f.Read(p)
		if err == nil {
			err = r.cpus.Parse(b)
		}
		if err != nil {
			report(f.File.ParseError(err))
			continue
		}
		if n := r.cpus.Count(); n > 0 {
			c.Cpuset, c.CpusetCgroup, c.CpusetFile = sample.SomeUint(uint64(n)), f.Level.Path, f.File.Path()
			return
		}
	}
}

func (r *CPUReader) readLevel(p *kernfs.Pass, f *cpuFiles, report Report) CPULevel {
	l := CPULevel{Level: f.Level, Version: r.groups.CPU.Version}
	if f.max != nil {
		b, err := f.max.Read(p)
		if err == nil {
			l.Quota, l.Period, err = ParseCPUMax(b)
		}
		if err != nil {
			report(f.max.ParseError(err))
		}
		if l.Quota.Present() {
			l.QuotaFile = f.max.Path()
		}
		return l
	}
	b, err := f.quota.Read(p)
	if err == nil {
		l.Quota, err = ParseCFSQuota(b)
	}
	if err != nil {
		report(f.quota.ParseError(err))
	}
	// Without a quota the period means nothing: one system call less per ancestor.
	if l.Quota.Present() {
		l.Period, l.QuotaFile = number(p, f.period, report), f.quota.Path()
	}
	return l
}

// ReadThrottling fills the throttling of the level whose quota binds. A level
// out of range has none.
func (r *CPUReader) ReadThrottling(p *kernfs.Pass, level int, c *CPU, report Report) {
	own := r.stat != nil && level == 0
	if own {
		return // cpu.stat of the own cgroup is read already
	}
	c.Throttling = CPUStat{}
	if level >= 0 && level < len(r.levels) {
		parseKeys(p, r.levels[level].stat, c.Throttling.ParseAs, report)
	}
}

// ReadLevelUsage returns the CPU time of a level, its neighbors' included.
// Absent on v1 where the cpuacct hierarchy does not have the same cgroup.
func (r *CPUReader) ReadLevelUsage(p *kernfs.Pass, level int, report Report) sample.OptUint {
	switch l := &r.levels[level]; {
	case l.max != nil:
		var stat CPUStat
		parseKeys(p, l.stat, stat.ParseAs, report)
		return stat.Usage
	case l.usage != nil:
		return number(p, l.usage, report)
	}
	return sample.OptUint{}
}

// Close gives all descriptors back.
func (r *CPUReader) Close() {
	for i := range r.levels {
		l := &r.levels[i]
		closeAll(l.max, l.quota, l.period, l.stat, l.usage)
	}
	for i := range r.cpusets {
		r.cpusets[i].Close()
	}
	closeAll(r.usage, r.split, r.perCPU, r.weight)
}

// isOff: PSI switched off answers EOPNOTSUPP to read(2).
func isOff(err error) bool { return errors.Is(err, unix.EOPNOTSUPP) }
