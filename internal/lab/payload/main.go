// Payload runs inside a container of the lab. It runs doctor and
// systemd-detect-virt there, adds the files that doctor decides by, and prints
// all of it as one JSON object.
//
//	payload [-out FILE]          # doctor is a child of process 1
//	payload -become [-out FILE]  # this process becomes doctor
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const (
	doctor = "/doctor"
	// patience is less than the lab's with a container: a doctor that hangs
	// must not look like a container that does not start.
	patience = 20 * time.Second
)

type report struct {
	Doctor      json.RawMessage   `json:"doctor,omitempty"`
	DoctorError string            `json:"doctor_error,omitempty"`
	DetectVirt  map[string]string `json:"detect_virt"`
	Files       map[string]string `json:"files"`
	Entries     map[string]int    `json:"entries"`
}

func main() {
	out := flag.String("out", "", "write to this file in place of standard output")
	become := flag.Bool("become", false, "become doctor")
	flag.Parse()
	if err := run(*out, *become); err != nil {
		fmt.Fprintln(os.Stderr, "payload:", err)
		os.Exit(1)
	}
}

func run(out string, become bool) error {
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return err
		}
		if err := syscall.Dup3(int(f.Fd()), 1, 0); err != nil {
			return err
		}
	}
	if become {
		return syscall.Exec(doctor, []string{doctor, "-json"}, os.Environ())
	}
	// Some runtimes set the limits after the start of the first process.
	time.Sleep(100 * time.Millisecond)
	r := report{DetectVirt: map[string]string{}, Files: map[string]string{}, Entries: map[string]int{}}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	output, err := exec.CommandContext(ctx, doctor, "-json").Output()
	if json.Valid(output) {
		r.Doctor = output
	}
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		r.DoctorError = err.Error()
	}
	for _, kind := range []string{"container", "vm"} {
		r.DetectVirt[kind] = detectVirt(ctx, kind)
	}
	for _, name := range []string{
		"/proc/self/cgroup", "/proc/self/mountinfo", "/proc/self/uid_map", "/proc/1/comm", "/proc/sys/kernel/osrelease",
		"/run/.containerenv", "/run/host/container-manager", "/run/systemd/container", "/.dockerenv",
	} {
		if b, err := os.ReadFile(name); err == nil {
			r.Files[name] = string(b)
		}
	}
	for _, space := range []string{"cgroup", "ipc", "mnt", "pid", "user", "uts"} {
		name := "/proc/self/ns/" + space
		if target, err := os.Readlink(name); err == nil {
			r.Files[name] = target
		}
	}
	r.Files["/proc/1/environ"] = containerVariables()
	for _, folder := range []string{
		"/sys/firmware/acpi/tables", "/sys/class/dmi/id", "/sys/hypervisor", "/sys/firmware/devicetree", "/proc/device-tree",
	} {
		entries, _ := os.ReadDir(folder)
		r.Entries[folder] = len(entries)
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

// detectVirt is the program's answer: empty where it could not run. Its exit
// status is 1 where the answer is "none".
func detectVirt(ctx context.Context, kind string) string {
	output, err := exec.CommandContext(ctx, "/detect/ld.so", "--library-path", "/detect", "/detect/systemd-detect-virt", "--"+kind).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return ""
	}
	return strings.TrimSpace(string(output))
}

// containerVariables are those variables of process 1 that speak of a
// container; bwrap hands on the caller's, which are nobody's business.
func containerVariables() string {
	b, err := os.ReadFile("/proc/1/environ")
	if err != nil {
		return err.Error()
	}
	var kept []string
	for variable := range strings.SplitSeq(string(b), "\x00") {
		if name, _, _ := strings.Cut(variable, "="); strings.HasPrefix(name, "container") || name == "HOSTNAME" {
			kept = append(kept, variable)
		}
	}
	return strings.Join(kept, "\n")
}
