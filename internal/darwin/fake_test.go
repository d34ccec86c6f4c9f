package darwin

import (
	"encoding/binary"
	"errors"
	"math"
	"syscall"
	"testing"
)

var errFake = errors.New("refused")

// fakeKernel plays a Mac. Every call is counted, and the one numbered failAt fails.
type fakeKernel struct {
	t      testing.TB
	calls  int
	failAt int // 0: none
	failed string

	pageSize    uint64
	vm          []byte
	vmCalls     int
	cpus        []byte
	sysctls     map[string][]byte
	sysctlCalls map[string]int
	lists       map[[6]int32][]byte
	grow        func() // after a size was told
	rusageInfo  []byte
	pidInfo     map[int32][]byte
	taskVM      []byte
	rusage      Rusage
	rlimits     map[int]uint64
	thermal     uint64
	thermalErr  error

	fakeRegistry
}

func (k *fakeKernel) step(name string) error {
	k.calls++
	if k.calls == k.failAt {
		k.failed = name
		return errFake
	}
	return nil
}

func (k *fakeKernel) HostPageSize() (uint64, error) {
	return k.pageSize, k.step("host_page_size")
}

func (k *fakeKernel) HostStatistics64(buf []byte) (int, error) {
	k.vmCalls++
	return copy(buf, k.vm), k.step("host_statistics64")
}

func (k *fakeKernel) ProcessorInfo(buf []byte) ([]byte, error) {
	return append(buf[:0], k.cpus...), k.step("host_processor_info")
}

// give answers as sysctl(3) does.
func give(buf, answer []byte, ok bool) (int, error) {
	switch {
	case !ok:
		return 0, syscall.ENOENT
	case len(buf) == 0:
		return len(answer), nil
	case len(buf) < len(answer):
		return copy(buf, answer), syscall.ENOMEM
	}
	return copy(buf, answer), nil
}

func (k *fakeKernel) Sysctl(mib []int32, buf []byte) (int, error) {
	if err := k.step("sysctl"); err != nil {
		return 0, err
	}
	answer, ok := k.lists[[6]int32(mib)]
	n, err := give(buf, answer, ok)
	if len(buf) == 0 && k.grow != nil {
		k.grow()
	}
	return n, err
}

func (k *fakeKernel) SysctlByName(name string, buf []byte) (int, error) {
	k.sysctlCalls[name]++
	if err := k.step(name); err != nil {
		return 0, err
	}
	answer, ok := k.sysctls[name]
	return give(buf, answer, ok)
}

func (k *fakeKernel) ProcPidRusage(buf []byte) error {
	copy(buf, k.rusageInfo)
	return k.step("proc_pid_rusage")
}

func (k *fakeKernel) ProcPidInfo(flavor int32, buf []byte) (int, error) {
	return copy(buf, k.pidInfo[flavor]), k.step("proc_pidinfo")
}

func (k *fakeKernel) TaskVMInfo(buf []byte) (int, error) {
	return copy(buf, k.taskVM), k.step("task_info")
}

func (k *fakeKernel) Rusage() (Rusage, error) { return k.rusage, k.step("getrusage") }

func (k *fakeKernel) Rlimit(resource int) (uint64, error) {
	return k.rlimits[resource], k.step("getrlimit")
}

func (k *fakeKernel) ThermalPressure() (uint64, error) {
	if err := k.step("notify_get_state"); err != nil {
		return 0, err
	}
	return k.thermal, k.thermalErr
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.LittleEndian.AppendUint64(nil, n) }

func text(s string) []byte { return append([]byte(s), 0) }

func put32(b []byte, off int, n uint32) { binary.LittleEndian.PutUint32(b[off:], n) }
func put64(b []byte, off int, n uint64) { binary.LittleEndian.PutUint64(b[off:], n) }

func cpuArray(cpus ...rawTicks) (b []byte) {
	for _, c := range cpus {
		for _, n := range []uint32{c.user, c.system, c.idle, c.nice} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
	}
	return b
}

// ifMIB makes an ifmibdata.
func ifMIB(name string, rx, tx uint64) []byte {
	b := make([]byte, sizeIfMIBData)
	copy(b[:sizeIfName], name)
	put32(b, offMIBFlags, 0x8863)
	b[offMIBData+offIfType] = ifTypeEth
	put64(b, offMIBData+offIfIBytes, rx)
	put64(b, offMIBData+offIfOBytes, tx)
	return b
}

// ifMsg makes an if_msghdr2 with its sockaddr_dl, cut as the kernel cuts it.
func ifMsg(name string, index uint16, rx, tx, packets uint64) []byte {
	b := make([]byte, sizeIfMsgHdr2+20)
	b[offMsgLen] = byte(len(b))
	b[offMsgVersion], b[offMsgType] = rtmVersion, rtmIfInfo2
	put32(b, offMsgAddrs, rtaIFP)
	put32(b, offMsgFlags, 0x8863)
	binary.LittleEndian.PutUint16(b[offMsgIndex:], index)
	b[offMsgData+offIfType] = ifTypeEth
	put64(b, offMsgData+offIfIBytes, rx&^1023&math.MaxUint32)
	put64(b, offMsgData+offIfOBytes, tx&^1023&math.MaxUint32)
	put64(b, offMsgData+offIfIPackets, packets)
	put64(b, offMsgData+offIfOPackets, packets)
	dl := b[sizeIfMsgHdr2:]
	dl[offDLLen], dl[offDLFamily], dl[offDLNameLen] = 20, afLink, byte(len(name))
	copy(dl[offDLName:], name)
	return b
}

var (
	mibAll  = [6]int32{ctlNet, pfLink, netLinkGeneric, ifMIBAllData, 0, ifDataGeneral}
	mibList = [6]int32{ctlNet, pfRoute, 0, 0, netRTIfList2, 0}
)

func mibOne(index int32) [6]int32 {
	return [6]int32{ctlNet, pfLink, netLinkGeneric, ifMIBData, index, ifDataGeneral}
}

// newMac returns a healthy Apple silicon machine with two CPUs, two disks and
// two interfaces.
func newMac(t testing.TB) *fakeKernel {
	vm := make([]byte, SizeVMStatistics)
	put32(vm, offVMFree, 1000)
	put32(vm, offVMSpeculative, 100)
	put32(vm, offVMWire, 2000)
	put32(vm, offVMCompressor, 500)
	put32(vm, offVMExternal, 3000)
	put32(vm, offVMInternal, 5000)
	put32(vm, offVMPurgeable, 200)
	put64(vm, offVMFaults, 77)

	rusageInfo := make([]byte, sizeRusageInfo)
	put64(rusageInfo, offRUFootprint, 30<<20)
	put64(rusageInfo, offRUMaxFootprint, 40<<20)
	put64(rusageInfo, offRUResident, 35<<20)
	put64(rusageInfo, offRUDiskRead, 4096)
	put64(rusageInfo, offRUDiskWrite, 8192)
	task := make([]byte, sizeTaskInfo)
	put64(task, offTaskVirtual, 400<<30)
	put64(task, offTaskResident, 34<<20)
	put32(task, offTaskThreads, 9)
	bsd := make([]byte, sizeBSDInfo)
	put64(bsd, offBSDStartSec, 1700000100)
	put64(bsd, offBSDStartMic, 250000)

	load := append(append(append(u32(2048), u32(4096)...), u32(1024)...), make([]byte, 4)...)
	k := &fakeKernel{
		t:        t,
		pageSize: 16384,
		vm:       vm,
		cpus:     cpuArray(rawTicks{100, 200, 300, 0}, rawTicks{10, 20, 30, 0}),
		sysctls: map[string][]byte{
			"hw.memsize":                          u64(16 << 30),
			"vm.swapusage":                        append(append(append(u64(4096), u64(1024)...), u64(3072)...), make([]byte, 8)...),
			"kern.memorystatus_vm_pressure_level": u32(1),
			"kern.memorystatus_level":             u32(60),
			"vm.loadavg":                          append(load, u64(2048)...),
			"hw.logicalcpu":                       u32(2),
			"hw.logicalcpu_max":                   u32(2),
			"hw.physicalcpu":                      u32(2),
			"hw.nperflevels":                      u32(2),
			"hw.perflevel0.name":                  text("Performance"),
			"hw.perflevel0.logicalcpu":            u32(1),
			"hw.perflevel0.physicalcpu":           u32(1),
			"hw.perflevel1.name":                  text("Efficiency"),
			"hw.perflevel1.logicalcpu":            u32(1),
			"hw.perflevel1.physicalcpu":           u32(1),
			"kern.hv_vmm_present":                 u32(0),
			"hw.model":                            text("Mac15,3"),
			"machdep.cpu.brand_string":            text("Apple M3"),
			"kern.osproductversion":               text("15.4"),
			"kern.osversion":                      text("24E248"),
			"kern.osrelease":                      text("24.4.0"),
			"kern.hostname":                       text("mac.local"),
			"sysctl.proc_translated":              u32(0),
			"kern.boottime":                       append(u64(1700000000), u64(5)...),
			"kern.maxfilesperproc":                u32(61440),
			"kern.maxprocperuid":                  u32(2666),
		},
		sysctlCalls: make(map[string]int),
		lists: map[[6]int32][]byte{
			mibAll:     append(ifMIB("lo0", 1, 1), ifMIB("en0", 78187493520, 140101)...),
			mibList:    append(ifMsg("lo0", 1, 0, 0, 0), ifMsg("en0", 11, 78187493520, 140101, 5)...),
			mibOne(1):  ifMIB("lo0", 1, 1),
			mibOne(11): ifMIB("en0", 78187493520, 140101),
		},
		rusageInfo: rusageInfo,
		pidInfo: map[int32][]byte{
			procPidTaskInfo: task,
			procPidTBSDInfo: bsd,
			procPidListFDs:  make([]byte, 12*sizeFDInfo),
		},
		taskVM:  make([]byte, sizeTaskVMInfo),
		rusage:  Rusage{User: 1e9, System: 2e9, MaxResident: 50 << 20, MinorFaults: 3, MajorFaults: 4, VoluntarySwitches: 5, ForcedSwitches: 6},
		rlimits: map[int]uint64{rlimitAS: rlimInfinity, rlimitNoFile: 256, rlimitNProc: 2666},
		thermal: 1,
	}
	k.fakeRegistry = fakeRegistry{k: k, disks: []fakeDisk{newDisk("disk0", 1), newDisk("disk4", 2)}}
	return k
}
