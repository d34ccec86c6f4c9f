package otelresource_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// forbidden are packages that start programs or speak with other machines.
var forbidden = []string{"os/exec", "net", "net/http", "plugin", "github.com/cboxdk/resource-monitor/internal/fixture"}

// writing are the ways to change a file or to start a program.
var writing = []string{
	"os.WriteFile", "os.Create", "os.CreateTemp", "os.Remove", "os.RemoveAll", "os.Mkdir", "os.MkdirAll", "os.Rename", "os.Chmod", "os.Chown",
	"os.Truncate", "os.StartProcess", "os.Setenv", "os.O_WRONLY", "os.O_RDWR", "os.O_CREATE", "os.O_APPEND",
	"unix.Write", "unix.Pwrite", "unix.Exec", "unix.Listen", "unix.O_WRONLY", "unix.O_RDWR", "unix.O_CREAT", "unix.Mount", "unix.Kill", "unix.Setrlimit",
	"syscall.Write", "syscall.Exec", "syscall.ForkExec", "syscall.Kill", "syscall.Setrlimit",
}

// TestNoSubprocessAndNoNetwork holds the whole library, not only the public package:
// no file of it that is built imports what could start a program or open a socket
// to another machine. Netlink speaks to the kernel through golang.org/x/sys.
func TestNoSubprocessAndNoNetwork(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.Dir}}", "-deps", ".").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for dir := range strings.Lines(string(out)) {
		dir = strings.TrimSpace(dir)
		if !strings.HasPrefix(dir, root+string(filepath.Separator)) {
			continue
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go")) // those of other systems too
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			seen++
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range f.Imports {
				if path, _ := strconv.Unquote(spec.Path.Value); slices.Contains(forbidden, path) {
					t.Errorf("%s imports %s", name, path)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if selector, ok := n.(*ast.SelectorExpr); ok {
					if pkg, ok := selector.X.(*ast.Ident); ok && slices.Contains(writing, pkg.Name+"."+selector.Sel.Name) &&
						// A request to the kernel is written to its socket.
						!(selector.Sel.Name == "Write" && strings.Contains(dir, "netlink")) {
						t.Errorf("%s uses %s.%s", name, pkg.Name, selector.Sel.Name)
					}
				}
				return true
			})
		}
	}
	if seen < 50 {
		t.Fatalf("only %d files were looked at", seen)
	}
}
