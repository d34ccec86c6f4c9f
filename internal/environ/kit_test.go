package environ_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// load unpacks an archive and makes the Input that its sections describe:
//
//	@env      lines NAME=value; without the section there is no environment
//	@cpuid    "hypervisor true", then leaves as: 0x40000000 "text"
//	@arch     GOARCH, amd64 by default
//	@pid      our process id
//	@markers  marker files that the configuration names
//	@deny     files that are denied
//	@remove   what the archive's files made and must not be there
//	@smbios   the SMBIOS structure of type 0 exists: "set" or "clear"
//
// In files of NUL-terminated text, \0 is a NUL.
func load(t testing.TB, name string) (environ.Input, *fixture.Root) {
	t.Helper()
	root := fixture.Load(t, name)
	return input(t, root), root
}

func input(t testing.TB, root *fixture.Root) environ.Input {
	t.Helper()
	nuls(t, root)
	if bit, ok := root.Section("smbios"); ok {
		b := make([]byte, 24)
		b[1] = 24
		if strings.TrimSpace(bit) == "set" {
			b[19] = 1 << 4
		}
		root.Write("sys/firmware/dmi/entries/0-0/raw", string(b))
	}
	for _, name := range lines(root, "remove") {
		root.Remove(name)
	}
	in := environ.Input{Root: root.Hostfs(), Markers: environ.DefaultMarkers(), UserMarkers: lines(root, "markers"), Arch: "amd64"}
	if arch := lines(root, "arch"); len(arch) == 1 {
		in.Arch = arch[0]
	}
	if pid := lines(root, "pid"); len(pid) == 1 {
		in.PID, _ = strconv.Atoi(pid[0])
	}
	if _, ok := root.Section("env"); ok {
		env := map[string]string{}
		for _, l := range lines(root, "env") {
			k, v, _ := strings.Cut(l, "=")
			env[k] = v
		}
		in.Getenv = func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	}
	if _, ok := root.Section("cpuid"); ok {
		id := parseCPUID(t, lines(root, "cpuid"))
		in.CPUID = func() (environ.CPUID, bool) { return id, true }
	}
	if denied := lines(root, "deny"); denied != nil {
		environ.SetFail(&in, func(name string) error {
			for _, d := range denied {
				if name == "/"+d {
					return &fs.PathError{Op: "open", Path: name, Err: syscall.EACCES}
				}
			}
			return nil
		})
	}
	return in
}

func lines(root *fixture.Root, section string) []string {
	text, _ := root.Section(section)
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}

func parseCPUID(t testing.TB, lines []string) (id environ.CPUID) {
	t.Helper()
	for _, l := range lines {
		key, value, _ := strings.Cut(l, " ")
		if key == "hypervisor" {
			id.Hypervisor = value == "true"
			continue
		}
		text, err := strconv.Unquote(value)
		if err != nil {
			t.Fatalf("@cpuid %q: %v", l, err)
		}
		text = strings.TrimRight(text, "\x00")
		if key == "0x40000000" {
			id.Signature = text
		} else {
			id.Signature100 = text
		}
	}
	return id
}

func nuls(t testing.TB, root *fixture.Root) {
	t.Helper()
	for _, dir := range []string{"proc/1", "proc/device-tree"} {
		_ = filepath.WalkDir(filepath.Join(root.Dir(), dir), func(name string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil
			}
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.ReplaceAll(strings.TrimSuffix(string(b), "\n"), `\0`, "\x00"); strings.Contains(text, "\x00") {
				err = os.WriteFile(name, []byte(text), 0o644)
			}
			return err
		})
	}
}
