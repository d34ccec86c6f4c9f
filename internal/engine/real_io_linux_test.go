package engine

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// disksRead is what the child saw of disks: bytes read and written.
type disksRead struct {
	Error   string
	Total   [2]uint64
	Devices map[string][2]uint64 // of the cgroup
	Machine map[string][2]uint64
	Limits  []string
}

func readDisks(source Source) (r disksRead) {
	ctx := context.Background()
	var s sample.IO
	if err := source.ReadIO(ctx, direct|sample.PartDevices|wholeMachine, &s); err != nil || s.Err != nil {
		r.Error = fmt.Sprint(err, s.Err)
	}
	bytes := func(d *sample.Disk) [2]uint64 { return [2]uint64{d.Read.Bytes.Or(0), d.Write.Bytes.Or(0)} }
	r.Total, r.Devices, r.Machine = bytes(&s.Cgroup.Total), map[string][2]uint64{}, map[string][2]uint64{}
	for i := range s.Cgroup.Devices {
		r.Devices[s.Cgroup.Devices[i].Name] = bytes(&s.Cgroup.Devices[i])
	}
	for i := range s.System.Devices {
		r.Machine[s.System.Devices[i].Name] = bytes(&s.System.Devices[i])
	}
	var l sample.Limits
	if err := source.ReadLimits(ctx, &l); err == nil {
		for _, e := range l.Entries {
			if strings.HasPrefix(e.Kind, "io.") {
				r.Limits = append(r.Limits, fmt.Sprintf("%s %g %s %s", e.Kind, e.Value, e.Device, e.Cgroup))
			}
		}
	}
	return r
}

// written is how much writeDirect writes.
const written = 32 * mib

// writeDirect writes past the page cache, which would charge whoever writes back.
func writeDirect(device string) error {
	fd, err := unix.Open(device, unix.O_WRONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: device, Err: err}
	}
	defer func() { _ = unix.Close(fd) }()
	// O_DIRECT wants memory that is aligned: a mapping is.
	b, err := unix.Mmap(-1, 0, mib, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Munmap(b) }()
	for at := 0; at < written; {
		n, err := unix.Pwrite(fd, b, int64(at))
		if err != nil {
			return &os.PathError{Op: "write", Path: device, Err: err}
		}
		at += n
	}
	return unix.Fsync(fd)
}

// loopDevice attaches a file to a free loop device. The device reads and writes the file past the page
// cache where the file system can, so that who causes the I/O is charged for it.
func loopDevice(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can attach a loop device")
	}
	control, err := unix.Open("/dev/loop-control", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Skipf("no loop devices: /dev/loop-control: %v", err)
	}
	defer func() { _ = unix.Close(control) }()
	file, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Write(make([]byte, written)); err != nil {
		t.Fatal(err)
	}
	if err := file.Sync(); err != nil {
		t.Fatal(err)
	}
	for range 20 { // somebody else may take the free one
		n, err := unix.IoctlRetInt(control, unix.LOOP_CTL_GET_FREE)
		if err != nil {
			t.Skipf("no free loop device: %v", err)
		}
		name := "/dev/loop" + strconv.Itoa(n)
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Skipf("the free loop device cannot be opened: %s: %v", name, err)
		}
		err = unix.IoctlLoopConfigure(fd, &unix.LoopConfig{
			Fd: uint32(file.Fd()), Size: 4096, Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_DIRECT_IO},
		})
		if err == unix.EBUSY {
			_ = unix.Close(fd)
			continue
		}
		if err != nil {
			_ = unix.Close(fd)
			t.Skipf("cannot attach a file to %s: %v", name, err)
		}
		t.Cleanup(func() {
			if err := unix.IoctlSetInt(fd, unix.LOOP_CLR_FD, 0); err != nil {
				t.Errorf("detaching %s: %v", name, err)
			}
			_ = unix.Close(fd)
		})
		return name
	}
	t.Skip("every free loop device was taken by somebody else")
	return ""
}

// near reports whether n is what was written, to 5 %.
func near(n uint64) bool { return n >= written*95/100 && n <= written*105/100 }

func TestRealWritesToALoopDevice(t *testing.T) {
	t.Run("throttle", func(t *testing.T) {
		testWrites(t, "blkio.throttle.io_service_bytes_recursive", func(g *cgroups, device, number string) {
			// Without a limit newer kernels count nothing here.
			g.write("blkio", "a", "blkio.throttle.write_bps_device", number+" 100000000000")
		})
	})
	t.Run("bfq", func(t *testing.T) {
		testWrites(t, "blkio.bfq.io_service_bytes_recursive", func(g *cgroups, device, number string) {
			scheduler := "/sys/class/block/" + device + "/queue/scheduler"
			old, err := os.ReadFile(scheduler) // "[none] mq-deadline bfq"
			if err != nil || !strings.Contains(string(old), "bfq") {
				t.Skipf("no BFQ here: %q, %v", old, err)
			}
			if err := os.WriteFile(scheduler, []byte("bfq"), 0); err != nil {
				t.Skip(err)
			}
			_, rest, _ := strings.Cut(string(old), "[")
			was, _, _ := strings.Cut(rest, "]")
			t.Cleanup(func() {
				if err := os.WriteFile(scheduler, []byte(was), 0); err != nil {
					t.Error(err)
				}
			})
		})
	})
}

func testWrites(t *testing.T, file string, prepare func(g *cgroups, device, number string)) {
	g := newCgroups(t)
	if g.dirs["blkio"] == "" {
		t.Skip("blkio is no v1 hierarchy here")
	}
	g.make("a")
	device := loopDevice(t)
	name := filepath.Base(device)
	number := numberOf(t, name)
	prepare(g, name, number)
	c := g.start("a")
	before := c.ask("read").IO
	if before.Error != "" {
		t.Fatal(before.Error)
	}
	after := c.ask("write " + device).IO
	if n := after.Devices[name][1] - before.Devices[name][1]; !near(n) {
		t.Errorf("%s: the cgroup counts %d bytes, %d were written", name, n, written)
	}
	if n := after.Machine[name][1] - before.Machine[name][1]; !near(n) {
		t.Errorf("%s: the machine counts %d bytes, %d were written", name, n, written)
	}
	// The device and the disk below it both count; the total has each byte once
	// (R6c). Through the page cache the disk's part is somebody else's.
	dio, _ := os.ReadFile("/sys/class/block/" + name + "/loop/dio")
	if n := after.Total[1] - before.Total[1]; !near(n) && (n > written || strings.TrimSpace(string(dio)) == "1") {
		t.Errorf("the total grew by %d bytes, %d were written: %v, then %v", n, written, before.Devices, after.Devices)
	}
	want := fmt.Sprintf("%s Write %d\n", number, after.Devices[name][1])
	if text := g.text("blkio", "a", file); !strings.Contains(text, want) {
		t.Errorf("%s holds no %q:\n%s", file, want, text)
	}
	if n := c.ask("allocations").Allocations; n > 0 {
		t.Errorf("a reading allocates %v times", n)
	}
}

func numberOf(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("/sys/class/block/" + name + "/dev")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

func (g *cgroups) text(controller, sub, name string) string {
	g.t.Helper()
	b, err := os.ReadFile(g.file(controller, sub, name))
	if err != nil {
		g.t.Fatal(err)
	}
	return string(b)
}

func TestRealIOLimits(t *testing.T) {
	g := newCgroups(t)
	if g.dirs["blkio"] == "" {
		t.Skip("blkio is no v1 hierarchy here")
	}
	g.make("a")
	device := loopDevice(t)
	at := numberOf(t, filepath.Base(device))
	g.write("blkio", "", "blkio.throttle.read_bps_device", at+" 1048576")
	g.write("blkio", "a", "blkio.throttle.write_iops_device", at+" 500")
	top := "/" + filepath.Base(g.dirs["blkio"])
	got := strings.Join(g.start("a").ask("read").IO.Limits, ", ")
	want := fmt.Sprintf("io.wiops 500 %[1]s %[2]s/a, io.rbps 1.048576e+06 %[1]s %[2]s", filepath.Base(device), top)
	expect(t, "limits", got, want)
}

// TestRealDiskstats brackets a reading between two of the raw file: every
// number lies between the two.
func TestRealDiskstats(t *testing.T) {
	raw := func() map[string][]uint64 {
		b, err := os.ReadFile("/proc/diskstats")
		if err != nil {
			t.Skip(err)
		}
		all := map[string][]uint64{}
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 14 {
				t.Skipf("an old kernel's line: %q", line)
			}
			var n []uint64
			for _, text := range f[3:] {
				v, err := strconv.ParseUint(text, 10, 64)
				if err != nil {
					t.Fatalf("%q: %v", line, err)
				}
				n = append(n, v)
			}
			all[f[2]] = n
		}
		return all
	}
	source, err := New(Config{Interval: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	var s sample.IO
	before := raw()
	if err := source.ReadIO(context.Background(), direct|wholeMachine|sample.PartDevices, &s); err != nil {
		t.Fatal(err)
	}
	after := raw()
	if len(before) != len(after) {
		t.Skip("a device came or went meanwhile")
	}
	expect(t, "devices", len(s.System.Devices), len(before))
	for i := range s.System.Devices {
		d := &s.System.Devices[i]
		const sector, ms = 512, 1_000_000
		for what, c := range map[string]struct {
			got    sample.OptUint
			column int
			unit   uint64
		}{
			"reads": {d.Read.Operations, 0, 1}, "read bytes": {d.Read.Bytes, 2, sector}, "read time": {d.Read.Time, 3, ms},
			"writes": {d.Write.Operations, 4, 1}, "written bytes": {d.Write.Bytes, 6, sector}, "write time": {d.Write.Time, 7, ms},
			"io time": {d.IOTime, 9, ms}, "queue time": {d.QueueTime, 10, ms},
		} {
			from, to, got := before[d.Name][c.column]*c.unit, after[d.Name][c.column]*c.unit, c.got.Or(0)
			if !c.got.Present() || got < from || got > to {
				t.Errorf("%s, %s: %v is not between %d and %d", d.Name, what, c.got, from, to)
			}
		}
	}
}
