package darwin

import (
	"strconv"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// CPU is the machine's processors. macOS has no iowait, no steal and no nice time.
type CPU struct {
	// PerCPU is by CPU number, offline ones included: their time stands still.
	// It may be longer than Logical says.
	PerCPU []Ticks
	// Total is the sum over every CPU that was ever there: one that leaves
	// keeps what it counted, so the total never goes back.
	Total Ticks
	// Rebases changes where the number of CPUs did: shares of time cannot be
	// computed across that reading.
	Rebases uint64
	Load    sample.Opt[LoadAverages]

	Logical, LogicalMax sample.OptUint // online; the most there can be
	Physical            sample.OptUint

	// PerfLevels is fastest first, and nil where all CPUs are equal. Which CPU
	// belongs to which level is not documented.
	PerfLevels []PerfLevel

	// ThermalPressure is 0 nominal, 1 moderate, 2 heavy, 3 trapping, 4
	// sleeping. It is absent in a virtual machine, which has no sensors: the
	// state of a notification that nobody posts is 0 as well.
	ThermalPressure sample.OptUint
	// ThermalLevel is machdep.xcpm.cpu_thermal_level, on Intel only.
	ThermalLevel sample.OptUint
}

// PerfLevel is a group of equal CPUs.
type PerfLevel struct {
	Name              string // Apple renames them: not to be relied on
	Logical, Physical sample.OptUint
}

// CPUReader reads CPU.
type CPUReader struct {
	kernel     Kernel
	ticks      TickAccumulator
	array      []byte
	levels     []PerfLevel
	levelsRead bool
	guest      sample.Opt[bool]
	load       sysctl
	logical    sysctl
	logicalMax sysctl
	physical   sysctl
	thermal    sysctl
	vmm        sysctl
	noThermal  bool
	buf        [64]byte
}

// NewCPUReader returns a reader over k.
func NewCPUReader(k Kernel) *CPUReader {
	return &CPUReader{
		kernel:     k,
		load:       sysctl{name: "vm.loadavg"},
		logical:    sysctl{name: "hw.logicalcpu"},
		logicalMax: sysctl{name: "hw.logicalcpu_max"},
		physical:   sysctl{name: "hw.physicalcpu"},
		thermal:    sysctl{name: "machdep.xcpm.cpu_thermal_level"},
		vmm:        sysctl{name: "kern.hv_vmm_present"},
	}
}

// Read fills the times and the number of online CPUs in c, and empties the
// rest. It reuses the room of c.PerCPU.
func (r *CPUReader) Read(c *CPU) error {
	var f failures
	*c = CPU{PerCPU: c.PerCPU[:0]}
	r.readTicks(c, &f)
	c.Logical = r.logical.uint(r.kernel, r.buf[:], &f)
	return f.join()
}

// ReadState fills the rest of c, which costs a call for each of its fields.
// c.PerfLevels is shared and must not be changed.
func (r *CPUReader) ReadState(c *CPU) error {
	var f failures
	if b := r.load.read(r.kernel, r.buf[:], &f); b != nil {
		var l LoadAverages
		err := l.Decode(b)
		f.add("sysctl", r.load.name, err)
		if err == nil {
			c.Load = sample.Some(l)
		}
	}
	c.LogicalMax = r.logicalMax.uint(r.kernel, r.buf[:], &f)
	c.Physical = r.physical.uint(r.kernel, r.buf[:], &f)
	r.readLevels(&f)
	c.PerfLevels = r.levels
	r.readThermal(c, &f)
	return f.join()
}

func (r *CPUReader) readTicks(c *CPU, f *failures) {
	array, err := r.kernel.ProcessorInfo(r.array)
	if err == nil {
		r.array = array
		err = r.ticks.Add(array)
	}
	if err != nil {
		f.add("host_processor_info", "", err)
		return
	}
	c.PerCPU = append(c.PerCPU, r.ticks.Totals()...)
	c.Total, c.Rebases = r.ticks.Total(), r.ticks.Rebases()
}

// OnlineCPUs reads hw.logicalcpu with the help of a buffer of at least 8 bytes.
func OnlineCPUs(k Kernel, buf []byte) (uint64, error) {
	const name = "hw.logicalcpu"
	n, err := k.SysctlByName(name, buf)
	var cpus int64
	if err == nil {
		cpus, err = DecodeInt(clip(buf, n))
	}
	if err == nil && cpus <= 0 {
		err = ErrMalformed
	}
	if err != nil {
		return 0, &CallError{Call: "sysctl", Arg: name, Err: err}
	}
	return uint64(cpus), nil
}

// maxLevels bounds what a kernel can make the reader ask for. Macs have up to three.
const maxLevels = 16

// readLevels reads the levels once: they are hardware.
func (r *CPUReader) readLevels(f *failures) {
	if r.levelsRead {
		return
	}
	before := len(*f)
	count := sysctl{name: "hw.nperflevels"} // macOS 12
	n := count.uint(r.kernel, r.buf[:], f).Or(0)
	var levels []PerfLevel
	for i := range min(n, maxLevels) {
		prefix := "hw.perflevel" + strconv.FormatUint(i, 10) + "."
		name := sysctl{name: prefix + "name"}
		logical := sysctl{name: prefix + "logicalcpu"}
		physical := sysctl{name: prefix + "physicalcpu"}
		levels = append(levels, PerfLevel{
			Name:     name.text(r.kernel, r.buf[:], f).Or(""),
			Logical:  logical.uint(r.kernel, r.buf[:], f),
			Physical: physical.uint(r.kernel, r.buf[:], f),
		})
	}
	r.levels = levels
	r.levelsRead = len(*f) == before
}

func (r *CPUReader) readThermal(c *CPU, f *failures) {
	c.ThermalLevel = r.thermal.uint(r.kernel, r.buf[:], f)
	if !r.guest.Present() && !r.vmm.absent {
		r.guest = r.vmm.bool(r.kernel, r.buf[:], f)
	}
	if r.guest.Or(false) || r.noThermal {
		return
	}
	state, err := r.kernel.ThermalPressure()
	switch {
	case err == nil:
		c.ThermalPressure = sample.SomeUint(state)
	case missing(err):
		r.noThermal = true
	default:
		f.add("notify_get_state", ThermalNotification, err)
	}
}
