package darwin_test

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
)

// The tests in this file ask a real macOS.

func TestLiveMemory(t *testing.T) {
	var m Memory
	if err := NewMemoryReader(System()).Read(time.Now(), &m); err != nil {
		t.Error(err)
	}
	total, used := m.Total.Or(0), m.Used.Or(0)
	if total < 1<<30 || used == 0 || used > total || m.Free.Or(total) > total || m.Cached.Or(total) > total {
		t.Errorf("%+v", m)
	}
	if page, err := System().HostPageSize(); err != nil || page != 4096 && page != 16384 {
		t.Errorf("pages of %d bytes, %v", page, err)
	}
}

// The ticks that pass in a second are about a second per CPU, which holds the
// unit, the layout and the accumulation together.
func TestLiveCPU(t *testing.T) {
	r := NewCPUReader(System())
	var before, after CPU
	if err := r.Read(&before); err != nil {
		t.Error(err)
	}
	start := time.Now()
	time.Sleep(time.Second)
	if err := r.Read(&after); err != nil {
		t.Error(err)
	}
	elapsed := time.Since(start)
	if len(before.PerCPU) == 0 || len(before.PerCPU) != len(after.PerCPU) || len(after.PerCPU) < runtime.NumCPU() {
		t.Fatalf("%d and %d CPUs, Go has %d", len(before.PerCPU), len(after.PerCPU), runtime.NumCPU())
	}
	var ticks uint64
	for i, b := range before.PerCPU {
		a := after.PerCPU[i]
		ticks += a.User - b.User + a.System - b.System + a.Idle - b.Idle + a.Nice - b.Nice
	}
	got := time.Duration(ticks) * Tick
	want := elapsed * time.Duration(len(after.PerCPU))
	if got < want/2 || got > want*2 {
		t.Errorf("%v of CPU time in %v on %d CPUs", got, elapsed, len(after.PerCPU))
	}
}

func TestLiveDisks(t *testing.T) {
	r := NewDiskReader(System())
	defer r.Close()
	for range 50 { // a handle that is released twice ends the process
		disks, err := r.Read(nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(disks) == 0 {
			t.Skip("no block storage driver here")
		}
		for _, d := range disks {
			if d.Name == "" || !d.Read.Bytes.Present() || !d.Write.Operations.Present() {
				t.Fatalf("%+v", d)
			}
		}
	}
}

// All three sources see the same loopback.
func TestLiveNetwork(t *testing.T) {
	for s := NetworkIfMIBAll; s <= NetworkIfList2; s++ {
		r := NewNetworkReader(System())
		var n Network
		if err := r.ReadFrom(s, &n); err != nil {
			t.Errorf("%v: %v", s, err)
			continue
		}
		if lo := one(t, &n, "lo0"); lo.Type != 24 || lo.MTU == 0 {
			t.Errorf("%v: %+v", s, lo)
		}
	}
}

func TestLiveProcess(t *testing.T) {
	var p Process
	if err := NewProcessReader(System()).Read(&p); err != nil {
		t.Error(err)
	}
	if p.Footprint.Or(0) < 1<<20 || p.Resident.Or(0) < 1<<20 || p.Threads.Or(0) == 0 || p.FileDescriptors.Or(0) < 3 {
		t.Errorf("%+v", p)
	}
	if at := p.Started.Or(time.Time{}); time.Since(at) < 0 || time.Since(at) > time.Hour {
		t.Errorf("started %v", at)
	}
	if max, now := p.MaxResident.Or(0), p.Resident.Or(0); max < now/2 || max > 100*now {
		t.Errorf("the largest resident size is %d, the present one %d: not the same unit", max, now)
	}
}

func TestLiveHost(t *testing.T) {
	var h Host
	if err := ReadHost(System(), &h); err != nil {
		t.Error(err)
	}
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	if h.Hostname.Or("") != name || h.Model.Or("") == "" || h.CPUs.Or(0) != uint64(runtime.NumCPU()) {
		t.Errorf("%+v", h)
	}
	release, err := unix.Sysctl("kern.osrelease")
	if err != nil || h.Kernel.Or("") != release {
		t.Errorf("kernel %q, want %q, %v", h.Kernel.Or(""), release, err)
	}
	t.Logf("%+v", h)
}

func TestLiveLimits(t *testing.T) {
	var l Limits
	if err := NewLimitsReader(System()).Read(&l); err != nil {
		t.Error(err)
	}
	if l.Memory.Or(0) == 0 || l.FilesPerProcess.Or(0) == 0 {
		t.Errorf("%+v", l)
	}
}

func TestLiveSysctlErrors(t *testing.T) {
	var buf [8]byte
	if _, err := System().SysctlByName("hw.nosuchname", buf[:]); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("a name that is missing: %v", err)
	}
	if _, err := System().SysctlByName("kern.version", buf[:]); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("a buffer that is too small: %v", err)
	}
}
