package dashboards

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// promtool finds Prometheus' own tool, or takes it out of Debian's package
// without installing that: a server would come along.
func promtool(t *testing.T) string {
	t.Helper()
	if program, err := exec.LookPath("promtool"); err == nil {
		return program
	}
	cache, err := filepath.Abs("../../.cache/promtool")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "usr", "bin", "promtool")
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if _, err := exec.LookPath("dpkg-deb"); err != nil {
		t.Skip("needs promtool: it is not in the PATH, and this is no Debian to fetch it from")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	download := t.TempDir()
	const script = `apt-get download -q prometheus || { apt-get update -qq && apt-get download -q prometheus; }`
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = download
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Skipf("needs promtool: it is not in the PATH, and Debian's package cannot be fetched: %v: %s", err, lastLine(output))
	}
	packages, err := filepath.Glob(download + "/*.deb")
	if err != nil || len(packages) != 1 {
		t.Fatalf("fetched %v: %v", packages, err)
	}
	if output, err := exec.CommandContext(t.Context(), "dpkg-deb", "-x", packages[0], cache).CombinedOutput(); err != nil {
		t.Fatalf("unpacking: %v\n%s", err, output)
	}
	return program
}

func lastLine(output []byte) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return lines[len(lines)-1]
}

// TestRules lets promtool check the rules and run their unit tests.
func TestRules(t *testing.T) {
	program := promtool(t)
	run := func(folder string, args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Dir = folder
		output, err := cmd.CombinedOutput()
		return string(output), err
	}
	const shipped = folder + "/prometheus"
	if output, err := run(shipped, "check", "rules", "rules.yaml"); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if output, err := run(shipped, "test", "rules", "rules_test.yaml"); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}

	// Every alert is shown firing: without any one of them the tests fail.
	rules, err := os.ReadFile(shipped + "/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile(shipped + "/rules_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range alerts() {
		t.Run(a.Alert, func(t *testing.T) {
			folder := t.TempDir()
			for name, text := range map[string]string{
				"rules.yaml":      strings.Replace(string(rules), "alert: "+a.Alert, "alert: Other", 1),
				"rules_test.yaml": string(tests),
			} {
				if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := run(folder, "test", "rules", "rules_test.yaml"); err == nil {
				t.Error("the unit tests do not miss it")
			}
		})
	}
}
