// Package darwintest plays a Mac for tests: its kernel at the level of bytes
// and handles, with every way to fail.
package darwintest

import (
	"testing"

	"github.com/cboxdk/resource-monitor/internal/darwin"
)

// New returns a healthy Apple silicon machine with two CPUs, two disks and
// two interfaces.
func New(t testing.TB) *Kernel {
	k := &Kernel{
		t:        t,
		PageSize: 16384,
		VM: VM{
			Free: 1000, Speculative: 100, Wired: 2000, Compressor: 500,
			External: 3000, Internal: 5000, Purgeable: 200, Faults: 77, PageIns: 7,
		}.Bytes(),
		CPUs:        CPUArray(Ticks{100, 200, 300, 0}, Ticks{10, 20, 30, 0}),
		Sysctls:     sysctls(),
		SysctlCalls: make(map[string]int),
		Lists: map[[6]int32][]byte{
			MIBAll:     append(IfMIB("lo0", 1, 1), IfMIB("en0", 78187493520, 140101)...),
			MIBList:    append(IfMsg("lo0", 1, 0, 0, 0), IfMsg("en0", 11, 78187493520, 140101, 5)...),
			MIBOne(1):  IfMIB("lo0", 1, 1),
			MIBOne(11): IfMIB("en0", 78187493520, 140101),
		},
		RusageInfo: make([]byte, sizeRusageInfo),
		PidInfo: map[int32][]byte{
			PidTaskInfo: make([]byte, sizeTaskInfo),
			PidBSDInfo:  make([]byte, sizeBSDInfo),
			PidListFDs:  make([]byte, 12*SizeFDInfo),
		},
		TaskVM:  make([]byte, sizeTaskVMInfo),
		Usage:   darwin.Rusage{User: 1e9, System: 2e9, MaxResident: 50 << 20, MinorFaults: 3, MajorFaults: 4, VoluntarySwitches: 5, ForcedSwitches: 6},
		Rlimits: map[int]uint64{RlimitAS: Unlimited, RlimitNoFile: 256, RlimitNProc: 2666},
		Thermal: 1,
	}
	Put64(k.RusageInfo, ruFootprint, 30<<20)
	Put64(k.RusageInfo, ruMaxFootprint, 40<<20)
	Put64(k.RusageInfo, ruResident, 35<<20)
	Put64(k.RusageInfo, ruDiskRead, 4096)
	Put64(k.RusageInfo, ruDiskWrite, 8192)
	Put64(k.PidInfo[PidTaskInfo], taskVirtual, 400<<30)
	Put64(k.PidInfo[PidTaskInfo], taskResident, 34<<20)
	Put32(k.PidInfo[PidTaskInfo], taskThreads, 9)
	Put64(k.PidInfo[PidBSDInfo], bsdStartSec, 1700000100)
	Put64(k.PidInfo[PidBSDInfo], bsdStartMic, 250000)
	k.Registry = Registry{k: k, Disks: []Disk{NewDisk("disk0", 1), NewDisk("disk4", 2)}}
	return k
}

func sysctls() map[string][]byte {
	load := append(append(append(U32(2048), U32(4096)...), U32(1024)...), make([]byte, 4)...)
	return map[string][]byte{
		"hw.memsize":                          U64(16 << 30),
		"vm.swapusage":                        SwapUsage(4096, 3072),
		"kern.memorystatus_vm_pressure_level": U32(1),
		"kern.memorystatus_level":             U32(60),
		"vm.loadavg":                          append(load, U64(2048)...),
		"hw.logicalcpu":                       U32(2),
		"hw.logicalcpu_max":                   U32(2),
		"hw.physicalcpu":                      U32(2),
		"hw.nperflevels":                      U32(2),
		"hw.perflevel0.name":                  Text("Performance"),
		"hw.perflevel0.logicalcpu":            U32(1),
		"hw.perflevel0.physicalcpu":           U32(1),
		"hw.perflevel1.name":                  Text("Efficiency"),
		"hw.perflevel1.logicalcpu":            U32(1),
		"hw.perflevel1.physicalcpu":           U32(1),
		"kern.hv_vmm_present":                 U32(0),
		"hw.model":                            Text("Mac15,3"),
		"machdep.cpu.brand_string":            Text("Apple M3"),
		"kern.osproductversion":               Text("15.4"),
		"kern.osversion":                      Text("24E248"),
		"kern.osrelease":                      Text("24.4.0"),
		"kern.hostname":                       Text("mac.local"),
		"sysctl.proc_translated":              U32(0),
		"kern.boottime":                       append(U64(1700000000), U64(5)...),
		"kern.maxfilesperproc":                U32(61440),
		"kern.maxprocperuid":                  U32(2666),
	}
}

// RusageInfo is what proc_pid_rusage returns of a process that read and wrote so many bytes.
func RusageInfo(read, written uint64) []byte {
	b := make([]byte, sizeRusageInfo)
	Put64(b, ruFootprint, 30<<20)
	Put64(b, ruDiskRead, read)
	Put64(b, ruDiskWrite, written)
	return b
}
