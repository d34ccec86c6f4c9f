package darwin_test

import (
	"errors"
	"testing"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/darwin/darwintest"
)

func TestDisks(t *testing.T) {
	k := darwintest.New(t)
	r := NewDiskReader(k)
	disks, err := r.Read(nil)
	if err != nil || len(disks) != 2 {
		t.Fatal(disks, err)
	}
	d := disks[1]
	if d.Name != "disk4" {
		t.Errorf("name %q", d.Name)
	}
	want(t, "bytes read", d.Read.Bytes, 2000)
	want(t, "bytes written", d.Write.Bytes, 4000)
	want(t, "reads", d.Read.Operations, 20)
	want(t, "writes", d.Write.Operations, 40)
	want(t, "read time", d.Read.Time, 2e9)
	want(t, "write time", d.Write.Time, 4e9)
	balanced(t, k, DiskKeys)

	r.Close()
	r.Close()
	balanced(t, k, 0)
	if disks, err := r.Read(disks); err != nil || len(disks) != 2 {
		t.Errorf("after Close: %v, %v", disks, err)
	}
}

// balanced holds that only the keys are still held. The fake itself complains
// about a handle that is released twice.
func balanced(t *testing.T, k *darwintest.Kernel, keys int) {
	t.Helper()
	if n := k.LiveObjects(); n != 0 {
		t.Errorf("%d objects are not released", n)
	}
	if n := k.LiveRefs(); n != keys {
		t.Errorf("%d refs are held, want %d", n, keys)
	}
}

func TestOddDisks(t *testing.T) {
	with := func(change func(d *darwintest.Disk)) []darwintest.Disk {
		d := darwintest.NewDisk("disk1", 1)
		change(&d)
		return []darwintest.Disk{darwintest.NewDisk("disk0", 1), d, darwintest.NewDisk("disk2", 1)}
	}
	tests := map[string]struct {
		disks []darwintest.Disk
		names []string
	}{
		"none":                     {nil, nil},
		"no-medium":                {with(func(d *darwintest.Disk) { d.NoMedium = true }), []string{"disk0", "disk2"}},
		"no-name":                  {with(func(d *darwintest.Disk) { d.NoName = true }), []string{"disk0", "disk2"}},
		"no-statistics":            {with(func(d *darwintest.Disk) { d.NoStats = true }), []string{"disk0", "disk2"}},
		"name-of-other-type":       {with(func(d *darwintest.Disk) { d.OddName = true }), []string{"disk0", "disk2"}},
		"statistics-of-other-type": {with(func(d *darwintest.Disk) { d.OddStats = true }), []string{"disk0", "disk2"}},
		"name-too-long":            {with(func(d *darwintest.Disk) { d.Name = string(make([]byte, 200)) }), []string{"disk0", "disk2"}},
		"empty-name":               {with(func(d *darwintest.Disk) { d.Name = "" }), []string{"disk0", "disk2"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			k := darwintest.New(t)
			k.Disks = test.disks
			disks, err := NewDiskReader(k).Read(nil)
			if err != nil || len(disks) != len(test.names) {
				t.Fatalf("%v, %v", disks, err)
			}
			for i, name := range test.names {
				if disks[i].Name != name {
					t.Errorf("disk %d is %q", i, disks[i].Name)
				}
			}
			balanced(t, k, DiskKeys)
		})
	}
}

// A counter that is missing or negative is absent; the others stay.
func TestDiskCounterAbsent(t *testing.T) {
	k := darwintest.New(t)
	delete(k.Disks[0].Statistics, "Operations (Read)")
	k.Disks[0].Statistics["Bytes (Read)"] = -1
	disks, err := NewDiskReader(k).Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := disks[0]
	if d.Read.Operations.Present() || d.Read.Bytes.Present() {
		t.Errorf("invented: %+v", d.Read)
	}
	want(t, "bytes written", d.Write.Bytes, 2000)
}

// What passes a mounted disk image passes the disk below it too.
func TestDiskImagesAreTold(t *testing.T) {
	k := darwintest.New(t)
	k.Disks[1].Image = true
	disks, err := NewDiskReader(k).Read(nil)
	if err != nil || disks[0].Image || !disks[1].Image {
		t.Errorf("%+v, %v", disks, err)
	}
	balanced(t, k, DiskKeys)
}

// A disk that is pulled out between two calls of a walk is left out of it, and
// the next walk has the rest.
func TestDiskDisappears(t *testing.T) {
	k := darwintest.New(t)
	r := NewDiskReader(k)
	disks, err := r.Read(nil)
	if err != nil || len(disks) != 2 {
		t.Fatal(disks, err)
	}
	k.Disks[0].NoMedium, k.Disks[0].NoStats = true, true
	if disks, err = r.Read(disks); err != nil || len(disks) != 1 || disks[0].Name != "disk4" {
		t.Errorf("%v, %v", disks, err)
	}
	k.Disks = k.Disks[1:]
	if disks, err = r.Read(disks); err != nil || len(disks) != 1 {
		t.Errorf("%v, %v", disks, err)
	}
	balanced(t, k, DiskKeys)
}

func TestDiskWalkEnds(t *testing.T) {
	k := darwintest.New(t)
	k.Endless = true
	if disks, err := NewDiskReader(k).Read(nil); err != nil || len(disks) != MaxDisks {
		t.Errorf("%d disks, %v", len(disks), err)
	}
	balanced(t, k, DiskKeys)
}

func TestDiskKeysOutOfMemory(t *testing.T) {
	k := darwintest.New(t)
	k.FailAt = 3
	r := NewDiskReader(k)
	if _, err := r.Read(nil); !errors.Is(err, ErrNoMemory) {
		t.Error(err)
	}
	if disks, err := r.Read(nil); err != nil || len(disks) != 2 {
		t.Errorf("%v, %v", disks, err)
	}
	r.Close()
	balanced(t, k, 0)
}
