package darwin_test

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/cboxdk/resource-monitor/internal/darwin"
)

// The tests in this file compare with the tools of a real macOS.

// run returns what a tool prints.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not installed here", name)
	}
	b, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(b)
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// between holds that a counter of a tool lies between our readings before and after it.
func between(t *testing.T, name string, before, theirs, after uint64) {
	t.Helper()
	if theirs < before || theirs > after {
		t.Errorf("%s: theirs is %d, ours %d before and %d after", name, theirs, before, after)
	}
}

// TestCompareVMStat compares with vm_stat, whose "Pages free" is without the speculative ones.
func TestCompareVMStat(t *testing.T) {
	r := NewMemoryReader(System())
	var before, after Memory
	if err := r.Read(time.Now(), &before); err != nil {
		t.Fatal(err)
	}
	text := run(t, "vm_stat")
	// For this program the kernel may answer with a copy that is a second old.
	time.Sleep(2500 * time.Millisecond)
	if err := r.Read(time.Now(), &after); err != nil {
		t.Fatal(err)
	}
	stat := map[string]uint64{}
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(line, ":")
		if n, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), "."), 10, 64); ok && err == nil {
			stat[strings.Trim(name, `"`)] = n
		}
	}
	var page uint64
	if _, err := fmt.Sscanf(text, "Mach Virtual Memory Statistics: (page size of %d bytes)", &page); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if size, err := System().HostPageSize(); err != nil || size != page {
		t.Errorf("pages of %d bytes, vm_stat says %d, %v", size, page, err)
	}
	near := func(name string, ours, pages uint64) {
		t.Helper()
		theirs, slack := pages*page, before.Total.Or(0)/10 // memory moves while we look
		if max(ours, theirs)-min(ours, theirs) > slack {
			t.Errorf("%s: ours is %d, vm_stat's %d", name, ours, theirs)
		}
	}
	app := stat["Anonymous pages"] - min(stat["Anonymous pages"], stat["Pages purgeable"])
	near("free", after.Free.Or(0), stat["Pages free"])
	near("wired", after.Wired.Or(0), stat["Pages wired down"])
	near("app", after.App.Or(0), app)
	near("compressed", after.Compressed.Or(0), stat["Pages occupied by compressor"])
	near("cached", after.Cached.Or(0), stat["File-backed pages"]+stat["Pages purgeable"])
	near("used", after.Used.Or(0), app+stat["Pages wired down"]+stat["Pages occupied by compressor"])
	between(t, "faults", before.Faults.Or(0), stat["Translation faults"], after.Faults.Or(0))
	between(t, "pageins", before.PageIns.Or(0), stat["Pageins"], after.PageIns.Or(0))
	if sum := after.Used.Or(0) + after.Cached.Or(0) + after.Free.Or(0); sum > before.Total.Or(0) {
		t.Errorf("the states sum to %d of %d", sum, before.Total.Or(0))
	}
	t.Logf("%d bytes of %d are in no state", after.Total.Or(0)-min(after.Total.Or(0), after.Used.Or(0)+after.Cached.Or(0)+after.Free.Or(0)), after.Total.Or(0))
}

// TestCompareNetstat compares with netstat -ib, which Apple signs: its counts are whole.
func TestCompareNetstat(t *testing.T) {
	r := NewNetworkReader(System())
	var before, after Network
	if err := r.Read(&before); err != nil {
		t.Fatal(err)
	}
	ours := map[string]Interface{}
	for _, i := range before.Interfaces {
		ours[i.Name] = i
	}
	text := run(t, "netstat", "-ib")
	if err := r.Read(&after); err != nil {
		t.Fatal(err)
	}
	t.Logf("our source is %v", before.Source)
	compared := 0
	for line := range strings.Lines(text) {
		// Name Mtu Network [Address] Ipkts Ierrs Ibytes Opkts Oerrs Obytes Coll
		f := strings.Fields(line)
		if len(f) < 10 || !strings.HasPrefix(f[2], "<Link#") {
			continue
		}
		name := strings.TrimSuffix(f[0], "*") // that is down
		was, ok := ours[name]
		if !ok {
			t.Errorf("netstat has %s, we do not", name)
			continue
		}
		now := one(t, &after, name)
		f = f[len(f)-7:]
		between(t, name+" packets received", was.RxPackets, number(t, f[0]), now.RxPackets)
		between(t, name+" packets sent", was.TxPackets, number(t, f[3]), now.TxPackets)
		if before.Source != NetworkIfList2 { // whose bytes are rounded and cut
			between(t, name+" bytes received", was.RxBytes, number(t, f[2]), now.RxBytes)
			between(t, name+" bytes sent", was.TxBytes, number(t, f[5]), now.TxBytes)
		}
		compared++
	}
	if compared == 0 {
		t.Errorf("nothing to compare in\n%s", text)
	}
}

// TestCompareIostat compares with iostat -Id, which prints the transfers and
// MiB of each disk since it was attached.
func TestCompareIostat(t *testing.T) {
	r := NewDiskReader(System())
	defer r.Close()
	before, err := r.Read(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(before) == 0 {
		t.Skip("no block storage driver here")
	}
	for _, was := range before {
		lines := strings.Split(strings.TrimSpace(run(t, "iostat", "-Id", was.Name)), "\n")
		fields := strings.Fields(lines[len(lines)-1]) // KB/t xfrs MB
		if len(lines) != 3 || len(fields) != 3 {
			t.Fatalf("iostat -Id %s prints\n%s", was.Name, strings.Join(lines, "\n"))
		}
		disks, err := r.Read(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, now := range disks {
			if now.Name != was.Name {
				continue
			}
			between(t, was.Name+" transfers", transfers(&was), number(t, fields[1]), transfers(&now))
			mib, err := strconv.ParseFloat(fields[2], 64)
			if err != nil {
				t.Fatal(err)
			}
			const slack = 0.01 // of what is printed
			if low, high := moved(&was), moved(&now); mib < low-slack || mib > high+slack {
				t.Errorf("%s: iostat says %v MiB, ours is %v before and %v after", was.Name, mib, low, high)
			}
		}
	}
}

func transfers(d *Disk) uint64 { return d.Read.Operations.Or(0) + d.Write.Operations.Or(0) }

// moved is in MiB.
func moved(d *Disk) float64 { return float64(d.Read.Bytes.Or(0)+d.Write.Bytes.Or(0)) / (1 << 20) }
