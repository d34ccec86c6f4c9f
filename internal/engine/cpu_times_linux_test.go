package engine

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// The columns of a line of /proc/stat.
const (
	userColumn = iota
	niceColumn
	systemColumn
	idleColumn
	iowaitColumn
	irqColumn
	softirqColumn
	stealColumn
	numColumns
)

// statBench is a machine of four CPUs that is read once a second, with the
// columns of its /proc/stat in ticks.
type statBench struct {
	*bench
	columns [numColumns]uint64
	cpu0    [numColumns]uint64
}

func openStat(t *testing.T) *statBench {
	b := &statBench{bench: open(t, machine), columns: [...]uint64{40000, 0, 8000, 800_000, 10000, 0, 400, 1000}}
	b.cpu0 = b.columns
	b.want = wholeMachine | sample.PartPerCPU | sample.PartUtilization
	return b
}

// step lets a second pass and reads. CPU 0 works for half of it, and no other CPU does.
func (b *statBench) step() (*sample.SystemCPU, cpuUsage) {
	b.t.Helper()
	b.after(time.Second)
	for _, line := range []*[numColumns]uint64{&b.columns, &b.cpu0} {
		line[userColumn] += 50
	}
	b.columns[idleColumn] += 350
	b.cpu0[idleColumn] += 50
	return b.look()
}

// look reads without a change.
func (b *statBench) look() (*sample.SystemCPU, cpuUsage) {
	b.t.Helper()
	text := func(key string, line *[numColumns]uint64) string {
		return key + " " + strings.Trim(fmt.Sprint(*line), "[]") + " 0 0\n"
	}
	b.Write("proc/stat", text("cpu ", &b.columns)+text("cpu0", &b.cpu0))
	c, u := b.usage()
	return &c.System, u
}

// ticks returns the columns in ticks; -1 for an absent one.
func ticks(t *sample.CPUTimes) (columns [numColumns]int64) {
	for i, n := range [...]sample.OptUint{t.User, t.Nice, t.System, t.Idle, t.IOWait, t.IRQ, t.SoftIRQ, t.Steal} {
		if columns[i] = -1; n.Present() {
			columns[i] = int64(n.Or(0) / tick)
		}
	}
	return columns
}

// What the machine can grow by in a second, and one of its CPUs, in ticks: one
// second more than passed.
const mostOfMachine, mostOfCPU = 4 * 200, 200

func TestStealThatTheCPUsCannotHaveIsHeld(t *testing.T) {
	const absurd = 1_000_000_000_000
	for name, steps := range map[string][]struct{ raw, want uint64 }{
		"absurd for one reading":                    {{1010, 1010}, {absurd, 1010}, {1030, 1030}, {1040, 1040}},
		"absurd for several readings":               {{1010, 1010}, {absurd, 1010}, {2 * absurd, 1010}, {3 * absurd, 1010}, {1050, 1050}, {1060, 1060}},
		"absurd for several readings, and the same": {{1010, 1010}, {absurd, 1010}, {absurd, 1010}, {absurd, 1010}, {1050, 1050}, {1060, 1060}},
		"absurd from then on":                       {{1010, 1010}, {absurd, 1010}, {absurd + 10, 1020}, {absurd + 20, 1030}},
		"a jump that stands still":                  append(slices.Repeat([]struct{ raw, want uint64 }{{7000, 1000}}, 20), struct{ raw, want uint64 }{7010, 1010}),
		"absurd now and then":                       {{absurd, 1000}, {1020, 1020}, {absurd, 1020}, {1040, 1040}, {absurd, 1040}, {1060, 1060}},
		"zero for one reading":                      {{1010, 1010}, {0, 1010}, {1030, 1030}},
		"from zero on":                              {{1010, 1010}, {0, 1010}, {10, 1020}},
		"half for one reading":                      {{1010, 1010}, {505, 1010}, {1030, 1030}},
		"a step back as the kernel does":            {{1010, 1010}, {1007, 1010}, {1009, 1010}, {1020, 1020}},
		"as much as the CPUs have":                  {{1000 + mostOfCPU, 1000 + mostOfCPU}, {1000 + 2*mostOfCPU, 1000 + 2*mostOfCPU}},
	} {
		t.Run(name, func(t *testing.T) {
			b := openStat(t)
			b.look()
			for i, s := range steps {
				b.columns[stealColumn], b.cpu0[stealColumn] = s.raw, s.raw
				got, u := b.step()
				for what, times := range map[string]*sample.CPUTimes{"machine": &got.Times, "CPU 0": &got.PerCPU[0].Times} {
					columns := ticks(times)
					if columns[stealColumn] != int64(s.want) {
						t.Errorf("step %d: steal of %s: got %d, want %d", i, what, columns[stealColumn], s.want)
					}
					expect(t, fmt.Sprintf("step %d: user of %s", i, what), columns[userColumn], int64(b.columns[userColumn]))
				}
				expect(t, fmt.Sprintf("step %d: idle of the machine", i), ticks(&got.Times)[idleColumn], int64(b.columns[idleColumn]))
				if cores, ok := u.machine.Get(); ok && math.Abs(cores-0.5) > 1e-9 {
					t.Errorf("step %d: got %v cores, want 0.5", i, cores)
				}
				sum := 0.0
				for _, share := range u.modes {
					sum += share
				}
				if u.modes != nil && math.Abs(sum-1) > 1e-9 {
					t.Errorf("step %d: got shares that sum to %v, want 1: %v", i, sum, u.modes)
				}
			}
			b.step()
			b.step()
			if _, u := b.step(); u.machine != sample.Some(0.5) || u.modes["user"] != 0.125 || u.modes["idle"] != 0.875 {
				t.Errorf("at the end: got %v cores and shares %v, want 0.5 cores and an eighth of user", u.machine, u.modes)
			}
		})
	}
}

func TestGrowthIsBoundedByTheNumberOfCPUs(t *testing.T) {
	for _, c := range []struct {
		what         string
		grown        uint64
		machine, cpu int64
	}{
		{"what one CPU has", mostOfCPU, mostOfCPU, mostOfCPU},
		{"more than one CPU has", mostOfCPU + 1, mostOfCPU + 1, 0},
		{"what all CPUs have", mostOfMachine, mostOfMachine, 0},
		{"more than all CPUs have", mostOfMachine + 1, 0, 0},
	} {
		b := openStat(t)
		b.look()
		b.columns[stealColumn] += c.grown
		b.cpu0[stealColumn] += c.grown
		s, _ := b.step()
		expect(t, c.what+": machine", ticks(&s.Times)[stealColumn], 1000+c.machine)
		expect(t, c.what+": CPU 0", ticks(&s.PerCPU[0].Times)[stealColumn], 1000+c.cpu)
	}
}

func TestIdleTimesThatStepBackCountOnce(t *testing.T) {
	const back = uint64(idleBack/time.Millisecond) / 10
	type step struct{ raw, want uint64 }
	for name, c := range map[string]struct {
		columns []int
		steps   []step
		breaks  bool
	}{
		"a little, and returns":   {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {9900, 10000}, {9990, 10000}, {10020, 10020}}, false},
		"several times":           {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {9750, 10000}, {10010, 10010}, {9800, 10010}, {10020, 10020}, {9900, 10020}, {10030, 10030}}, false},
		"step by step":            {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {9900, 10000}, {9800, 10000}, {9701, 10000}, {10001, 10001}}, false},
		"as far as the kernel":    {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {10000 - back, 10000}, {10001, 10001}}, false},
		"further, and goes on":    {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {10000 - 4*back, 10000}, {10010 - 4*back, 10010}}, true},
		"further, and returns":    {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {10000 - back - 1, 10000}, {10010, 10010}}, true},
		"to zero":                 {[]int{idleColumn, iowaitColumn}, []step{{10000, 10000}, {0, 10000}, {7, 10007}}, true},
		"a mode that never does":  {[]int{niceColumn, systemColumn, irqColumn}, []step{{10000, 10000}, {9900, 10000}, {9910, 10010}}, true},
		"a rounding of that mode": {[]int{niceColumn, systemColumn, irqColumn}, []step{{10000, 10000}, {9999, 10000}, {10001, 10001}}, false},
	} {
		for _, column := range c.columns {
			b := openStat(t)
			b.columns[column] = c.steps[0].raw
			first, _ := b.look()
			breaks := first.Breaks
			for i, s := range c.steps {
				// A step adds to the column of idle time.
				before := b.columns[idleColumn]
				b.after(time.Second)
				b.columns[column] = s.raw
				got, _ := b.look()
				expect(t, fmt.Sprintf("%s: column %d, step %d", name, column, i), ticks(&got.Times)[column], int64(s.want))
				if column != idleColumn {
					expect(t, fmt.Sprintf("%s: column %d, step %d: idle", name, column, i), ticks(&got.Times)[idleColumn], int64(before))
				}
				breaks = got.Breaks
			}
			expect(t, fmt.Sprintf("%s: column %d breaks the window", name, column), breaks != first.Breaks, c.breaks)
		}
	}
}

// In nanoseconds the idle time of many CPUs takes more than 63 bits.
func TestAMachineOfManyCPUsHasAllModes(t *testing.T) {
	for name, years := range map[string]uint64{"two years": 2, "ten years": 10} {
		b := openStat(t)
		b.Write("sys/devices/system/cpu/online", "0-511\n")
		b.columns[idleColumn] = 512 * years * 365 * 86400 * 100
		first, _ := b.look()
		if b.columns[idleColumn] < math.MaxInt64/10_000_000 {
			t.Fatalf("%s: %d ticks fit into 63 bits of nanoseconds", name, b.columns[idleColumn])
		}
		expect(t, name, ticks(&first.Times), signed(b.columns))
		b.columns[idleColumn] += 511 * 100
		b.columns[stealColumn] += 100
		got, u := b.step()
		expect(t, name+", a second later", ticks(&got.Times), signed(b.columns))
		expect(t, name+": cores", u.machine, sample.Some(0.5))
		for mode, want := range map[string]float64{"idle": (511*100 + 350) / 51600.0, "user": 50 / 51600.0, "steal": 100 / 51600.0, "nice": 0} {
			if got, ok := u.modes[mode]; !ok || math.Abs(got-want) > 1e-9 {
				t.Errorf("%s: share of %s: got %v, want %v", name, mode, got, want)
			}
		}
	}
}

func signed(columns [numColumns]uint64) (all [numColumns]int64) {
	for i, n := range columns {
		all[i] = int64(n)
	}
	return all
}

// A column that is too large to be a time is as one that was not read.
func TestAnAbsurdColumnLeavesTheOthers(t *testing.T) {
	const absurd = uint64(math.MaxUint64)
	for column := range numColumns {
		b := openStat(t)
		b.look()
		before := b.columns[column]
		b.step()
		want := ticks(&sample.CPUTimes{})
		for range 2 {
			kept := b.columns[column]
			b.columns[column] = absurd
			b.after(time.Second)
			for i := range b.columns {
				if i != column {
					b.columns[i] += 10
				}
			}
			got, _ := b.look()
			want = signed(b.columns)
			want[column] = int64(kept)
			expect(t, fmt.Sprintf("column %d is absurd", column), ticks(&got.Times), want)
			b.columns[column] = kept
		}
		b.columns[column] += 20
		b.after(time.Second)
		got, _ := b.look()
		want[column] += 20
		expect(t, fmt.Sprintf("column %d is readable", column), ticks(&got.Times), want)
		if b.columns[column] < before {
			t.Errorf("column %d went back", column)
		}
	}
}

// The first value of a mode is all that it ever counted. The other modes have no window that includes it.
func TestAModeThatIsReadLaterIsNoSpike(t *testing.T) {
	b := openStat(t)
	steal := b.columns[stealColumn]
	b.columns[stealColumn] = math.MaxUint64
	first, _ := b.look()
	expect(t, "at first", ticks(&first.Times)[stealColumn], -1)
	_, u := b.step()
	expect(t, "user without steal", u.modes["user"], 0.125)
	b.columns[stealColumn] = steal
	for range 3 {
		if _, u = b.step(); u.modes != nil && u.modes["user"] != 0.125 {
			t.Errorf("shares: got %v, want an eighth of user or none", u.modes)
		}
	}
	expect(t, "user", u.modes["user"], 0.125)
	expect(t, "steal", u.modes["steal"], 0)
}

// The single CPUs can be read less often than their total. They count all the same.
func TestCPUsThatAreReadSeldomCountEverything(t *testing.T) {
	b := openStat(t)
	often, seldom := b.want&^sample.PartPerCPU, b.want
	b.look()
	for i := range 3 {
		b.want = often
		for range 30 {
			b.step()
		}
		b.want = seldom
		s, _ := b.step()
		expect(t, fmt.Sprintf("reading %d: CPU 0", i), ticks(&s.PerCPU[0].Times), signed(b.cpu0))
		expect(t, fmt.Sprintf("reading %d: machine", i), ticks(&s.Times), signed(b.columns))
	}
}

// A CPU that is missing in a reading has counted until it is back.
func TestACPUThatIsMissingInAReadingGoesOn(t *testing.T) {
	b := open(t, machine)
	b.want = wholeMachine | sample.PartPerCPU
	read := func(idle int, without string) map[int]int64 {
		var text strings.Builder
		fmt.Fprintf(&text, "cpu  40 0 0 %d 0 0 0 0 0 0\n", 4*idle)
		for i := range 4 {
			if line := fmt.Sprintf("cpu%d 10 0 0 %d 0 0 0 0 0 0\n", i, idle); !strings.HasPrefix(line, without+" ") {
				text.WriteString(line)
			}
		}
		b.Write("proc/stat", text.String())
		s := b.cpu().System
		got := map[int]int64{}
		for i := range s.PerCPU {
			got[s.PerCPU[i].Number] = ticks(&s.PerCPU[i].Times)[idleColumn]
		}
		b.after(time.Minute)
		return got
	}
	read(6000, "")
	expectMap(t, "without CPU 3", read(12000, "cpu3"), map[int]int64{0: 12000, 1: 12000, 2: 12000})
	expectMap(t, "with it", read(18000, ""), map[int]int64{0: 18000, 1: 18000, 2: 18000, 3: 18000})
}

// CPUs that went offline were at work until then.
func TestCPUsThatWentOfflineCountUntilThen(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.stat=usage_usec 0\nuser_usec 0\nsystem_usec 0"))
	b.want |= wholeMachine
	b.Write("proc/stat", "cpu  0 0 0 1 0 0 0 0 0 0\n")
	b.cpu()
	b.after(time.Minute)
	b.Write("sys/devices/system/cpu/online", "0\n")
	b.Write("proc/stat", "cpu  24000 0 0 1 0 0 0 0 0 0\n")
	b.Write(top+"/a/cpu.stat", "usage_usec 240000000\nuser_usec 240000000\nsystem_usec 0\n")
	c := b.cpu()
	expect(t, "machine", ticks(&c.System.Times)[userColumn], 24000)
	expect(t, "cgroup", c.Cgroup.Usage, some(240_000_000_000))
	b.after(time.Minute)
	b.Write("proc/stat", "cpu  32000 0 0 1 0 0 0 0 0 0\n") // more than a single CPU has
	b.Write(top+"/a/cpu.stat", "usage_usec 320000000\nuser_usec 320000000\nsystem_usec 0\n")
	c = b.cpu()
	expect(t, "machine of one CPU", ticks(&c.System.Times)[userColumn], 24000)
	expect(t, "cgroup on one CPU", c.Cgroup.Usage, some(240_000_000_000))
}

// Only the times are asked for. CPUs that are added must not make them stand still.
func TestCPUsThatWereAddedCount(t *testing.T) {
	b := openStat(t)
	b.want = sample.PartSystem
	b.look()
	b.step()
	b.Write("sys/devices/system/cpu/online", "0-63\n")
	lost := uint64(0)
	for i := range 5 {
		b.columns[idleColumn] += 60 * 100
		s, _ := b.step()
		if i == 0 {
			lost = b.columns[idleColumn] - uint64(ticks(&s.Times)[idleColumn])
		} else if got := uint64(ticks(&s.Times)[idleColumn]); got < b.columns[idleColumn]-lost {
			t.Errorf("reading %d: idle: got %d, want at least %d", i, got, b.columns[idleColumn]-lost)
		}
	}
}

// CPUs that were added since the last reading may have worked all the time since.
func TestCPUsThatWereAddedCountAtOnce(t *testing.T) {
	b := open(t, machine)
	b.want = sample.PartSystem | sample.PartSystemInfo
	b.Write("sys/devices/system/cpu/online", "0-1\n")
	b.Write("proc/stat", "cpu  0 0 0 1 0 0 0 0 0 0\n")
	b.cpu()
	b.after(time.Minute)
	b.Write("sys/devices/system/cpu/online", "0-7\n")
	b.Write("proc/stat", "cpu  48000 0 0 1 0 0 0 0 0 0\n")
	expect(t, "user", ticks(&b.cpu().System.Times)[userColumn], 48000)
}

// While a machine is suspended its CPUs count nothing. The clock can count that
// time, and a hypervisor can count it as steal.
func TestAMachineThatWasSuspended(t *testing.T) {
	const night = 8 * time.Hour
	for name, c := range map[string]struct {
		clock time.Duration
		steal uint64 // ticks, of the night
		want  uint64
	}{
		"clock and counters stand still":         {0, 0, 0},
		"the clock goes on":                      {night, 0, 0},
		"the clock goes on, and steal with it":   {night, uint64(4 * night / (10 * time.Millisecond)), uint64(4 * night / (10 * time.Millisecond))},
		"the clock stands still, and steal goes": {0, uint64(4 * night / (10 * time.Millisecond)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			b := openStat(t)
			b.look()
			b.step()
			steal := b.columns[stealColumn]
			b.after(c.clock)
			b.columns[stealColumn] += c.steal
			got, u := b.look()
			expect(t, "steal", ticks(&got.Times)[stealColumn], int64(steal+c.want))
			if cores := u.machine.Or(0); cores < 0 || cores > 0.5 {
				t.Errorf("at the resume: got %v cores, want at most what was used", cores)
			}
			for range 3 {
				got, u = b.step()
				expect(t, "user", ticks(&got.Times)[userColumn], int64(b.columns[userColumn]))
				if cores, ok := u.machine.Get(); ok && math.Abs(cores-0.5) > 1e-9 {
					t.Errorf("after it: got %v cores, want 0.5", cores)
				}
			}
			expect(t, "steal after it", ticks(&got.Times)[stealColumn], int64(steal+c.want))
			expect(t, "cores after it", u.machine, sample.Some(0.5))
		})
	}
}

// What others used in a cgroup before the process entered it does not count.
func TestAProcessThatMovesToAnotherCgroupAndBack(t *testing.T) {
	stat := func(seconds uint64) string {
		us := seconds * 1_000_000
		return fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec %d\nnr_periods %d\nnr_throttled %d\nthrottled_usec %d\n",
			us, us/4*3, us-us/4*3, seconds*10, seconds, us)
	}
	b := open(t, machine+mountV2+self("0::/x")+group(top+"/x", "cpu.max=200000 100000")+group(top+"/y", "cpu.max=200000 100000"))
	at := map[string]uint64{"x": 1000, "y": 90}
	var breaks []uint32
	read := func(in string) (*sample.CPU, cpuUsage) {
		b.Write("proc/self/cgroup", "0::/"+in+"\n")
		for name, seconds := range at {
			b.Write(top+"/"+name+"/cpu.stat", stat(seconds))
		}
		b.after(time.Second)
		c, u := b.usage()
		g := c.Cgroup
		expect(t, "user and system", g.User.Or(0)+g.System.Or(0), g.Usage.Or(0))
		breaks = append(breaks, g.Breaks)
		return c, u
	}
	const second = 1_000_000_000
	for i, s := range []struct {
		in    string
		grow  map[string]uint64
		usage uint64 // seconds
		cores float64
	}{
		{"x", nil, 1000, absent},
		{"x", map[string]uint64{"x": 1}, 1001, 1},
		{"y", map[string]uint64{"y": 1}, 1001, absent}, // counted less
		{"y", map[string]uint64{"y": 1, "x": 7000}, 1002, 1},
		{"x", map[string]uint64{"x": 1}, 1002, absent}, // counted more, also by others
		{"x", map[string]uint64{"x": 1}, 1003, 1},
		{"y", map[string]uint64{"y": 5000}, 1003, absent},
		{"x", nil, 1003, absent}, // at once
		{"x", map[string]uint64{"x": 2}, 1005, 2},
	} {
		for name, n := range s.grow {
			at[name] += n
		}
		c, u := read(s.in)
		expect(t, fmt.Sprintf("step %d: usage", i), c.Cgroup.Usage, some(s.usage*second))
		expect(t, fmt.Sprintf("step %d: cores", i), u.cgroup.Or(absent), s.cores)
		expect(t, fmt.Sprintf("step %d: throttling", i), c.Cgroup.Throttling, sample.Throttling{
			Periods: some(s.usage * 10), Throttled: some(s.usage), Time: some(s.usage * second),
		})
	}
	if breaks = slices.Compact(breaks); len(breaks) != 5 {
		t.Errorf("breaks: got %v, want another one after each move", breaks)
	}
}

// The usage of an ancestor is read on demand. What it counted between two such readings is possible.
func TestAnAncestorThatIsReadSeldom(t *testing.T) {
	b := open(t, machine+mountV2+self("0::/p/l")+group(top+"/p", "cpu.max=400000 100000")+group(top+"/p/l", "cpu.max=100000 100000"))
	used := map[string]uint64{"p": 0, "p/l": 0}
	step := func(want sample.Parts) cpuUsage {
		b.after(time.Second)
		used["p"] += 3_000_000
		used["p/l"] += 500_000
		for name, n := range used {
			b.Write(top+"/"+name+"/cpu.stat", fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec 0\n", n, n))
		}
		b.want = want
		_, u := b.usage()
		return u
	}
	got := map[string]sample.Opt[float64]{}
	for i := range 4 {
		got[fmt.Sprint(i)] = step(direct | sample.PartUtilization).utilization
		for range 20 {
			step(direct)
		}
	}
	want := map[string]sample.Opt[float64]{"0": {}, "1": sample.Some(0.75), "2": sample.Some(0.75), "3": sample.Some(0.75)}
	if !maps.Equal(got, want) {
		t.Errorf("utilization: got %v, want %v", got, want)
	}
}
