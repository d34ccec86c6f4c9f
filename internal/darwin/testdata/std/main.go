// Command std imports what the standard library imports for a program with a
// network, files and subprocesses. The examples may import nothing else but
// this module's own functions.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
)

func main() {
	_, network := http.Get("https://localhost")
	_, name := user.Current()
	root, files := os.OpenRoot("/")
	if files == nil {
		_, files = root.Readlink("tmp")
		_, _ = root.Stat("tmp")
	}
	link, _ := os.Readlink("/tmp")
	fmt.Println(network, name, files, link, exec.Command("/bin/ls").Run())
}
