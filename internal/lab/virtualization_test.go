//go:build linux

package lab

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// disguise makes an emulated machine say that it is another's.
type disguise struct {
	name      string
	arch      string   // empty: amd64
	signature string   // of CPUID leaf 0x40000000; empty: QEMU's own
	bare      bool     // without the hypervisor bit
	smbios    []string // QEMU's options for the firmware's tables; a comma in a value is doubled
	cmdline   string
	want      string // the library's name
}

// Kernels that take a hypervisor at its word ask it for things that QEMU does
// not have: nopv keeps them from it.
var disguises = []disguise{
	{name: "QEMU", want: "qemu"},
	{name: "KVM", signature: "KVMKVMKVM", cmdline: "nopv", want: "kvm", smbios: []string{"type=1,manufacturer=OpenStack Foundation,product=OpenStack Nova"}},
	{name: "VMware", signature: "VMwareVMware", cmdline: "nopv", want: "vmware", smbios: []string{"type=1,manufacturer=VMware,, Inc.,product=VMware20,,1"}},
	{name: "Hyper-V", signature: "Microsoft Hv", cmdline: "nopv", want: "hyperv", smbios: []string{
		"type=0,vendor=Microsoft Corporation", "type=1,manufacturer=Microsoft Corporation,product=Virtual Machine,version=Hyper-V UEFI Release v4.1",
		"type=2,manufacturer=Microsoft Corporation", "type=3,asset=7783-7084-3265-9085-8269-3286-77",
	}},
	{name: "VirtualBox", signature: "VBoxVBoxVBox", cmdline: "nopv", want: "virtualbox", smbios: []string{
		"type=0,vendor=innotek GmbH", "type=1,manufacturer=innotek GmbH,product=VirtualBox,version=1.2", "type=2,manufacturer=Oracle Corporation",
	}},
	{name: "Parallels", signature: " lrpepyh  vr", cmdline: "nopv", want: "parallels", smbios: []string{
		"type=0,vendor=Parallels Software International Inc.", "type=1,manufacturer=Parallels Software International Inc.,product=Parallels Virtual Platform",
	}},
	{name: "bhyve", signature: "bhyve bhyve ", cmdline: "nopv", want: "bhyve", smbios: []string{"type=0,vendor=BHYVE", "type=1,manufacturer=FreeBSD,product=BHYVE"}},
	{name: "Amazon EC2", signature: "KVMKVMKVM", cmdline: "nopv", want: "amazon", smbios: []string{
		"type=0,vendor=Amazon EC2", "type=1,manufacturer=Amazon EC2,product=m5.large", "type=2,manufacturer=Amazon EC2",
	}},
	{name: "Google Compute Engine", signature: "KVMKVMKVM", cmdline: "nopv", want: "google", smbios: []string{
		"type=0,vendor=Google", "type=1,manufacturer=Google,product=Google Compute Engine",
	}},
	{name: "Apple Virtualization", signature: "Apple VZ", cmdline: "nopv", want: "apple_vz", smbios: []string{
		"type=0,vendor=Apple Inc.", "type=1,manufacturer=Apple Inc.,product=Apple Virtualization Generic Platform", "type=2,manufacturer=Apple Inc.",
	}},
	{name: "QEMU on arm64", arch: "arm64", want: "qemu"},
	// QEMU's firmware has the bit for virtual machines all the same.
	{name: "no hypervisor bit", bare: true, want: "other", smbios: []string{
		"type=0,vendor=Dell Inc.", "type=1,manufacturer=Dell Inc.,product=PowerEdge R740", "type=2,manufacturer=Dell Inc.", "type=3,manufacturer=Dell Inc.",
	}},
}

// TestVirtualization boots machines in disguise, and compares with
// systemd-detect-virt inside. A disguise is the CPUID instruction's real answer and the real tables of the firmware,
// and nothing more: it is no VMware.
func TestVirtualization(t *testing.T) {
	ctx := deadline(t)
	if testing.Short() {
		t.Attr("cell", virtualizationTable+"|all|detection")
		t.Skip("a dozen machines take minutes: make lab runs them")
	}
	folder := t.TempDir()
	machines := map[string]*machine{}
	for _, d := range disguises {
		arch := cmp.Or(d.arch, "amd64")
		t.Run(d.name, func(t *testing.T) {
			t.Attr("cell", virtualizationTable+"|"+d.name+"|detection")
			needQEMU(ctx, t, emulator(arch))
			if machines[arch] == nil {
				machines[arch] = plainMachine(ctx, t, arch, folder)
			}
			m := *machines[arch]
			m.cmdline = "lab.mode=v2 lab.run=Virtualization lab.virt=" + d.want + " " + d.cmdline
			for _, table := range d.smbios {
				m.options = append(m.options, "-smbios", table)
			}
			if d.bare {
				m.cpu = "max,-hypervisor"
			}
			if d.signature != "" {
				m.program = disguised(ctx, t, d.signature)
				m.options = append(m.options, "-L", "/usr/share/qemu", "-L", "/usr/share/seabios")
			}
			results(ctx, t, m.boot(ctx, t)).report(t, virtualizationTable, d.name)
		})
	}
}

// plainMachine has systemd-detect-virt in it.
func plainMachine(ctx context.Context, t *testing.T, arch, folder string) *machine {
	t.Helper()
	k := newKernel(ctx, t, "bookworm", arch)
	built := newPayloads(ctx, t, folder, arch, "probe", "doctor", "guest.test")
	initrd := filepath.Join(folder, "initrd-"+arch)
	if err := os.Rename(built.newInitrd(ctx, t, k, systemdDetectVirt(ctx, t, arch)), initrd); err != nil {
		t.Fatal(err)
	}
	return &machine{kernel: k, initrd: initrd, memory: "512", patience: 2 * time.Minute}
}

const virtualizationTable = "Virtual machines in disguise"

// disguised is a copy of QEMU whose emulated CPUID says another signature.
// QEMU has "TCGTCGTCGTCG" as three numbers in its code; they must be there
// exactly once each, or this build of QEMU is not one that can be disguised.
func disguised(ctx context.Context, t *testing.T, signature string) string {
	t.Helper()
	program, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	text := append([]byte(signature), make([]byte, 12-len(signature))...)
	var places []int
	for _, word := range []string{"TCGT", "CGTC", "GTCG"} {
		if n := bytes.Count(b, []byte(word)); n != 1 {
			t.Skipf("this QEMU has the word %q %d times, and cannot be disguised", word, n)
		}
		places = append(places, bytes.Index(b, []byte(word)))
	}
	for i, at := range places {
		copy(b[at:at+4], text[4*i:])
	}
	name := filepath.Join(t.TempDir(), "qemu-system-x86_64")
	if err := os.WriteFile(name, b, 0o755); err != nil {
		t.Fatal(err)
	}
	// The copy does not find its modules by its own place.
	modules, _ := filepath.Glob("/usr/lib/*/qemu/accel-tcg-x86_64.so")
	if len(modules) > 0 {
		t.Setenv("QEMU_MODULE_DIR", filepath.Dir(modules[0]))
	}
	if output, err := exec.CommandContext(ctx, name, "--version").CombinedOutput(); err != nil {
		t.Skipf("the disguised QEMU does not run: %v: %s", err, output)
	}
	return name
}
