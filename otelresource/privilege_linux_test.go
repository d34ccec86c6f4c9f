package otelresource_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cboxdk/resource-monitor/otelresource"
)

const confinedEnv = "RESOURCE_MONITOR_TEST_CONFINED"

// TestConfinedChild is not a test: it is the process that TestLeastPrivilege confines.
func TestConfinedChild(t *testing.T) {
	mode := os.Getenv(confinedEnv)
	if mode == "" {
		t.Skip("runs only as the child of TestLeastPrivilege")
	}
	if mode != "as the caller" {
		confine(t, mode)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	before := openFiles(t)
	m, err := otelresource.NewResourceMonitor()
	if err != nil {
		t.Fatal(err)
	}
	memory, cpu := memoryOf(t, m), cpuOf(t, m)
	if memory.LimitBytes <= 0 || !memory.Has(otelresource.FieldLimitBytes) || cpu.LimitCores <= 0 {
		t.Errorf("memory %+v, cpu %+v", memory, cpu)
	}
	for _, get := range []func() error{
		func() error { _, err := m.GetIOStats(t.Context()); return err },
		func() error { _, err := m.GetNetworkStats(t.Context()); return err },
		func() error { _, err := m.GetLimits(t.Context()); return err },
	} {
		if err := get(); err != nil {
			t.Logf("not to be had: %v", err)
		}
	}
	opened := 0
	for fd := range openFiles(t) {
		if _, old := before[fd]; old {
			continue
		}
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		mode, err2 := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil || err2 != nil {
			continue // of the listing itself
		}
		opened++
		name, _ := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
		if flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("%s is inherited by programs that this one starts", name)
		}
		if mode&unix.O_ACCMODE != unix.O_RDONLY && !strings.HasPrefix(name, "socket:") && !strings.HasPrefix(name, "anon_inode:") {
			t.Errorf("%s is open for writing", name)
		}
		if listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN); err == nil && listening != 0 {
			t.Errorf("%s listens", name)
		}
	}
	if opened < 5 {
		t.Errorf("only %d descriptors were looked at", opened)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	fmt.Println("confined:", mode, "uid", os.Getuid(), "descriptors", opened)
}

// confine makes the mounts of this process read-only, hides /sys where asked, and
// gives up the rights of root.
func confine(t *testing.T, mode string) {
	t.Helper()
	must := func(what string, err error) {
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	must("private mounts", unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
	must("read-only root", unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}))
	if strings.Contains(mode, "no-sys") {
		must("hiding /sys", unix.Mount("none", "/sys", "tmpfs", unix.MS_RDONLY, "size=4k"))
	}
	must("setgroups", syscall.Setgroups(nil))
	must("setgid", syscall.Setgid(65534))
	must("setuid", syscall.Setuid(65534))
	if f, err := os.OpenFile("/tmp/otelresource-confined", os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
		_ = f.Close()
		t.Fatal("the root file system is not read-only")
	}
	var caps [2]unix.CapUserData
	must("capget", unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0]))
	if caps[0].Effective != 0 {
		t.Fatalf("capabilities %x are left", caps[0].Effective)
	}
}

func openFiles(t *testing.T) map[int]string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	all := map[int]string{}
	for _, e := range entries {
		var fd int
		if _, err := fmt.Sscan(e.Name(), &fd); err == nil {
			all[fd] = e.Name()
		}
	}
	return all
}

// TestLeastPrivilege runs the library as a user without any right: what it opens is
// read only, not inherited and does not listen; and with a read-only
// root file system, with /sys and without.
func TestLeastPrivilege(t *testing.T) {
	for _, mode := range []string{"as the caller", "read-only", "read-only no-sys"} {
		t.Run(mode, func(t *testing.T) {
			if mode != "as the caller" && os.Geteuid() != 0 {
				t.Skip("only root can make its mounts read-only")
			}
			executable, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(executable, "-test.run=^TestConfinedChild$", "-test.v")
			cmd.Env = append(os.Environ(), confinedEnv+"="+mode)
			cmd.Dir = "/"
			if mode != "as the caller" {
				cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "confined: "+mode) {
				t.Errorf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}
