package darwin_test

import (
	"errors"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

// steady is every reader after its first reading, filling the struct of the caller again.
func steady(t testing.TB) map[string]func() error {
	ifList2 := darwintest.New(t)
	delete(ifList2.Lists, darwintest.MIBAll)
	delete(ifList2.Lists, darwintest.MIBOne(1))
	delete(ifList2.Lists, darwintest.MIBOne(11))
	ifMIB := darwintest.New(t)
	delete(ifMIB.Lists, darwintest.MIBAll)
	bare := darwintest.New(t)
	bare.Sysctls = nil

	network := func(k Kernel) func() error {
		r, n := NewNetworkReader(k), new(Network)
		return func() error { return r.Read(n) }
	}
	memory := func(k Kernel) func() error {
		r, m, now := NewMemoryReader(k), new(Memory), noon
		return func() error {
			now = now.Add(time.Second)
			return errors.Join(r.Read(now, m), r.ReadPressure(m))
		}
	}
	cpu := func(k Kernel) func() error {
		r, c := NewCPUReader(k), new(CPU)
		return func() error { return errors.Join(r.Read(c), r.ReadState(c)) }
	}
	dr, disks := NewDiskReader(darwintest.New(t)), []Disk(nil)
	pr, p := NewProcessReader(darwintest.New(t)), new(Process)
	lr, l := NewLimitsReader(darwintest.New(t)), new(Limits)
	return map[string]func() error{
		"memory":         memory(darwintest.New(t)),
		"memory-bare":    memory(bare),
		"cpu":            cpu(darwintest.New(t)),
		"cpu-bare":       cpu(bare),
		"network":        network(darwintest.New(t)),
		"network-ifmib":  network(ifMIB),
		"network-iflist": network(ifList2),
		"disk": func() (err error) {
			disks, err = dr.Read(disks)
			return err
		},
		"process": func() error { return pr.Read(p) },
		"limits":  func() error { return lr.Read(l) },
	}
}

func TestReadersDoNotAllocate(t *testing.T) {
	for name, read := range steady(t) {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				if err := read(); err != nil {
					t.Fatal(err)
				}
			}
			if n := testing.AllocsPerRun(100, func() { _ = read() }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	for name, read := range steady(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := read(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
