package environ

import (
	"strconv"
	"strings"
)

// machine is what the kernel says about itself.
type machine struct {
	osrelease string
	version   string // /proc/version
	cpuinfo   string
}

func (d *detector) readKernel() {
	m := &d.machine
	m.osrelease, _ = d.decisive("/proc/sys/kernel/osrelease")
	m.version, _ = d.decisive("/proc/version")
	m.osrelease = strings.TrimSpace(m.osrelease)
	d.info.Kernel = clean(m.osrelease)
	d.info.Hostname = clean(d.hostname())
	d.detectSandbox()
}

func (d *detector) hostname() string {
	if d.in.Hostname != nil {
		if name, err := d.in.Hostname(); err == nil {
			return name
		}
	}
	if name, ok := d.optional("/proc/sys/kernel/hostname"); ok {
		return firstLine([]byte(name))
	}
	name, _ := d.optional("/etc/hostname")
	return firstLine([]byte(name))
}

// gvisorDate is in gVisor's /proc/version since its first release.
const gvisorDate = "#1 SMP Sun Jan 10 15:06:54 PST 2016"

// detectSandbox looks for programs that stand in for the kernel.
func (d *detector) detectSandbox() {
	switch {
	case strings.Contains(d.machine.version, gvisorDate):
		d.sandboxed("gvisor", "/proc/version", "its build date is gVisor's")
	case strings.HasSuffix(d.machine.osrelease, "-gvisor"):
		d.sandboxed("gvisor", "/proc/sys/kernel/osrelease", "it ends in -gvisor")
	case d.tracedByProot():
		d.sandboxed("proot", "/proc/self/status", "the tracer of this process is proot")
	}
}

func (d *detector) sandboxed(name, source, reason string) {
	d.info.Sandbox, d.sandboxSource = name, source
	d.find(keySandbox, name, source, reason)
}

// tracedByProot looks at who traces us: PRoot emulates chroot by ptrace(2).
func (d *detector) tracedByProot() bool {
	status, ok := d.optional("/proc/self/status")
	if !ok {
		return false
	}
	_, rest, ok := strings.Cut(status, "\nTracerPid:")
	if !ok {
		return false
	}
	line, _, _ := strings.Cut(rest, "\n")
	pid, err := strconv.ParseUint(strings.TrimSpace(line), 10, 31)
	if err != nil || pid == 0 {
		return false
	}
	comm, _ := d.optional("/proc/" + strconv.FormatUint(pid, 10) + "/comm")
	return strings.HasPrefix(comm, "proot")
}

// isWSL reports whether the kernel is that of the Windows subsystem for Linux.
// WSL1 says "-Microsoft", WSL2 "-microsoft-standard-WSL2".
func (m machine) isWSL() bool {
	return strings.Contains(m.osrelease, "Microsoft") || strings.Contains(m.osrelease, "WSL")
}
