package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// noon is when the readings are made whose time does not matter.
var noon = time.Unix(1_700_000_000, 0)

func wrote(n uint64) *diskReading {
	r := diskReadingOf(&sample.Disk{Write: sample.Transfer{Bytes: some(n)}, InProgress: some(1)})
	return &r
}

// take reads one device.
func take(a *diskAccount, key diskKey, r *diskReading, counted bool) {
	if d := a.list(key); d != nil {
		d.counted = counted
	}
	a.add(key, r)
}

// account takes readings that are written as device and bytes written.
func account(a *diskAccount, devices ...any) sample.OptUint {
	a.begin(noon)
	for i := 0; i < len(devices); i += 2 {
		name := devices[i].(string)
		take(a, diskKey{name: name}, wrote(uint64(devices[i+1].(int))), name[0] != '+') // +: stacked
	}
	a.end()
	var d sample.Disks
	a.fill(&d, false, true)
	return d.Total.Write.Bytes
}

func TestTotalsOverDisksThatComeAndGo(t *testing.T) {
	a := new(diskAccount)
	expect(t, "nothing yet", account(a), none)
	a = new(diskAccount)
	expect(t, "at first all", account(a, "a", 100, "b", 50), some(150))
	expect(t, "growth", account(a, "a", 110, "b", 50), some(160))
	expect(t, "one leaves", account(a, "a", 110), some(160))
	expect(t, "one appears and counts from its first reading", account(a, "a", 110, "c", 7000), some(160))
	expect(t, "and goes on", account(a, "a", 111, "c", 7003), some(164))
	expect(t, "a reset", account(a, "a", 3, "c", 7003), some(164))
	expect(t, "after the reset", account(a, "a", 5, "c", 7003), some(166))
	expect(t, "one returns", account(a, "a", 5, "b", 55), some(171))
	expect(t, "all leave", account(a), some(171))
}

func TestStackedDisksAreNotInTheTotal(t *testing.T) {
	a := new(diskAccount)
	expect(t, "at first", account(a, "a", 100, "+dm", 90), some(100))
	expect(t, "growth", account(a, "a", 110, "+dm", 99), some(110))
	// What was stacked and is no longer counts what it does from now on.
	a.begin(noon)
	take(a, diskKey{name: "a"}, wrote(110), true)
	take(a, diskKey{name: "+dm"}, wrote(104), true)
	a.end()
	var d sample.Disks
	a.fill(&d, true, true)
	expect(t, "total", d.Total.Write.Bytes, some(115))
	expect(t, "device", d.Devices[1].Write.Bytes, some(104))
	expect(t, "in progress", d.Total.InProgress, some(2))
}

func TestACgroupsDisksCountFromTheirFirstUse(t *testing.T) {
	a := &diskAccount{fromUse: true}
	expect(t, "no I/O yet", account(a), none)
	expect(t, "the first I/O", account(a, "a", 100), some(100))
	expect(t, "another device", account(a, "a", 100, "b", 30), some(130))
	a.move()
	expect(t, "in another cgroup nothing jumps", account(a, "a", 9000), some(130))
	expect(t, "growth", account(a, "a", 9001), some(131))
	expect(t, "a device that this cgroup had not used", account(a, "a", 9001, "b", 4), some(135))
	expect(t, "and one that no cgroup had", account(a, "a", 9001, "b", 4, "c", 5), some(140))
}

func TestOfAFailedReadingTheCountersStay(t *testing.T) {
	a := new(diskAccount)
	raw := diskReadingOf(&sample.Disk{
		Write: sample.Transfer{Bytes: some(5)}, InProgress: some(1), Latency: sample.Latency{Average: some(1), CostWait: some(2)},
	})
	a.begin(noon)
	take(a, diskKey{name: "a"}, &raw, true)
	a.end()
	var d sample.Disks
	a.fill(&d, true, false)
	expect(t, "total", d.Total.Write.Bytes, some(5))
	expect(t, "total in progress", d.Total.InProgress, none)
	expect(t, "device", d.Devices[0].Write.Bytes, some(5))
	expect(t, "device in progress", d.Devices[0].InProgress, none)
	expect(t, "latency", d.Devices[0].Latency, sample.Latency{CostWait: some(2)})
}

func TestADeviceListedTwiceCountsOnce(t *testing.T) {
	a := new(diskAccount)
	for range 3 {
		expect(t, "total", account(a, "a", 100, "a", 50), some(100))
	}
}

// For ever new names do not fill the memory.
func TestDisksThatNeverReturnAreForgotten(t *testing.T) {
	a := new(diskAccount)
	for i := range 10_000 {
		a.begin(noon)
		take(a, diskKey{number: deviceNumber{7, uint32(i)}}, wrote(9), true)
		a.end()
	}
	if n, most := len(a.disks), maxDeparted+1; n > most {
		t.Errorf("remembered: got %d disks, want at most %d", n, most)
	}
	expect(t, "total", a.total.get(diskWritten), some(9))
}

// A disk that left is remembered, wherever it was in the list and however long it is away.
func TestADiskThatReturnsContinues(t *testing.T) {
	names := []string{"a", "b", "c"}
	for _, away := range names { // the first, one in between and the last
		for _, d := range []time.Duration{time.Second, 48 * time.Hour} {
			a := new(diskAccount)
			now := noon
			read := func(n uint64, without string) uint64 {
				a.begin(now)
				for _, name := range names {
					switch {
					case name == without:
						continue
					case name == away && n == 250:
						take(a, diskKey{name: name}, wrote(105), true)
					default:
						take(a, diskKey{name: name}, wrote(n), true)
					}
				}
				a.end()
				return a.total.get(diskWritten).Or(0)
			}
			expect(t, "all", read(100, ""), 300)
			expect(t, away+" left", read(200, away), 500)
			now = now.Add(d)
			expect(t, away+" is away", read(200, away), 500)
			expect(t, fmt.Sprint(away, " returned after ", d), read(250, ""), 605)
		}
	}
}

// Only the disks that left last are remembered. A disk that was forgotten is new
// when it returns, and counts from its first reading.
func TestTheDisksThatLeftLastAreRemembered(t *testing.T) {
	a := new(diskAccount)
	const extra = 20
	one := func(i int, n uint64) uint64 {
		a.begin(noon.Add(time.Duration(i) * time.Second))
		take(a, diskKey{name: fmt.Sprint("sd", i)}, wrote(n), true)
		a.end()
		return a.total.get(diskWritten).Or(0)
	}
	for i := range maxDeparted + extra + 1 { // the last one is present
		expect(t, "total", one(i, 10), 10)
	}
	expect(t, "remembered", len(a.disks), maxDeparted+1)
	expect(t, "one that was forgotten", one(extra-1, 15), 10)
	expect(t, "one that left just before", one(maxDeparted+extra-1, 15), 15)
}

// Whatever the kernel counts, no number goes back, and none spikes.
func TestNoDiskCounterGoesBack(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		a := &diskAccount{fromUse: random.IntN(2) == 0}
		kernel := map[string]uint64{"a": 5, "b": 6, "c": 7}
		last := map[string]uint64{}
		var lastTotal uint64
		// A device out of sight goes on; what it did shows when it is back.
		const most = 3 * 50 * 100
		for range 50 {
			before := lastTotal
			if random.IntN(2) == 0 {
				a.move()
			}
			a.begin(noon)
			for name := range kernel {
				if kernel[name] += random.Uint64N(100); random.IntN(10) == 0 {
					kernel[name] = random.Uint64N(50)
				}
				if random.IntN(4) > 0 {
					take(a, diskKey{name: name}, wrote(kernel[name]), random.IntN(4) > 0)
				}
			}
			a.end()
			var d sample.Disks
			a.fill(&d, true, true)
			if lastTotal = d.Total.Write.Bytes.Or(0); lastTotal < before || lastTotal-before > most {
				t.Fatalf("the total went from %d to %d", before, lastTotal)
			}
			for _, s := range a.disks {
				total, name := s.total(), s.key.name
				if n := total.get(diskWritten).Or(0); n < last[name] {
					t.Fatalf("%s went from %d to %d", name, last[name], n)
				} else {
					last[name] = n
				}
			}
		}
	}
}

// The devices are handed out as the newest reading has them, each with what it counted.
func TestDisksInTheOrderOfTheReading(t *testing.T) {
	a := new(diskAccount)
	for _, reading := range [][]any{
		{"a", 1, "b", 2, "c", 3},
		{"x", 9, "a", 1, "b", 2, "c", 3},
		{"x", 9, "b", 2, "c", 3}, // a leaves
		{"x", 9, "b", 2},
		{"x", 9, "b", 2, "c", 3, "a", 1}, // they return
		{"c", 3, "x", 9, "a", 1, "x", 5, "b", 2},
		{},
		{"b", 2, "a", 1},
	} {
		account(a, reading...)
		var d sample.Disks
		a.fill(&d, true, true)
		var got, want []sample.OptUint
		for i := range d.Devices {
			got = append(got, d.Devices[i].Write.Bytes)
		}
		for i := 0; i < len(reading); i += 2 {
			if n := uint64(reading[i+1].(int)); n != 5 { // a second x
				want = append(want, some(n))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: got %v", reading, got)
		}
	}
	expect(t, "remembered", len(a.disks), 4)
}
