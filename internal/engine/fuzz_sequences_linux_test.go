package engine

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/kernfs"
	"github.com/cboxdk/resource-monitor/internal/procfs"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// FuzzSequences reads one text of a kernel file after another. Each line of the
// input is a step:
//
//	t MILLISECONDS          time passes
//	u USAGE USER SYSTEM     cpu.stat of the cgroup, in microseconds
//	s COLUMN...             the line of /proc/stat of the machine, and that of CPU 0
//	d MAJOR MINOR NAME ...  /proc/diskstats; "|" begins the next line
//	n NAME: ...             /proc/net/dev; "|" begins the next line
//
// No total goes back, and none grows by more than its file did, or by more than
// the CPUs can work in the time.
func FuzzSequences(f *testing.F) {
	const most = int64(math.MaxInt64 / 1000) // microseconds
	for _, seed := range []string{
		// What the kernel says of user and system adds up to more than 64 bits.
		fmt.Sprintf("u 1 %[1]d %[1]d\nu 2 0 %[1]d\nu 3 2 %[1]d\nu 9 2 %[1]d", most),
		"u 1000000 600000 400000\nt 1000\nu 2000000 600000 1400000\nt 1000\nu 5 5 0\nt 1000\nu 500005 500005 0",
		"u 7 4 3\nu 18446744073709551615 1 1\nu 8\nu\nu 9 x 5\nt 5000\nu 10 5 5",
		"s 10 0 5 900 1 0 1 2\nt 1000\ns 60 0 5 950 1 0 1 1000000000000\nt 1000\ns 110 0 5 1000 1 0 1 4",
		"s 10 0 5 900 100 0 1\nt 1000\ns 60 0 5 700 90 0 1\nt 1000\ns 70 0 5 10\ns 70 0 5 950 110 0 1 18446744073709551615",
		"s 0 0 0 3229286400000\nt 60000\ns 0 0 0 3229289472000\ns 0 0 0 0\ns 5 1 1",
		"d 8 0 sda 1 0 8 3 2 0 8 4 0 5 6\nd 8 0 sda 2 0 16 3 2 0 8 4 4294967295 5 6|8 16 sdb 9 9 9 9 9 9 9 9 9 9 9\nd 8 0 sda 1",
		"d 259 4 nvme1n1 1 0 8 3 2 0 900 4 0 5 6\nd 259 5 nvme1n1 1 0 8 3 2 0 8000 4 0 5 6\nd\nd 259 5 nvme1n1 1 0 8 3 2 0 8010 4 0 5 6",
		"n eth0: 4294967295 9 1 1 0 0 0 0 7 7 7 7 0 0 0 0\nt 1000\nn eth0: 5 12 0 1 0 0 0 0 7 7 7 7 0 0 0 0|lo: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\nn eth0: 9",
		"n eth0: 1 1 1 1 0 0 0 0 1 1 1 1 0 0 0 0|eth1: 1 1 1 1 0 0 0 0 1 1 1 1 0 0 0 0\nn\nn eth1: 18446744073709551615 1 1 1 0 0 0 0 1 1 1 1 0 0 0 0",
	} {
		f.Add(seed)
	}
	f.Fuzz(runSequence)
}

// runSequence reads the steps of a script, as FuzzSequences has them.
func runSequence(t *testing.T, script string) {
	steps := strings.Split(script, "\n")
	if len(steps) > 60 || len(script) > 1<<14 {
		return
	}
	const archive = "-- sys/devices/system/cpu/online --\n0-3\n" + mountV2 + "-- proc/self/cgroup --\n0::/a\n-- " + top + "/a/cpu.max --\nmax 100000\n" + initial
	s := &sequence{bench: open(t, archive), totals: map[string]*watched{}, repeated: map[string]bool{}}
	s.want = direct | wholeMachine | sample.PartPerCPU | sample.PartDevices | sample.PartInterfaces | sample.PartUtilization
	for i, step := range steps {
		kind, text, _ := strings.Cut(step, " ")
		switch kind {
		case "t":
			if n, ok := kernfs.Uint([]byte(text)); ok && n < 1_000_000_000 {
				s.after(time.Duration(n) * time.Millisecond)
			}
		case "u":
			s.readCgroup(text)
		case "s":
			s.readMachine(text)
		case "d":
			s.readDisks(strings.ReplaceAll(text, "|", "\n"))
		case "n":
			s.readNetwork(strings.ReplaceAll(text, "|", "\n"))
		}
		if t.Failed() {
			t.Fatalf("at the last step of\n%s", strings.Join(steps[:i+1], "\n"))
		}
	}
}

// Numbers that grow, step back, start anew and are absurd, in files that are
// torn, and of devices that come and go.
func TestNoTotalGoesBackOrSpikesInRandomSequences(t *testing.T) {
	for seed := range uint64(150) {
		g := &generator{rand.New(rand.NewPCG(seed, 7)), map[string]uint64{}}
		var script []string
		for range 40 {
			script = append(script, g.step())
		}
		if t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { runSequence(t, strings.Join(script, "\n")) }); t.Failed() {
			return
		}
	}
}

// generator makes steps of FuzzSequences.
type generator struct {
	*rand.Rand
	numbers map[string]uint64 // by what they count
}

// next returns the next value of what a file counts.
func (g *generator) next(name string, most uint64) uint64 {
	n := g.numbers[name]
	switch g.IntN(30) {
	case 0:
		n = g.Uint64N(1000) // it starts anew
	case 1:
		n -= n / 200
	case 2:
		n -= min(n, 100)
	case 3:
		return g.Uint64() >> g.IntN(64) // for one reading
	case 4:
		n = g.Uint64() >> g.IntN(64) // from now on
	case 5:
		return math.MaxUint64
	case 6:
		return 0
	default:
		n += g.Uint64N(most)
	}
	g.numbers[name] = n
	return n
}

func (g *generator) columns(name string, count int, most uint64) string {
	var all []string
	for i := range count {
		all = append(all, fmt.Sprint(g.next(fmt.Sprint(name, i), most)))
	}
	return strings.Join(all, " ")
}

func (g *generator) step() (step string) {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprint("t ", g.Uint64N(5000))
	case 1:
		step = "u " + g.columns("usage", 3, 3_000_000)
	case 2:
		step = "s " + g.columns("stat", 8, 150)
	case 3, 4:
		var lines []string
		for _, d := range []string{"8 0 sda", "8 1 sda1", "259 4 nvme1n1", "253 0 dm-0", "8 16 sdb"} {
			if g.IntN(5) > 0 {
				if g.IntN(10) == 0 {
					d = strings.Replace(d, "4", "5", 1) // another number
				}
				lines = append(lines, d+" "+g.columns(d, 11, 1000))
			}
		}
		step = "d " + strings.Join(lines, "|")
	default:
		var lines []string
		for _, l := range []string{"eth0", "eth1", "lo", "veth7"} {
			if g.IntN(5) > 0 {
				lines = append(lines, l+": "+g.columns(l, 16, 100_000))
			}
		}
		step = "n " + strings.Join(lines, "|")
	}
	if g.IntN(15) == 0 {
		step = step[:2+g.IntN(len(step)-1)] // torn
	}
	return step
}

// sequence reads texts and holds the totals against them.
type sequence struct {
	*bench
	totals   map[string]*watched
	repeated map[string]bool // names that a text had twice: the two cannot be told apart
	cpuAt    time.Time       // of the last reading of the CPUs
	cpuRoom  time.Duration   // what one CPU can have worked since the first one
}

// watched is a total and what it can be.
type watched struct {
	total, first uint64
	known        bool
	raw          uint64 // the newest value of the file
	rawKnown     bool
	grown        uint64 // by all steps up of the file
}

func (s *sequence) at(name string) *watched {
	w := s.totals[name]
	if w == nil {
		w = new(watched)
		s.totals[name] = w
	}
	return w
}

// saw notes a value of a file.
func (w *watched) saw(raw sample.OptUint) {
	n, ok := raw.Get()
	if !ok {
		return
	}
	if w.rawKnown && n > w.raw {
		w.grown = addCounts(w.grown, n-w.raw)
	}
	w.raw, w.rawKnown = n, true
}

// check holds a total that may have grown by so much since its first reading.
func (s *sequence) check(name string, total sample.OptUint, most uint64) {
	s.t.Helper()
	w := s.at(name)
	n, ok := total.Get()
	switch {
	case !ok:
		if w.known {
			s.t.Errorf("%s: absent after %d", name, w.total)
		}
		return
	case !w.known:
		w.first, w.known = n, true
	case n < w.total:
		s.t.Errorf("%s: went from %d to %d", name, w.total, n)
	case n-w.first > most:
		s.t.Errorf("%s: grew from %d to %d, want at most %d more", name, w.first, n, most)
	}
	w.total = n
}

// readCPU reads the CPUs after one of their files changed.
func (s *sequence) readCPU() *sample.CPU {
	c := new(sample.CPU)
	if err := s.source.ReadCPU(s.t.Context(), s.want, c); err != nil {
		return nil
	}
	if !s.cpuAt.IsZero() {
		elapsed := s.now.Sub(s.cpuAt)
		s.cpuRoom += elapsed + max(time.Second, elapsed/10)
	}
	s.cpuAt = s.now
	const cpus = 4
	g := &c.Cgroup
	if g.Usage.Present() {
		s.check("usage", g.Usage, min(s.at("usage").grown, cpus*uint64(s.cpuRoom)))
	}
	if g.User.Present() != g.System.Present() || g.User.Present() && g.User.Or(0)+g.System.Or(0) != g.Usage.Or(0) {
		s.t.Errorf("user %v and system %v are not the usage %v", g.User, g.System, g.Usage)
	}
	if g.User.Present() {
		s.check("user", g.User, math.MaxUint64)
		s.check("system", g.System, math.MaxUint64)
	}
	s.checkModes("machine", &c.System.Times, cpus*uint64(s.cpuRoom/time.Microsecond))
	for i := range c.System.PerCPU {
		one := &c.System.PerCPU[i]
		s.checkModes(fmt.Sprint("cpu", one.Number), &one.Times, uint64(s.cpuRoom/time.Microsecond))
	}
	return c
}

func modes(t *sample.CPUTimes) [numColumns]sample.OptUint {
	return [...]sample.OptUint{t.User, t.Nice, t.System, t.Idle, t.IOWait, t.IRQ, t.SoftIRQ, t.Steal}
}

func (s *sequence) checkModes(of string, t *sample.CPUTimes, most uint64) {
	for i, total := range modes(t) {
		if name := fmt.Sprintf("%s, column %d", of, i); total.Present() {
			s.check(name, total, min(most, s.at(name).grown))
		}
	}
}

func (s *sequence) readCgroup(text string) {
	var file strings.Builder
	for i, n := range strings.Fields(text) {
		if i < 3 {
			fmt.Fprintf(&file, "%s %s\n", [...]string{"usage_usec", "user_usec", "system_usec"}[i], n)
		}
		if us, ok := kernfs.Uint([]byte(n)); ok && i == 0 && us <= math.MaxUint64/1000 {
			s.at("usage").saw(some(us * 1000))
		}
	}
	s.Write(top+"/a/cpu.stat", file.String())
	s.readCPU()
}

func (s *sequence) readMachine(text string) {
	text = "cpu " + text + "\ncpu0 " + text // the line of CPU 0 may be torn
	s.Write("proc/stat", text)
	var raw procfs.Stat
	if raw.Parse([]byte(text), true) == nil {
		for i, n := range modes(&raw.Total) {
			s.at(fmt.Sprintf("machine, column %d", i)).saw(n)
		}
		for _, one := range raw.CPUs {
			for i, n := range modes(&one.Times) {
				s.at(fmt.Sprintf("cpu%d, column %d", one.Number, i)).saw(n)
			}
		}
	}
	s.readCPU()
}

// readDisks holds some of the counters of each disk, and the totals of them.
func (s *sequence) readDisks(text string) {
	s.Write("proc/diskstats", text)
	var raw procfs.Diskstats
	_ = raw.Parse([]byte(text))
	seen := map[string]bool{}
	for i := range raw.Disks {
		d := &raw.Disks[i]
		s.sawItem("disk "+d.Name, seen, map[string]uint64{"read": d.Read.Bytes, "writes": d.Write.Operations, "time": d.IOTime})
	}
	var read sample.IO
	if s.source.ReadIO(s.t.Context(), s.want, &read) != nil {
		return
	}
	columns := func(d *sample.Disk) map[string]sample.OptUint {
		return map[string]sample.OptUint{"read": d.Read.Bytes, "writes": d.Write.Operations, "time": d.IOTime}
	}
	for i := range read.System.Devices {
		d := &read.System.Devices[i]
		s.checkItem("disk "+d.Name, columns(d))
		if n, ok := d.InProgress.Get(); ok && n > math.MaxInt32 {
			s.t.Errorf("disk %s: %d requests in progress", d.Name, n)
		}
	}
	for what, n := range columns(&read.System.Total) {
		s.checkSum("disk ", what, n)
	}
}

// sawItem notes what the file says of a disk or an interface.
func (s *sequence) sawItem(item string, seen map[string]bool, columns map[string]uint64) {
	s.repeated[item] = s.repeated[item] || seen[item]
	seen[item] = true
	for what, n := range columns {
		s.at(item + " " + what).saw(some(n))
	}
}

// checkItem holds the counters of an item, unless a file listed its name twice.
func (s *sequence) checkItem(item string, columns map[string]sample.OptUint) {
	if s.repeated[item] {
		return
	}
	for what, n := range columns {
		name := item + " " + what
		s.check(name, n, s.at(name).grown)
	}
}

// checkSum holds the total over the items whose names begin with a prefix.
func (s *sequence) checkSum(prefix, what string, total sample.OptUint) {
	if !total.Present() {
		return
	}
	most := uint64(0)
	for name, w := range s.totals {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, " "+what) {
			most = addCounts(most, w.grown)
		}
	}
	for name, repeated := range s.repeated {
		if repeated && strings.HasPrefix(name, prefix) {
			most = math.MaxUint64
		}
	}
	s.check("total of "+prefix+what, total, most)
}

func (s *sequence) readNetwork(text string) {
	text = netDevHeader + text
	s.Write(dev, text)
	var raw procfs.NetDev
	_ = raw.Parse([]byte(text))
	seen := map[string]bool{}
	for i := range raw.Interfaces {
		l := &raw.Interfaces[i]
		s.sawItem("link "+l.Name, seen, map[string]uint64{"received": l.RxBytes, "errors": l.RxErrors, "packets": l.TxPackets})
	}
	var read sample.Network
	if s.source.ReadNetwork(s.t.Context(), s.want, &read) != nil {
		return
	}
	columns := func(l *sample.Interface) map[string]sample.OptUint {
		return map[string]sample.OptUint{"received": l.Receive.Bytes, "errors": l.Receive.Errors, "packets": l.Transmit.Packets}
	}
	for i := range read.Interfaces {
		l := &read.Interfaces[i]
		s.checkItem("link "+l.Name, columns(l))
	}
	for what, n := range columns(&read.Total) {
		s.checkSum("link ", what, n)
	}
}
