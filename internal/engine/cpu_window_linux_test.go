package engine

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// onTheWindow is a process that alone uses its machine's CPUs: its cgroup and
// the machine count the same.
type onTheWindow struct {
	*bench
	used time.Duration
}

func openWindow(t *testing.T) *onTheWindow {
	w := &onTheWindow{bench: open(t, machine+mountV2+self("0::/a")+group(top+"/a", "cpu.max=200000 100000")+group(top+"/b"))}
	w.want = direct | wholeMachine | sample.PartUtilization
	w.use(0)
	return w
}

// use lets the process use CPU time: in one of four CPUs of the machine.
func (w *onTheWindow) use(d time.Duration) {
	w.used += d
	w.write("a", w.used)
	ticks := w.used.Milliseconds() / 10
	w.Write("proc/stat", fmt.Sprintf("cpu %[1]d 0 0 %[2]d 0 0 0 0 0 0\ncpu0 %[1]d 0 0 %[2]d 0 0 0 0 0 0\n", 1000+ticks, 100_000+3*ticks))
}

func (w *onTheWindow) write(name string, d time.Duration) {
	us := d.Microseconds()
	w.Write(top+"/"+name+"/cpu.stat", fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec 0\n", us, us))
}

// expect reads and compares every usage that the reading has: cores below zero
// stand for an absent one.
func (w *onTheWindow) expect(when string, cgroup, system float64) {
	w.t.Helper()
	_, u := w.usage()
	for what, one := range map[string]struct {
		got  sample.Opt[float64]
		want float64
	}{
		"cgroup": {u.cgroup, cgroup}, "utilization": {u.utilization, cgroup / 2}, "machine": {u.machine, system},
	} {
		got, ok := one.got.Get()
		if ok != (one.want >= 0) || ok && !(math.Abs(got-one.want) <= 1e-6+one.want/50) { // not so for NaN either
			w.t.Errorf("%s: usage of the %s is %v %v, want %v", when, what, got, ok, one.want)
		}
	}
	if u.modes == nil {
		return
	}
	sum := 0.0
	for mode, share := range u.modes {
		if sum += share; !(share >= 0) {
			w.t.Errorf("%s: got a share of %v for %s", when, share, mode)
		}
	}
	if !(math.Abs(sum-1) <= 1e-9) {
		w.t.Errorf("%s: got shares that sum to %v, want 1: %v", when, sum, u.modes)
	}
}

const absent = -1

// The usage covers the newest whole window, whatever comes between.
func TestCPUUsageIsNeverMadeUp(t *testing.T) {
	t.Run("readers at different rates", func(t *testing.T) {
		w := openWindow(t)
		w.expect("at first", absent, absent)
		for ms := 10; ms <= 5000; ms += 10 {
			w.after(10 * time.Millisecond)
			w.use(4 * time.Millisecond)
			want := 0.4
			if ms < 1000 {
				want = absent
			}
			w.expect(fmt.Sprint(ms, " ms"), want, want)
			if ms%70 == 0 {
				w.expect("the slower reader", want, want)
			}
		}
	})
	t.Run("a burst shorter than the window is no spike", func(t *testing.T) {
		w := openWindow(t)
		w.expect("at first", absent, absent)
		w.after(time.Second)
		w.expect("idle", 0, 0)
		w.after(10 * time.Millisecond)
		w.use(10 * time.Millisecond)
		w.expect("within the burst", 0, 0)
		w.after(990 * time.Millisecond)
		w.expect("when the window is full", 0.01, 0.01)
	})
	t.Run("no time passed", func(t *testing.T) {
		w := openWindow(t)
		for range 3 {
			w.use(time.Millisecond)
			w.expect("in the same instant", absent, absent)
		}
		w.after(time.Second)
		w.use(time.Second - 3*time.Millisecond)
		for range 3 {
			w.expect("in the same later instant", 1, 1)
		}
	})
	t.Run("T2: a suspended machine stands still, and so does its clock", func(t *testing.T) {
		w := openWindow(t)
		w.expect("at first", absent, absent)
		w.after(600 * time.Millisecond)
		w.use(300 * time.Millisecond)
		for range 3 { // resumed: neither time nor a counter went on
			w.expect("resumed", absent, absent)
		}
		w.after(400 * time.Millisecond)
		w.use(200 * time.Millisecond)
		w.expect("the window goes on where it stood", 0.5, 0.5)
	})
	t.Run("T4: a clock far ahead of the counters", func(t *testing.T) {
		w := openWindow(t)
		w.expect("at first", absent, absent)
		w.after(8 * time.Hour)
		w.use(time.Hour)
		w.expect("hours later", 0.125, 0.125)
		w.after(time.Second)
		w.use(time.Second)
		w.expect("and on", 1, 1)
	})
	t.Run("T3: the cgroup's counter starts anew", func(t *testing.T) {
		w := openWindow(t)
		w.use(time.Hour)
		w.expect("at first", absent, absent)
		w.after(time.Second)
		w.use(time.Second)
		w.expect("one core", 1, 1)
		w.after(time.Second)
		w.use(time.Second)
		w.write("a", 20*time.Millisecond)
		w.expect("at the reset", absent, 1)
		w.after(time.Second)
		w.use(time.Second)
		w.write("a", 520*time.Millisecond)
		w.expect("after it", 0.5, 1)
	})
	t.Run("T3: the machine's counters start anew", func(t *testing.T) {
		w := openWindow(t)
		w.use(time.Hour)
		w.expect("at first", absent, absent)
		w.after(time.Second)
		w.use(time.Second)
		w.expect("one core", 1, 1)
		w.after(time.Second)
		w.used = 0
		w.use(0)
		w.write("a", time.Hour+2*time.Second)
		w.expect("at the reset", 1, absent)
		w.after(time.Second)
		w.use(250 * time.Millisecond)
		w.write("a", time.Hour+3*time.Second)
		w.expect("after it", 1, 0.25)
	})
	t.Run("a move to a cgroup that has counted more", func(t *testing.T) {
		w := openWindow(t)
		w.expect("at first", absent, absent)
		w.after(time.Second)
		w.use(time.Second)
		w.expect("one core", 1, 1)
		w.Write(top+"/b/cpu.max", "200000 100000\n")
		w.write("b", 5*time.Hour)
		w.Write("proc/self/cgroup", "0::/b\n")
		w.after(time.Second)
		w.use(time.Second)
		w.expect("at the move", absent, 1)
		w.after(time.Second)
		w.use(time.Second)
		w.write("b", 5*time.Hour+750*time.Millisecond)
		w.expect("after it", 0.75, 1)
	})
}

// Two monitors of one process have a baseline each: how often the one is read
// and how long its window is changes nothing for the other (T6).
func TestTwoMonitorsHaveABaselineEach(t *testing.T) {
	w := openWindow(t)
	now := w.now
	short, err := New(Config{Root: w.Hostfs(), Interval: 200 * time.Millisecond, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer short.Close()
	shortMeter := newMeter(now, 200*time.Millisecond)
	usage := func(s Source, m *meter) float64 {
		var c sample.CPU
		if err := s.ReadCPU(context.Background(), w.want, &c); err != nil {
			t.Fatal(err)
		}
		return m.cpu(&c).cgroup.Or(absent)
	}
	for ms := 0; ms <= 3000; ms += 10 { // a second of one core, then idle
		wantLong, wantShort := float64(absent), float64(absent)
		switch {
		case ms >= 2000:
			wantLong, wantShort = 0, 0
		case ms >= 1200:
			wantLong, wantShort = 1, 0
		case ms >= 1000:
			wantLong, wantShort = 1, 1
		case ms >= 200:
			wantShort = 1
		}
		if got := usage(short, shortMeter); math.Abs(got-wantShort) > 1e-9 {
			t.Fatalf("at %d ms the short window says %v, want %v", ms, got, wantShort)
		}
		if got := usage(w.source, w.meter); math.Abs(got-wantLong) > 1e-9 {
			t.Fatalf("at %d ms the long window says %v, want %v", ms, got, wantLong)
		}
		if ms < 1000 {
			w.use(10 * time.Millisecond)
		}
		w.after(10 * time.Millisecond)
		now = w.now
	}
}

// The windows and the bounds of growth go by the time of a reading. It has a
// monotonic reading, so a step of the wall clock does not change them.
func TestT1WindowsGoByTheMonotonicClock(t *testing.T) {
	s, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c sample.CPU
	var n sample.Network
	var p sample.Process
	ctx, parts := context.Background(), direct|wholeMachine
	for what, read := range map[string]func() (time.Time, error){
		"CPU":     func() (time.Time, error) { err := s.ReadCPU(ctx, parts, &c); return c.Time, err },
		"network": func() (time.Time, error) { err := s.ReadNetwork(ctx, parts, &n); return n.Time, err },
		"process": func() (time.Time, error) { err := s.ReadProcess(ctx, parts, &p); return p.Time, err },
	} {
		at, err := read()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s: got a reading at %v, want one with a monotonic reading", what, at)
		}
	}
}

// CPUs come and go. Each is counted by its number (C9, R15b).
func TestPerCPUIsKeyedByNumber(t *testing.T) {
	b := open(t, machine+v1CPU+"-- proc/self/mountinfo --\n"+v1Mounts+self("3:cpuset:/a\n2:cpu,cpuacct:/a"))
	b.want |= sample.PartPerCPU
	read := func(online string, used ...time.Duration) (map[int]uint64, map[int]sample.Opt[float64]) {
		text := ""
		for _, d := range used {
			text += fmt.Sprint(d.Nanoseconds(), " ")
		}
		b.Write("sys/devices/system/cpu/online", online+"\n")
		b.Write("sys/fs/cgroup/cpu,cpuacct/a/cpuacct.usage_percpu", text+"\n")
		c, u := b.usage()
		totals := map[int]uint64{}
		for i := range c.Cgroup.PerCPU {
			totals[c.Cgroup.PerCPU[i].Number] = c.Cgroup.PerCPU[i].Usage.Or(0)
		}
		b.after(time.Second)
		return totals, u.cgroupCPUs
	}
	const s = time.Second
	read("0-3", 0, 0, 7*s, 5*s)
	totals, shares := read("0,2-3", s, 500*time.Millisecond, 7*s, 5*s)
	expectMap(t, "totals without CPU 1", totals, map[int]uint64{0: uint64(s), 2: uint64(7 * s), 3: uint64(5 * s)})
	expectMap(t, "shares without CPU 1", shares, map[int]sample.Opt[float64]{0: sample.Some(1.0), 2: sample.Some(0.0), 3: sample.Some(0.0)})
	totals, shares = read("0-3", s, s, 7*s, 6*s)
	expectMap(t, "totals", totals, map[int]uint64{0: uint64(s), 1: uint64(s), 2: uint64(7 * s), 3: uint64(6 * s)})
	expectMap(t, "shares", shares, map[int]sample.Opt[float64]{0: sample.Some(0.0), 1: sample.Some(0.5), 2: sample.Some(0.0), 3: sample.Some(1.0)})
}
