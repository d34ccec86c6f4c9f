package darwin

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// vmInterval is how long a host_statistics64 answer is kept. The kernel counts
// the calls of all programs that Apple did not sign together and, since macOS
// 10.15, answers with an old copy after a few per second: asking more often
// takes the fresh answers from others and gives none.
const vmInterval = time.Second

// Memory is the machine's memory, in bytes. In a virtual machine it is the guest's.
type Memory struct {
	Total sample.OptUint // hw.memsize

	// From host_statistics64, by Activity Monitor's arithmetic. The counts may
	// be a second old, and they do not sum to Total.
	App, Wired, Compressed sample.OptUint
	Used, Cached, Free     sample.OptUint
	Available              sample.OptUint // Total - Used

	// Counters since boot, of pages or faults.
	Faults, COWFaults            sample.OptUint
	PageIns, PageOuts            sample.OptUint
	SwapIns, SwapOuts            sample.OptUint
	Compressions, Decompressions sample.OptUint

	SwapTotal, SwapUsed sample.OptUint // vm.swapusage; the total grows on demand

	PressureLevel    sample.OptUint // 1 normal, 2 warning, 4 critical
	AvailablePercent sample.OptUint // kern.memorystatus_level
}

// MemoryReader reads Memory.
type MemoryReader struct {
	kernel   Kernel
	pageSize uint64
	vm       VMStatistics
	vmTime   time.Time // zero: none yet
	memSize  sysctl
	swap     sysctl
	pressure sysctl
	level    sysctl
	buf      [SizeVMStatistics]byte
}

// NewMemoryReader returns a reader over k.
func NewMemoryReader(k Kernel) *MemoryReader {
	return &MemoryReader{
		kernel:   k,
		memSize:  sysctl{name: "hw.memsize"},
		swap:     sysctl{name: "vm.swapusage"},
		pressure: sysctl{name: "kern.memorystatus_vm_pressure_level"},
		level:    sysctl{name: "kern.memorystatus_level"},
	}
}

// Read fills m as of now, but for the fields of ReadPressure, which it empties.
func (r *MemoryReader) Read(now time.Time, m *Memory) error {
	var f failures
	*m = Memory{}
	m.Total = r.memSize.uint(r.kernel, r.buf[:], &f)
	r.readSwap(m, &f)
	if r.readVM(now, &f) {
		r.fill(m)
	}
	return f.join()
}

// ReadPressure fills PressureLevel and AvailablePercent.
func (r *MemoryReader) ReadPressure(m *Memory) error {
	var f failures
	m.PressureLevel = r.pressure.uint(r.kernel, r.buf[:], &f)
	m.AvailablePercent = r.level.uint(r.kernel, r.buf[:], &f)
	return f.join()
}

func (r *MemoryReader) readSwap(m *Memory, f *failures) {
	b := r.swap.read(r.kernel, r.buf[:], f)
	if b == nil {
		return
	}
	var s SwapUsage
	if err := s.Decode(b); err != nil {
		f.add("sysctl", r.swap.name, err)
		return
	}
	m.SwapTotal, m.SwapUsed = sample.SomeUint(s.Total), sample.SomeUint(s.Used)
}

// readVM makes r.vm at most vmInterval old.
func (r *MemoryReader) readVM(now time.Time, f *failures) bool {
	if r.pageSize == 0 {
		// The task's own idea of a page (getpagesize, hw.pagesize) is 4 KiB
		// under Rosetta, while the kernel counts pages of 16 KiB.
		size, err := r.kernel.HostPageSize()
		if err == nil && size == 0 {
			err = ErrMalformed
		}
		if err != nil {
			f.add("host_page_size", "", err)
			return false
		}
		r.pageSize = size
	}
	if age := now.Sub(r.vmTime); !r.vmTime.IsZero() && age >= 0 && age < vmInterval {
		return true
	}
	r.vmTime = time.Time{}
	n, err := r.kernel.HostStatistics64(r.buf[:])
	if err == nil {
		err = r.vm.Decode(clip(r.buf[:], n))
	}
	if err != nil {
		f.add("host_statistics64", "", err)
		return false
	}
	r.vmTime = now
	return true
}

func (r *MemoryReader) fill(m *Memory) {
	use := r.vm.Use(r.pageSize)
	m.App, m.Wired, m.Compressed = sample.SomeUint(use.App), sample.SomeUint(use.Wired), sample.SomeUint(use.Compressed)
	m.Used, m.Cached, m.Free = sample.SomeUint(use.Used), sample.SomeUint(use.Cached), sample.SomeUint(use.Free)
	if total, ok := m.Total.Get(); ok {
		m.Available = sample.SomeUint(satSub(total, use.Used))
	}
	m.Faults, m.COWFaults = sample.SomeUint(r.vm.Faults), sample.SomeUint(r.vm.COWFaults)
	m.PageIns, m.PageOuts = sample.SomeUint(r.vm.PageIns), sample.SomeUint(r.vm.PageOuts)
	m.SwapIns, m.SwapOuts = sample.SomeUint(r.vm.SwapIns), sample.SomeUint(r.vm.SwapOuts)
	m.Compressions, m.Decompressions = sample.SomeUint(r.vm.Compressions), sample.SomeUint(r.vm.Decompressions)
}
