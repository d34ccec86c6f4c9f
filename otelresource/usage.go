package otelresource

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// usage is the windows over which the getters of a Monitor report usage. Each
// cache refreshes in one goroutine at a time, so that they need no lock.
type usage struct {
	began  time.Time     // the zero of at
	least  time.Duration // of a window
	cores  counter.Window
	cpus   uint64           // of the machine, in the reading before
	perCPU []counter.Window // by CPU number
	errors [2]counter.Window
	links  map[string]*linkWindows // by interface
}

// linkWindows are those of one interface, each receive and transmit.
type linkWindows struct{ errors, bandwidth [2]counter.Window }

func newUsage(least time.Duration) *usage { return &usage{began: time.Now(), least: least} }

func (u *usage) observe(w *counter.Window, at time.Time, r counter.Ratio) sample.Opt[float64] {
	if v, ok := w.Observe(at.Sub(u.began), r, u.least); ok {
		return sample.Some(v)
	}
	return sample.Opt[float64]{}
}

// busy returns the cores in use; of what was not read, none.
func (u *usage) busy(w *counter.Window, at time.Time, total sample.OptUint, unit time.Duration, breaks uint32) (cores sample.Opt[float64]) {
	if n, ok := total.Get(); ok {
		cores = u.observe(w, at, counter.Ratio{Num: n, PerTime: true, Scale: float64(unit), Breaks: breaks})
	}
	return cores
}

// cgroupTimes makes the breaks of a cgroup's times other ones than those of the
// machine, which use the same windows.
const cgroupTimes = 1 << 31

// cpu returns the window of one CPU.
func (u *usage) cpu(number int) *counter.Window {
	if missing := number + 1 - len(u.perCPU); missing > 0 {
		u.perCPU = append(u.perCPU, make([]counter.Window, missing)...)
	}
	return &u.perCPU[number]
}

// errorRate returns the errors as a share of packets and errors.
func (u *usage) errorRate(w *counter.Window, at time.Time, t *sample.Traffic, breaks uint32) (rate sample.Opt[float64]) {
	errors, ok := t.Errors.Get()
	packets, ok2 := t.Packets.Get()
	if ok && ok2 {
		rate = u.observe(w, at, counter.Ratio{Num: errors, Den: packets + errors, Breaks: breaks})
	}
	return rate
}

// bandwidth returns the bytes as a share of what a link of a speed carries.
func (u *usage) bandwidth(w *counter.Window, at time.Time, t *sample.Traffic, i *sample.Interface) (share sample.Opt[float64]) {
	bytes, ok := t.Bytes.Get()
	speed, ok2 := i.Speed.Get()
	if ok && ok2 && speed > 0 {
		share = u.observe(w, at, counter.Ratio{Num: bytes, PerTime: true, Scale: 8e9 / float64(speed), Breaks: i.Breaks})
	}
	return share
}
