package darwin

import (
	"debug/macho"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// build makes a darwin program of a folder, without cgo.
func build(t *testing.T, arch, folder string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), filepath.Base(folder))
	cmd := exec.Command("go", "build", "-o", out, folder)
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH="+arch, "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if b, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return out
}

func needsBuild(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("cross-building the standard library takes a minute on a cold cache")
	}
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
}

func openMacho(t *testing.T, path string) *macho.File {
	t.Helper()
	f, err := macho.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func imported(t *testing.T, f *macho.File) []string {
	t.Helper()
	symbols, err := f.ImportedSymbols()
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range symbols {
		symbols[i] = strings.TrimPrefix(s, "_")
	}
	return symbols
}

func libraries(t *testing.T, f *macho.File) []string {
	t.Helper()
	names, err := f.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A program with this package imports the allowed functions, what a bare
// program imports, and what x/sys adds; each import is a function, which shows in
// a stub of its own.
func TestProbeImports(t *testing.T) {
	needsBuild(t)
	for _, arch := range []string{"arm64", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			probePath, helloPath := build(t, arch, "./testdata/probe"), build(t, arch, "./testdata/hello")
			probe, hello := openMacho(t, probePath), openMacho(t, helloPath)

			ours := []string{libSystem, ioKit, coreFoundation}
			known := append(libraries(t, hello), ours...)
			linked := libraries(t, probe)
			for _, name := range linked {
				if !slices.Contains(known, name) {
					t.Errorf("links %s", name)
				}
			}
			for _, name := range ours {
				if !slices.Contains(linked, name) {
					t.Errorf("does not link %s", name)
				}
			}
			got, bare := imported(t, probe), imported(t, hello)
			for _, name := range got {
				if _, ok := allowed[name]; !ok && !slices.Contains(bare, name) && !ofXSys(name) {
					t.Errorf("imports %s", name)
				}
			}
			stubs := stubbed(t, probe)
			for name := range allowed {
				if !slices.Contains(got, name) {
					t.Errorf("does not import %s", name)
				}
				if !slices.Contains(stubs, name) {
					t.Errorf("%s has no stub: it is imported as data", name)
				}
			}
			checkGrowth(t, probePath, helloPath)
		})
	}
}

// The example that prints everything imports what the standard library needs
// and what this package may, and of the latter nothing as data.
func TestExampleImports(t *testing.T) {
	needsBuild(t)
	for _, arch := range []string{"arm64", "amd64"} {
		t.Run(arch, func(t *testing.T) {
			t.Parallel()
			example := openMacho(t, build(t, arch, "../../examples/doctor"))
			std := openMacho(t, build(t, arch, "./testdata/std"))
			known := append(libraries(t, std), libSystem, ioKit, coreFoundation)
			for _, name := range libraries(t, example) {
				if !slices.Contains(known, name) {
					t.Errorf("links %s", name)
				}
			}
			bare, stubs, ours := imported(t, std), stubbed(t, example), 0
			for _, name := range imported(t, example) {
				if _, ok := allowed[name]; ok {
					ours++
				} else if !slices.Contains(bare, name) && !ofXSys(name) {
					t.Errorf("imports %s", name)
				}
				if !slices.Contains(bare, name) && !slices.Contains(stubs, name) {
					t.Errorf("%s has no stub: it is imported as data", name)
				}
			}
			if ours < len(allowed)-1 { // the thermal state is of no metric
				t.Errorf("imports %d of %d functions: does it read this machine?", ours, len(allowed))
			}
		})
	}
}

// ofXSys tells what unix.Getrusage and unix.Getrlimit need.
func ofXSys(name string) bool { return name == "getrusage" || name == "getrlimit" }

// checkGrowth holds the promise of less than half a megabyte.
func checkGrowth(t *testing.T, probe, hello string) {
	t.Helper()
	size := func(path string) int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	growth := size(probe) - size(hello)
	t.Logf("the package adds %d bytes", growth)
	if growth > 500_000 {
		t.Errorf("the package adds %d bytes to a program", growth)
	}
}

// stubbed returns the imports that have a symbol stub: those that code calls.
func stubbed(t *testing.T, f *macho.File) (names []string) {
	t.Helper()
	const (
		segmentHeader  = 72
		sectionHeader  = 80
		offFlags       = 64
		offFirst       = 68 // reserved1: the first entry in the indirect table
		offStubSize    = 72 // reserved2
		typeSymbolStub = 8
	)
	le := binary.LittleEndian
	for _, load := range f.Loads {
		segment, ok := load.(*macho.Segment)
		if !ok {
			continue
		}
		raw := segment.Raw()
		for i := range int(segment.Nsect) {
			section := raw[segmentHeader+i*sectionHeader:][:sectionHeader]
			if le.Uint32(section[offFlags:])&0xff != typeSymbolStub {
				continue
			}
			size := le.Uint64(section[40:])
			first, count := le.Uint32(section[offFirst:]), uint32(size)/le.Uint32(section[offStubSize:])
			for _, symbol := range f.Dysymtab.IndirectSyms[first : first+count] {
				names = append(names, strings.TrimPrefix(f.Symtab.Syms[symbol].Name, "_"))
			}
		}
	}
	if len(names) == 0 {
		t.Error("no symbol stubs found")
	}
	return names
}
