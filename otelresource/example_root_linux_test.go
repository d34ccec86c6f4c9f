package otelresource_test

import (
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/cboxdk/resource-monitor/internal/fixture"
)

// containerRoot makes a folder with the files that a process sees in a Docker
// container: examples have no test whose folder they could use.
func containerRoot() string {
	check := func(err error) {
		if err != nil {
			log.Fatal(err)
		}
	}
	archive, err := os.ReadFile("testdata/docker-v2.txtar")
	check(err)
	dir, err := os.MkdirTemp("", "container")
	check(err)
	_, entries := fixture.Parse(string(archive))
	for _, e := range entries {
		link, target, isLink := strings.Cut(e.Name, " -> ")
		name := filepath.Join(dir, link)
		check(os.MkdirAll(filepath.Dir(name), 0o755))
		if isLink {
			check(os.Symlink(target, name))
		} else {
			check(os.WriteFile(name, []byte(e.Text), 0o600))
		}
	}
	return dir
}
