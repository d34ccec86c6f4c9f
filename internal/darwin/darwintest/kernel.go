package darwintest

import (
	"errors"
	"syscall"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/darwin"
)

// ErrRefused is how a call fails.
var ErrRefused = errors.New("refused")

// Kernel plays a Mac at the level of bytes and handles. Every call is counted,
// and the one numbered FailAt fails. It belongs to one goroutine at a time.
type Kernel struct {
	t      testing.TB
	Calls  int
	FailAt int    // 0: none; Every: each
	Failed string // the newest call that did

	PageSize    uint64
	VM          []byte
	VMCalls     int
	CPUs        []byte
	Sysctls     map[string][]byte
	SysctlCalls map[string]int
	Lists       map[[6]int32][]byte
	Grow        func() // after a size was told
	RusageInfo  []byte
	PidInfo     map[int32][]byte
	TaskVM      []byte
	Usage       darwin.Rusage
	Rlimits     map[int]uint64
	Thermal     uint64
	ThermalErr  error

	Registry
}

// Every as FailAt makes each call fail.
const Every = -1

var _ darwin.Kernel = (*Kernel)(nil)

func (k *Kernel) step(name string) error {
	k.Calls++
	if k.FailAt == Every || k.Calls == k.FailAt {
		k.Failed = name
		return ErrRefused
	}
	return nil
}

// HostPageSize answers PageSize.
func (k *Kernel) HostPageSize() (uint64, error) {
	return k.PageSize, k.step("host_page_size")
}

// HostStatistics64 answers VM.
func (k *Kernel) HostStatistics64(buf []byte) (int, error) {
	k.VMCalls++
	return copy(buf, k.VM), k.step("host_statistics64")
}

// ProcessorInfo answers CPUs.
func (k *Kernel) ProcessorInfo(buf []byte) ([]byte, error) {
	return append(buf[:0], k.CPUs...), k.step("host_processor_info")
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

// Sysctl answers from Lists.
func (k *Kernel) Sysctl(mib []int32, buf []byte) (int, error) {
	if err := k.step("sysctl"); err != nil {
		return 0, err
	}
	answer, ok := k.Lists[[6]int32(mib)]
	n, err := give(buf, answer, ok)
	if len(buf) == 0 && k.Grow != nil {
		k.Grow()
	}
	return n, err
}

// SysctlByName answers from Sysctls.
func (k *Kernel) SysctlByName(name string, buf []byte) (int, error) {
	k.SysctlCalls[name]++
	if err := k.step(name); err != nil {
		return 0, err
	}
	answer, ok := k.Sysctls[name]
	return give(buf, answer, ok)
}

// ProcPidRusage answers RusageInfo.
func (k *Kernel) ProcPidRusage(buf []byte) error {
	copy(buf, k.RusageInfo)
	return k.step("proc_pid_rusage")
}

// ProcPidInfo answers from PidInfo.
func (k *Kernel) ProcPidInfo(flavor int32, buf []byte) (int, error) {
	return copy(buf, k.PidInfo[flavor]), k.step("proc_pidinfo")
}

// TaskVMInfo answers TaskVM.
func (k *Kernel) TaskVMInfo(buf []byte) (int, error) {
	return copy(buf, k.TaskVM), k.step("task_info")
}

// Rusage answers Usage.
func (k *Kernel) Rusage() (darwin.Rusage, error) { return k.Usage, k.step("getrusage") }

// Rlimit answers from Rlimits.
func (k *Kernel) Rlimit(resource int) (uint64, error) {
	return k.Rlimits[resource], k.step("getrlimit")
}

// ThermalPressure answers Thermal, or fails with ThermalErr.
func (k *Kernel) ThermalPressure() (uint64, error) {
	if err := k.step("notify_get_state"); err != nil {
		return 0, err
	}
	return k.Thermal, k.ThermalErr
}
