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

// CPUReader keeps the files of the cpu, cpuacct and cpuset controllers.
type CPUReader struct {
	groups  CPUGroups
	files   []cpuFiles    // by level
	cpusets []kernfs.File // by level of the cpuset controller
	weight  kernfs.File   // v1 cpu.shares
	usage   kernfs.File   // v1 cpuacct.usage
	split   kernfs.File   // v1 cpuacct.stat
	perCPU  kernfs.File   // v1 cpuacct.usage_percpu
	cpus    kernfs.CPUSet

	quotaPath, cpusetPath kernfs.PathOf // of those that bind
}

type cpuFiles struct {
	quota  kernfs.File // cpu.max, v1 cpu.cfs_quota_us
	period kernfs.File // v1 cpu.cfs_period_us
	stat   kernfs.KeyFile
	usage  kernfs.File // v1 cpuacct.usage of the same cgroup, where that hierarchy has it
}

// NewCPUReader returns a reader over groups.
func NewCPUReader(o *kernfs.Opener, groups CPUGroups) *CPUReader {
	r := &CPUReader{groups: groups, files: make([]cpuFiles, len(groups.CPU.Levels)), cpusets: make([]kernfs.File, len(groups.Cpuset.Levels))}
	for i := range r.files {
		folder, f := o.In(groups.CPU.Levels[i].Dir), &r.files[i]
		f.stat.File = folder.File("cpu.stat")
		weight := "cpu.weight"
		if groups.CPU.Version == V1 {
			f.quota, f.period, weight = folder.File("cpu.cfs_quota_us"), folder.File("cpu.cfs_period_us"), "cpu.shares"
		} else {
			f.quota = folder.File("cpu.max")
		}
		if i == 0 {
			r.weight = folder.File(weight)
		}
	}
	if groups.Cpuacct.Version == V1 {
		r.addCpuacct(o)
	}
	name := "cpuset.cpus.effective"
	if groups.Cpuset.Version == V1 {
		name = "cpuset.effective_cpus"
	}
	for i := range r.cpusets {
		r.cpusets[i] = o.In(groups.Cpuset.Levels[i].Dir).File(name)
	}
	return r
}

// addCpuacct takes the files of v1's cpuacct. The hierarchy can be another one than that of cpu.
func (r *CPUReader) addCpuacct(o *kernfs.Opener) {
	for n, l := range r.groups.Cpuacct.Levels {
		folder := o.In(l.Dir)
		if n == 0 {
			r.usage, r.split, r.perCPU = folder.File("cpuacct.usage"), folder.File("cpuacct.stat"), folder.File("cpuacct.usage_percpu")
		}
		for i := range r.files {
			if r.groups.CPU.Version == V1 && l.Path == r.groups.CPU.Levels[i].Path {
				r.files[i].usage = folder.File("cpuacct.usage")
			}
		}
	}
}

// hasTimes reports whether cpu.stat has the times of a cgroup.
func (r *CPUReader) hasTimes() bool { return len(r.files) > 0 && r.groups.CPU.Version == V2 }

// UsageError returns why the usage could not be read the last time; nil: it was.
func (r *CPUReader) UsageError() error {
	switch {
	case r.usage.Known():
		return r.usage.Err()
	case r.hasTimes():
		return r.files[0].stat.Err()
	}
	return ErrUnresolved
}

// ReadUsage fills the times, the weight and, on v1 and on demand, those of each CPU.
func (r *CPUReader) ReadUsage(p *kernfs.Pass, c *CPU, perCPU bool, report Report) {
	none := sample.OptUint{}
	c.Usage, c.User, c.System, c.Weight, c.Shares = none, none, none, none, none
	c.PerCPU, c.Throttling = c.PerCPU[:0], CPUStat{}
	r.readTimes(p, c, perCPU, report)
	if len(r.files) == 0 {
		return
	}
	weight := number(p, &r.weight, report)
	if r.groups.CPU.Version == V1 {
		c.Shares = weight
	} else {
		c.Weight = weight
	}
}

func (r *CPUReader) readTimes(p *kernfs.Pass, c *CPU, perCPU bool, report Report) {
	if r.hasTimes() {
		parseKeys(p, &r.files[0].stat, c.Throttling.ParseAs, report)
		c.Usage, c.User, c.System = c.Throttling.Usage, c.Throttling.User, c.Throttling.System
		return
	}
	if !r.usage.Known() {
		return
	}
	c.Usage = number(p, &r.usage, report)
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
	c.Levels, c.Unknown = c.Levels[:0], false
	for i := range r.files {
		l, err := r.readLevel(p, &r.files[i], report)
		c.Levels = append(c.Levels, l)
		// An ancestor that cannot be read is left out, like one that is not visible.
		c.Unknown = c.Unknown || i == 0 && err != nil && !IsAbsence(err)
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
			report(f.ParseError(err))
			c.Unknown = c.Unknown || i == 0 && !IsAbsence(err)
			continue
		}
		if n := r.cpus.Count(); n > 0 {
			c.Cpuset, c.CpusetLevel = sample.SomeUint(uint64(n)), i
			return
		}
	}
}

func (r *CPUReader) readLevel(p *kernfs.Pass, f *cpuFiles, report Report) (l CPULevel, err error) {
	b, err := f.quota.Read(p)
	switch {
	case err != nil:
	case r.groups.CPU.Version == V1:
		l.Quota, err = ParseCFSQuota(b)
	default:
		l.Quota, l.Period, err = ParseCPUMax(b)
	}
	if err != nil {
		report(f.quota.ParseError(err))
	}
	// Without a quota the period means nothing: one system call less per ancestor.
	if f.period.Known() && l.Quota.Present() {
		if l.Period = number(p, &f.period, report); !l.Period.Present() {
			err = kernfs.ErrMalformed // whatever it was: a quota without a period says nothing
		}
	}
	return l, err
}

// Quota says whose the quota of a level is, and where it is from. Who asks for
// the same level as the time before causes no allocation.
func (r *CPUReader) Quota(level int) (source sample.Source, group, path string) {
	g := &r.groups.CPU
	return g.Source(), g.Name(level), r.quotaPath.Get(&r.files[level].quota)
}

// Cpuset is Quota for the cpuset of a level of its controller.
func (r *CPUReader) Cpuset(level int) (group, path string) {
	return r.groups.Cpuset.Name(level), r.cpusetPath.Get(&r.cpusets[level])
}

// ReadThrottling fills the throttling of the level whose quota binds. A level
// out of range has none.
func (r *CPUReader) ReadThrottling(p *kernfs.Pass, level int, c *CPU, report Report) {
	if r.hasTimes() && level == 0 {
		return // cpu.stat of the own cgroup is read already
	}
	c.Throttling = CPUStat{}
	if level >= 0 && level < len(r.files) {
		parseKeys(p, &r.files[level].stat, c.Throttling.ParseAs, report)
	}
}

// ReadLevelUsage returns the CPU time of a level, its neighbors' included.
// Absent on v1 where the cpuacct hierarchy does not have the same cgroup.
func (r *CPUReader) ReadLevelUsage(p *kernfs.Pass, level int, report Report) sample.OptUint {
	f := &r.files[level]
	switch {
	case r.groups.CPU.Version == V2:
		var stat CPUStat
		parseKeys(p, &f.stat, stat.ParseAs, report)
		return stat.Usage
	case f.usage.Known():
		return number(p, &f.usage, report)
	}
	return sample.OptUint{}
}

// Close gives all descriptors back.
func (r *CPUReader) Close() {
	for i := range r.files {
		f := &r.files[i]
		closeAll(&f.quota, &f.period, &f.stat.File, &f.usage)
	}
	for i := range r.cpusets {
		r.cpusets[i].Close()
	}
	closeAll(&r.usage, &r.split, &r.perCPU, &r.weight)
}

// isOff: PSI switched off answers EOPNOTSUPP to read(2).
func isOff(err error) bool { return errors.Is(err, unix.EOPNOTSUPP) }
