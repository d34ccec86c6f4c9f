package darwin

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	libSystem      = "/usr/lib/libSystem.B.dylib"
	ioKit          = "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
	coreFoundation = "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
)

// allowed is every function that this package may import. All are functions,
// and all exist since macOS 10.9 or before: a program with an import that its macOS
// lacks does not start.
var allowed = map[string]string{
	"mach_host_self":        libSystem,
	"mach_task_self":        libSystem, // the function: mach_task_self_ is data
	"host_page_size":        libSystem, // the function: vm_kernel_page_size is data
	"host_processor_info":   libSystem,
	"host_statistics64":     libSystem,
	"vm_deallocate":         libSystem,
	"task_info":             libSystem,
	"proc_pid_rusage":       libSystem, // macOS 10.9, the newest of them
	"proc_pidinfo":          libSystem,
	"notify_register_check": libSystem,
	"notify_get_state":      libSystem,
	"sysctl":                libSystem,
	"sysctlbyname":          libSystem,

	"IOServiceMatching":               ioKit,
	"IOServiceGetMatchingServices":    ioKit,
	"IOIteratorNext":                  ioKit,
	"IOObjectRelease":                 ioKit,
	"IORegistryEntryGetChildEntry":    ioKit,
	"IORegistryEntryGetParentEntry":   ioKit,
	"IORegistryEntryCreateCFProperty": ioKit,

	"CFStringCreateWithCString": coreFoundation,
	"CFStringGetCString":        coreFoundation,
	"CFStringGetTypeID":         coreFoundation,
	"CFDictionaryGetValue":      coreFoundation,
	"CFDictionaryGetTypeID":     coreFoundation,
	"CFNumberGetValue":          coreFoundation,
	"CFNumberGetTypeID":         coreFoundation,
	"CFGetTypeID":               coreFoundation,
	"CFRelease":                 coreFoundation,
}

const prefix = "cboxrm_"

func source(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDirectivesAreAllowed(t *testing.T) {
	directive := regexp.MustCompile(`(?m)^//go:cgo_import_dynamic (\S+) (\S+) "([^"]+)"$`)
	text := source(t, "imports_darwin.go")
	found := directive.FindAllStringSubmatch(text, -1)
	for _, d := range found {
		local, name, library := d[1], d[2], d[3]
		if local != prefix+name {
			t.Errorf("%s is called %s: the names are global to the link", name, local)
		}
		if allowed[name] != library {
			t.Errorf("%s from %s is not allowed", name, library)
		}
	}
	if len(found) != len(allowed) || strings.Count(text, "//go:cgo") != len(found) {
		t.Errorf("%d directives for %d allowed functions", len(found), len(allowed))
	}
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := f.Name()
		if strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && name != "imports_darwin.go" &&
			strings.Contains(source(t, name), "//go:cgo_") {
			t.Errorf("%s has a cgo directive", name)
		}
	}
}

// An import may only be jumped to. Any other use would be one of data, for
// which Go's linker accepts the import and writes no bind entry.
func TestAssemblyOnlyJumps(t *testing.T) {
	var jumps []string
	lines := strings.Split(source(t, "shim_darwin.s"), "\n")
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "//")
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#include") {
			continue
		}
		rest := strings.Join(fields[1:], " ")
		switch fields[0] {
		case "TEXT":
			if ok, _ := regexp.MatchString(`^cboxrm_\w+_trampoline<>\(SB\),NOSPLIT,\$0-0$`, rest); !ok {
				t.Errorf("line %d: %s", i+1, line)
			}
		case "JMP":
			name, ok := strings.CutSuffix(strings.TrimPrefix(rest, prefix), "(SB)")
			if _, known := allowed[name]; !ok || !known || rest != prefix+name+"(SB)" {
				t.Errorf("line %d: %s", i+1, line)
			}
			if !strings.HasPrefix(strings.TrimSpace(lines[i-1]), "TEXT\t"+prefix+name+"_trampoline<>") &&
				!strings.HasPrefix(strings.TrimSpace(lines[i-1]), "TEXT "+prefix+name+"_trampoline<>") {
				t.Errorf("line %d jumps from another trampoline", i+1)
			}
			jumps = append(jumps, name)
		case "GLOBL", "DATA":
			ok, _ := regexp.MatchString(`^·addr_\w+\(SB\)(, RODATA, \$8|/8, \$cboxrm_\w+_trampoline<>\(SB\))$`, rest)
			if !ok {
				t.Errorf("line %d: %s", i+1, line)
			}
		default:
			t.Errorf("line %d: %s", i+1, line)
		}
	}
	slices.Sort(jumps)
	if len(slices.Compact(jumps)) != len(allowed) {
		t.Errorf("%d trampolines for %d functions", len(jumps), len(allowed))
	}
	pairs := regexp.MustCompile(`(?m)^DATA\s+·addr_(\w+)\(SB\)/8, \$cboxrm_(\w+)_trampoline<>\(SB\)$`)
	found := pairs.FindAllStringSubmatch(source(t, "shim_darwin.s"), -1)
	for _, p := range found {
		if p[1] != p[2] {
			t.Errorf("addr_%s is the address of %s", p[1], p[2])
		}
	}
	if len(found) != len(allowed) {
		t.Errorf("%d addresses for %d functions", len(found), len(allowed))
	}
}
