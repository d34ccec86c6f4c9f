package environ_test

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

func TestThisMachine(t *testing.T) {
	info, err := environ.Detect(context.Background(), environ.Host())
	if err != nil {
		t.Logf("sources that were denied: %v", err)
	}
	t.Logf("\n%s", render(info))
	for _, f := range info.Findings {
		if f.Reason == "" || f.Value != "" && f.Source == "" {
			t.Errorf("a finding without evidence: %+v", f)
		}
	}
}

// TestAgreesWithSystemd compares with systemd-detect-virt, where that program is installed.
func TestAgreesWithSystemd(t *testing.T) {
	program, err := exec.LookPath("systemd-detect-virt")
	if err != nil {
		t.Skip("systemd-detect-virt is not installed here")
	}
	// It exits with 1 for "none".
	out, _ := exec.CommandContext(t.Context(), program, "--vm").Output()
	systemd := strings.TrimSpace(string(out))
	info, _ := environ.Detect(t.Context(), environ.Host())
	if info.Virtualization == nil {
		t.Skipf("no source tells us; systemd says %q", systemd)
	}
	ours := info.Virtualization.Type
	names := map[string]string{
		"apple": environ.TypeVZ, "microsoft": environ.TypeHyperV, "oracle": environ.TypeVirtualBox, "vm-other": environ.TypeOther,
	}
	want, renamed := names[systemd]
	if !renamed {
		want = systemd
	}
	switch {
	case ours == want:
	case ours == environ.TypeFirecracker && systemd == "kvm":
		// systemd does not read the ACPI tables.
	case ours == environ.TypeWSL:
		// systemd calls WSL a container.
	default:
		t.Errorf("ours is %q, systemd says %q", ours, systemd)
	}
}

// TestStrayMarkerOfThisMachine holds where the trap is real: a virtual machine whose root keeps /.dockerenv.
func TestStrayMarkerOfThisMachine(t *testing.T) {
	info, _ := environ.Detect(t.Context(), environ.Host())
	stray := false
	for _, f := range info.Findings {
		stray = stray || f.Contradiction && f.Source == "/.dockerenv"
	}
	if runtime.GOOS != "linux" || !stray {
		t.Skip("this machine has no stray /.dockerenv")
	}
	if info.Container != nil {
		t.Errorf("a stray marker makes a container: %+v", info.Container)
	}
}

// BenchmarkThisMachine is what a program pays once at start: the limit is 2 ms.
func BenchmarkThisMachine(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = environ.Detect(context.Background(), environ.Host())
	}
}
