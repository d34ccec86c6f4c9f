package darwin

import (
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	// Its only effect is on programs that use cgo.
	_ "github.com/cboxdk/resource-monitor/internal/darwin/frameworks"
)

// syscall6 calls the C function whose trampoline is at fn. The conversion of a
// pointer has to stand in the argument list of this very function: only there
// does the compiler keep the object where it is.
//
// Of r1, a C function that returns 32 bits or less sets only these; err means
// something only for one that returns -1 and sets errno.
func syscall6(fn, a1, a2, a3, a4, a5, a6 uintptr) (r1, r2 uintptr, err syscall.Errno)

//go:linkname syscall6 syscall.syscall6

const (
	flavorCPULoad  = 2  // PROCESSOR_CPU_LOAD_INFO
	flavorVMInfo64 = 4  // HOST_VM_INFO64
	flavorTaskVM   = 22 // TASK_VM_INFO
	flavorRusage   = 4  // RUSAGE_INFO_V4
)

// System returns the kernel that this program runs on. There is one per process:
// mach_host_self and mach_task_self add a reference to a port at each call.
func System() Kernel { return theSystem() }

var theSystem = sync.OnceValue(func() *system {
	host, _, _ := syscall6(addr_mach_host_self, 0, 0, 0, 0, 0, 0)
	task, _, _ := syscall6(addr_mach_task_self, 0, 0, 0, 0, 0, 0)
	dictionary, _, _ := syscall6(addr_CFDictionaryGetTypeID, 0, 0, 0, 0, 0, 0)
	number, _, _ := syscall6(addr_CFNumberGetTypeID, 0, 0, 0, 0, 0, 0)
	str, _, _ := syscall6(addr_CFStringGetTypeID, 0, 0, 0, 0, 0, 0)
	return &system{
		host:       uintptr(uint32(host)),
		task:       uintptr(uint32(task)),
		dictionary: dictionary,
		number:     number,
		str:        str,
		thermal:    sync.OnceValues(registerThermal),
	}
})

type system struct {
	host, task              uintptr // port names
	dictionary, number, str uintptr // CFTypeIDs
	thermal                 func() (int32, error)
}

// kernReturn makes an error of a kern_return_t.
func kernReturn(r1 uintptr) error {
	if kr := uint32(r1); kr != 0 {
		return KernReturn(kr)
	}
	return nil
}

// errno makes an error of a function that returned -1. Small numbers do not
// allocate as an error.
func errno(r1 uintptr, err syscall.Errno) error {
	if int32(r1) == -1 {
		return err
	}
	return nil
}

func (s *system) HostPageSize() (uint64, error) {
	var size uintptr
	kr, _, _ := syscall6(addr_host_page_size, s.host, uintptr(unsafe.Pointer(&size)), 0, 0, 0, 0)
	return uint64(size), kernReturn(kr)
}

func (s *system) HostStatistics64(buf []byte) (int, error) {
	count := uint32(len(buf) / 4)
	kr, _, _ := syscall6(addr_host_statistics64, s.host, flavorVMInfo64,
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(&count)), 0, 0)
	return int(count) * 4, kernReturn(kr)
}

func (s *system) ProcessorInfo(buf []byte) ([]byte, error) {
	var cpus, count uint32
	var array unsafe.Pointer
	kr, _, _ := syscall6(addr_host_processor_info, s.host, flavorCPULoad, uintptr(unsafe.Pointer(&cpus)),
		uintptr(unsafe.Pointer(&array)), uintptr(unsafe.Pointer(&count)), 0)
	if err := kernReturn(kr); err != nil {
		return buf[:0], err
	}
	if array == nil {
		return buf[:0], ErrNoAnswer
	}
	// count is in words. Freeing by the number of CPUs instead happens to work while
	// the array fits one page.
	size := uintptr(count) * 4
	buf = append(buf[:0], unsafe.Slice((*byte)(array), size)...)
	kr, _, _ = syscall6(addr_vm_deallocate, s.task, uintptr(array), size, 0, 0, 0)
	return buf, kernReturn(kr)
}

func (s *system) Sysctl(mib []int32, buf []byte) (int, error) {
	size := uintptr(len(buf))
	if size == 0 {
		r1, _, err := syscall6(addr_sysctl, uintptr(unsafe.Pointer(unsafe.SliceData(mib))), uintptr(len(mib)),
			0, uintptr(unsafe.Pointer(&size)), 0, 0)
		return int(size), errno(r1, err)
	}
	r1, _, err := syscall6(addr_sysctl, uintptr(unsafe.Pointer(unsafe.SliceData(mib))), uintptr(len(mib)),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(&size)), 0, 0)
	return int(size), errno(r1, err)
}

func (s *system) SysctlByName(name string, buf []byte) (int, error) {
	var c cString
	if !c.set(name) {
		return 0, syscall.EINVAL
	}
	size := uintptr(len(buf))
	if size == 0 {
		r1, _, err := syscall6(addr_sysctlbyname, uintptr(unsafe.Pointer(&c)),
			0, uintptr(unsafe.Pointer(&size)), 0, 0, 0)
		return int(size), errno(r1, err)
	}
	r1, _, err := syscall6(addr_sysctlbyname, uintptr(unsafe.Pointer(&c)),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(&size)), 0, 0, 0)
	return int(size), errno(r1, err)
}

func (s *system) ProcPidRusage(buf []byte) error {
	if len(buf) < sizeRusageInfo {
		return syscall.EINVAL // the kernel is not told how much room there is
	}
	r1, _, err := syscall6(addr_proc_pid_rusage, uintptr(os.Getpid()), flavorRusage,
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), 0, 0, 0)
	return errno(r1, err)
}

func (s *system) ProcPidInfo(flavor int32, buf []byte) (int, error) {
	r1, _, _ := syscall6(addr_proc_pidinfo, uintptr(os.Getpid()), uintptr(flavor), 0,
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0)
	n := int32(r1)
	if n <= 0 {
		return 0, ErrNoAnswer
	}
	return int(n), nil
}

func (s *system) TaskVMInfo(buf []byte) (int, error) {
	count := uint32(len(buf) / 4)
	kr, _, _ := syscall6(addr_task_info, s.task, flavorTaskVM,
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(unsafe.Pointer(&count)), 0, 0)
	return int(count) * 4, kernReturn(kr)
}

func (s *system) Rusage() (Rusage, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return Rusage{}, err
	}
	return Rusage{
		User:              uint64(u.Utime.Nano()),
		System:            uint64(u.Stime.Nano()),
		MaxResident:       uint64(u.Maxrss),
		MinorFaults:       uint64(u.Minflt),
		MajorFaults:       uint64(u.Majflt),
		BlockReads:        uint64(u.Inblock),
		BlockWrites:       uint64(u.Oublock),
		VoluntarySwitches: uint64(u.Nvcsw),
		ForcedSwitches:    uint64(u.Nivcsw),
	}, nil
}

func (s *system) Rlimit(resource int) (uint64, error) {
	var l unix.Rlimit
	err := unix.Getrlimit(resource, &l)
	return l.Cur, err
}

func registerThermal() (int32, error) {
	var c cString
	var token int32
	c.set(ThermalNotification)
	status, _, _ := syscall6(addr_notify_register_check, uintptr(unsafe.Pointer(&c)),
		uintptr(unsafe.Pointer(&token)), 0, 0, 0, 0)
	return token, kernReturn(status)
}

func (s *system) ThermalPressure() (uint64, error) {
	token, err := s.thermal()
	if err != nil {
		return 0, err
	}
	var state uint64
	status, _, _ := syscall6(addr_notify_get_state, uintptr(token), uintptr(unsafe.Pointer(&state)), 0, 0, 0, 0)
	return state, kernReturn(status)
}

// cString holds a name on the stack, with the NUL that C wants.
type cString [64]byte

// set reports whether name fits.
func (c *cString) set(name string) bool {
	n := copy(c[:len(c)-1], name)
	c[n] = 0
	return n == len(name)
}
