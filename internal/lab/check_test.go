//go:build linux

package lab

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"
)

// How the id of a container must be found.
const (
	idNone    = iota // the runtime has no ids, or ours are names
	idAlways         // mounts or paths tell it in every configuration
	idVisible        // only where the cgroup path is visible inside
)

// expectation is what must be said inside a container.
type expectation struct {
	runtime string // empty: nothing inside names it
	name    string
	sandbox string
	id      int
	private bool // the runtime was told to hide the cgroup's path
	limits  bool // the runtime was told to set the limits, and mounts the cgroups inside
	// unseen is the reason why systemd-detect-virt sees no container where we
	// see one; empty where it must see it.
	unseen string
}

// resolve turns idVisible into one of the others, by what one container sees.
func (e *expectation) resolve(r *report, id string) {
	if e.id != idVisible {
		return
	}
	e.id = idNone
	if id != "" && strings.Contains(r.Files["/proc/self/cgroup"]+r.Files["/proc/self/mountinfo"], id) {
		e.id = idAlways
	}
}

// check holds doctor's report against the expectation.
func (l *lab) check(t *testing.T, want expectation, id string, r *report) {
	t.Helper()
	d := r.Doctor
	if d == nil || r.DoctorError != "" {
		t.Fatalf("doctor failed: %s", r.DoctorError)
	}
	c := d.Environment.Container
	if c == nil {
		t.Fatalf("no container; evidence: %v", d.Environment.Evidence)
	}
	if d.Environment.Platform != "container" {
		t.Errorf("the platform is %q, want container", d.Environment.Platform)
	}
	if c.Runtime != want.runtime {
		t.Errorf("the runtime is %q, want %q; evidence: %v", c.Runtime, want.runtime, d.Environment.Evidence)
	}
	if want.id == idNone {
		id = ""
	}
	if c.ID != id {
		t.Errorf("the id is %q, the runtime says %q; evidence: %v", c.ID, id, d.Environment.Evidence)
	}
	if c.Sandbox != want.sandbox {
		t.Errorf("the sandbox is %q, want %q", c.Sandbox, want.sandbox)
	}
	if c.Name != want.name {
		t.Errorf("the name is %q, want %q", c.Name, want.name)
	}
	if c.PodUID != "" {
		t.Errorf("there is no pod, and its uid is %q", c.PodUID)
	}
	if id != "" && want.private && strings.Contains(r.Files["/proc/self/cgroup"], id) {
		t.Error("the cgroup namespace was to be private, and the id is in the cgroup's path")
	}
	for _, failure := range d.Failures {
		t.Errorf("doctor could not read: %s", failure)
	}
	l.checkVirtualization(t, r)
	switch {
	case want.limits:
		checkLimits(t, d)
	case !strings.Contains(r.Files["/proc/self/mountinfo"], " - cgroup"):
		checkBlind(t, d)
	}
	if r.DetectVirt["container"] != "" {
		checkDetectVirt(t, want, r)
	}
}

func checkLimits(t *testing.T, d *doctor) {
	t.Helper()
	if got := d.Limits.Memory; got.Value != memoryLimit || !strings.HasPrefix(got.Source, "cgroup") {
		t.Errorf("the memory limit is %v, want %d of the cgroup", got, memoryLimit)
	}
	if d.Memory.Limit != memoryLimit || d.Memory.Scope != "container" {
		t.Errorf("the memory is measured against %d in the scope %q, want %d in container", d.Memory.Limit, d.Memory.Scope, memoryLimit)
	}
	if d.Memory.Usage <= 0 || d.Memory.Usage > memoryLimit {
		t.Errorf("the memory usage is %d, want something up to the limit", d.Memory.Usage)
	}
	if got := d.Limits.CPU; got.Value != cpuLimit || !strings.HasPrefix(got.Source, "cgroup") {
		t.Errorf("the CPU limit is %v, want %v of the cgroup", got, cpuLimit)
	}
	if d.CPU.LimitCores != cpuLimit || d.CPU.Scope != "container" {
		t.Errorf("the CPU is measured against %v in the scope %q, want %v in container", d.CPU.LimitCores, d.CPU.Scope, cpuLimit)
	}
	for getter, err := range d.Errors {
		t.Errorf("%s: %s", getter, err)
	}
}

// checkBlind expects nothing where no cgroup is mounted: the machine's numbers
// must not be taken for the container's.
func checkBlind(t *testing.T, d *doctor) {
	t.Helper()
	if d.Memory.Usage != 0 || d.Errors["GetMemoryStats"] == "" || d.Errors["GetCPUStats"] == "" {
		t.Errorf("no cgroup is visible; the memory usage is %d in the scope %q, and the errors are %q", d.Memory.Usage, d.Memory.Scope, d.Errors)
	}
}

// systemNames are systemd's names of the machines that we call otherwise.
var systemNames = map[string][]string{
	"apple_vz":    {"apple"},
	"firecracker": {"kvm"},           // it knows no Firecracker, which is a user of KVM
	"google":      {"google", "kvm"}, // its older versions know no Google, which is another
	"hyperv":      {"microsoft"},
	"other":       {"vm-other"},
	"virtualbox":  {"oracle"},
	"wsl":         {"microsoft", "none"}, // it counts WSL among the containers
}

// checkVirtualization expects the answer of the outside, and systemd's.
func (l *lab) checkVirtualization(t *testing.T, r *report) {
	t.Helper()
	inside, outside := r.Doctor.virtualization(), l.outside.Doctor.virtualization()
	switch {
	case inside == outside:
	case l.hidden(r):
		t.Logf("the virtualization is %q, and %q outside: the file that decides there is hidden inside", inside, outside)
	default:
		t.Errorf("the virtualization is %q, and %q outside; visible inside: %v; evidence: %v", inside, outside, r.Entries, r.Doctor.Environment.Evidence)
	}
	checkVM(t, inside, r.DetectVirt["vm"])
}

// checkVM compares where both have an answer.
func checkVM(t *testing.T, ours, theirs string) {
	t.Helper()
	if ours == "" || theirs == "" {
		return
	}
	expected := systemNames[ours]
	if expected == nil {
		expected = []string{ours}
	}
	if !slices.Contains(expected, theirs) {
		t.Errorf("systemd-detect-virt --vm says %q, we say %q, and one of %q was expected", theirs, ours, expected)
	}
}

// hidden says whether the file that decided outside cannot be seen inside:
// most runtimes mask /sys/firmware, where Firecracker is told from KVM.
func (l *lab) hidden(r *report) bool {
	for _, found := range l.outside.Doctor.Environment.Evidence {
		if found.Key != "host.virtualization.type" || found.Contradiction {
			continue
		}
		for folder, entries := range r.Entries {
			if strings.HasPrefix(found.Source, folder) {
				return entries == 0
			}
		}
	}
	return false
}

// checkDetectVirt compares with systemd-detect-virt in the same container.
func checkDetectVirt(t *testing.T, want expectation, r *report) {
	t.Helper()
	theirs, ours := r.DetectVirt["container"], r.Doctor.Environment.Container.Runtime
	switch {
	case theirs == ours && ours != "":
	case theirs == "container-other" && ours == "": // neither knows a name
	case theirs == "none" && want.unseen != "":
		t.Logf("systemd-detect-virt --container says %q: %s", theirs, want.unseen)
	default:
		t.Errorf("systemd-detect-virt --container says %q, we say %q", theirs, ours)
	}
}

// checkOutside compares the answers of both where the test itself runs.
func (l *lab) checkOutside(ctx context.Context, t *testing.T) {
	need(t, "systemd-detect-virt")
	ask := func(kind string) string {
		output, _ := l.command(ctx, "systemd-detect-virt", kind) // its status is 1 for "none"
		return strings.TrimSpace(string(output))
	}
	d := l.outside.Doctor
	checkVM(t, d.virtualization(), ask("--vm"))
	ours, theirs := "none", ask("--container")
	if c := d.Environment.Container; c != nil {
		ours = cmp.Or(c.Runtime, "container-other")
	}
	if theirs == ours || theirs == "" {
		return
	}
	// The disk of a machine that was made of a container's image keeps the
	// marker file, and systemd-detect-virt believes in it.
	if ours == "none" && slices.ContainsFunc(d.Environment.Evidence, func(found finding) bool {
		return found.Contradiction && (found.Source == "/.dockerenv" && theirs == "docker" || found.Source == "/run/.containerenv" && theirs == "podman")
	}) {
		t.Logf("systemd-detect-virt --container says %q by a stray marker file", theirs)
		return
	}
	t.Errorf("systemd-detect-virt --container says %q, we say %q", theirs, ours)
}
