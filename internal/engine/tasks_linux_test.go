package engine

import (
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

func TestTasksAndTheirSmallestLimit(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", "pids.current=90", "pids.max=100")+
		group(top+"/p/l", "pids.current=4", "pids.max=max"))
	expect(t, "not asked for", b.cpu().Cgroup.Tasks, sample.Tasks{})
	b.want |= sample.PartTasks
	expect(t, "the parent's limit", b.cpu().Cgroup.Tasks, sample.Tasks{Count: some(4), Limit: some(100)})
	b.Write(top+"/p/l/pids.max", "64\n")
	expect(t, "the own limit", b.cpu().Cgroup.Tasks.Limit, some(64))
	b.Write(top+"/p/l/pids.max", "max\n")
	b.Write(top+"/p/pids.max", "max\n")
	expect(t, "no limit, no number", b.cpu().Cgroup.Tasks.Limit.Present(), false)
}

// R5: three ways of having no pids.current, or of its being zero.
func TestR5TasksAbsentDeniedAndZero(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p")+group(top+"/p"))
	b.want |= sample.PartTasks
	expect(t, "absent", b.cpu().Cgroup.Tasks, sample.Tasks{})
	expect(t, "which is no failure", len(b.diag.Failures().List), 0)
	b.Write(top+"/p/pids.current", "0\n")
	b.source.(*linux).cpu.tasks.close()
	expect(t, "zero is a number", b.cpu().Cgroup.Tasks.Count, some(0))
	b.Write(top+"/p/pids.current", "many\n")
	expect(t, "not a number", b.cpu().Cgroup.Tasks.Count.Present(), false)
	expect(t, "which is one", len(b.diag.Failures().List), 1)
}

func TestTasksOnV1AreTheOwnHierarchys(t *testing.T) {
	b := open(t, machine+"-- proc/self/mountinfo --\n31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup pids rw,pids\n"+self("9:pids:/x/y\n4:memory:/m")+
		"-- sys/fs/cgroup/pids/release_agent --\n-- sys/fs/cgroup/pids/x/pids.max --\n30\n-- sys/fs/cgroup/pids/x/y/pids.current --\n3\n-- sys/fs/cgroup/pids/x/y/pids.max --\nmax\n")
	b.want |= sample.PartTasks
	expect(t, "R9b: by controller", b.cpu().Cgroup.Tasks, sample.Tasks{Count: some(3), Limit: some(30)})
}

const ownInit = "-- proc/1/stat --\n1 (init) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 30000 2904064 400\n"

func TestUptimeOfTheContainer(t *testing.T) {
	const status = "-- proc/self/status --\nName:\tapp\nPid:\t7\nNSpid:\t7\n"
	for name, c := range map[string]struct {
		archive string
		ownPID  bool
		want    sample.OptUint
	}{
		"own namespace":                {"-- proc/uptime --\n1000.50 1.00\n" + status + ownInit, true, some(700_500_000_000)},
		"the machine's namespace":      {"-- proc/uptime --\n1000.50 1.00\n" + status + ownInit, false, sample.OptUint{}},
		"the machine's /proc":          {"-- proc/uptime --\n1000.50 1.00\n-- proc/self/status --\nPid:\t70\nNSpid:\t70\t7\n" + ownInit, true, sample.OptUint{}},
		"LXCFS over uptime (X1)":       {"-- proc/uptime --\n400.00 1.00\n" + status + ownInit + "-- proc/self/mountinfo --\n40 23 0:50 / /proc/uptime rw - fuse.lxcfs lxcfs rw\n", true, sample.OptUint{}},
		"process 1 is hidden":          {"-- proc/uptime --\n1000.50 1.00\n" + status, true, sample.OptUint{}},
		"started later than it is now": {"-- proc/uptime --\n100.00 1.00\n" + status + ownInit, true, sample.OptUint{}},
	} {
		t.Run(name, func(t *testing.T) {
			b := open(t, machine+c.archive)
			l := b.source.(*linux)
			l.cfg.OwnPID = c.ownPID
			l.cpu.uptime.done = !c.ownPID
			b.want |= sample.PartTasks
			b.cpu()
			b.after(time.Second)
			expect(t, "uptime", b.cpu().Cgroup.Uptime, c.want)
		})
	}
}

func TestMachineUptimeAndInterrupts(t *testing.T) {
	b := open(t, machine+"-- proc/uptime --\n12.34 5.00\n-- proc/pressure/irq --\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=77\n")
	expect(t, "not asked for", b.cpu().System.Uptime.Present(), false)
	b.want |= wholeMachine
	s := b.cpu().System
	expect(t, "uptime", s.Uptime, some(12_340_000_000))
	expect(t, "interrupts have no line of some (P3)", s.IRQ.Some.Present(), false)
	expect(t, "interrupts", s.IRQ.Full.Or(sample.Stall{}).Total, 77)
}

func TestModesOfEachCPU(t *testing.T) {
	b := open(t, machine)
	b.want = direct | wholeMachine | sample.PartPerCPU | sample.PartUtilization
	b.usage()
	b.after(time.Second)
	b.Replace("proc/stat", "cpu1 250 0 125 2000", "cpu1 325 0 125 2025")
	_, u := b.usage()
	if modes := u.perCPU[1].modes; modes["user"] != 0.75 || modes["idle"] != 0.25 {
		t.Errorf("shares of CPU 1: got %v, want 0.75 of user and 0.25 of idle", modes)
	}
	expect(t, "modes of a CPU whose counters stand still", len(u.perCPU[0].modes), 0)
}
