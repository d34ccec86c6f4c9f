//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// systemNames are systemd's names of the machines that we call otherwise.
var systemNames = map[string][]string{
	"apple_vz":   {"apple"},
	"google":     {"google", "kvm"}, // its older versions know no Google
	"hyperv":     {"microsoft"},
	"other":      {"vm-other"},
	"virtualbox": {"oracle"},
}

// TestVirtualization holds the machine's kind against what the lab made it
// say, and against systemd-detect-virt.
func TestVirtualization(t *testing.T) {
	inside(t)
	want := os.Getenv("LAB_VIRT")
	if want == "" {
		t.Skip("this machine is in no disguise")
	}
	probe, err := start(t, file("probe"))
	if err != nil {
		t.Fatal(err)
	}
	r := probe.read()
	check(t, "", "detection", func(t *testing.T) {
		r.says(t, "environment.virtualization.type", want)
		r.says(t, "environment.platform", "virtual_machine")
		if t.Failed() {
			t.Logf("%v", r.values["environment"])
		}
	})
	check(t, "", "systemd-detect-virt", func(t *testing.T) {
		output, err := exec.Command("/detect/ld.so", "--library-path", "/detect", "/detect/systemd-detect-virt", "--vm").Output()
		var exit *exec.ExitError // its status is 1 for "none"
		if err != nil && !errors.As(err, &exit) || len(output) == 0 {
			if exit != nil {
				err = fmt.Errorf("%w: %s", err, exit.Stderr)
			}
			t.Fatalf("systemd-detect-virt does not run: %v", err)
		}
		theirs, expected := strings.TrimSpace(string(output)), systemNames[want]
		if expected == nil {
			expected = []string{want}
		}
		t.Logf("systemd-detect-virt says %q", theirs)
		if !slices.Contains(expected, theirs) {
			t.Errorf("systemd-detect-virt says %q, and one of %q was expected", theirs, expected)
		}
	})
}
