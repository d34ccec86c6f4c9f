package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cboxdk/resource-monitor/otelresource"
)

// captured are the files, beside the cgroup's own, that the library decides by.
var captured = []string{
	"/proc/self/cgroup", "/proc/1/cgroup", "/proc/self/mountinfo", "/proc/self/uid_map", "/proc/version",
	"/proc/sys/kernel/osrelease", "/proc/sys/kernel/hostname", "/proc/meminfo", "/proc/stat", "/proc/vmstat",
	"/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/memory",
	"/.dockerenv", "/run/.containerenv", "/run/host/container-manager", "/run/systemd/container",
	"/sys/class/dmi/id/sys_vendor", "/sys/class/dmi/id/product_name", "/sys/class/dmi/id/product_version",
	"/sys/class/dmi/id/bios_vendor", "/sys/class/dmi/id/board_vendor", "/sys/class/dmi/id/chassis_asset_tag",
	"/sys/devices/system/cpu/online",
}

// controllerFiles are what a cgroup's folder is copied by.
var controllerFiles = []string{"memory.*", "cpu.*", "cpuacct.usage*", "cpuset.*", "io.*", "blkio.*", "pids.*", "hugetlb.*", "cgroup.*"}

// noise are those of them that nothing decides by.
var noise = regexp.MustCompile(`numa_stat|hugetlb.*(events|rsvd)|cgroup\.(threads|procs|kill|stat|max)`)

// capture dumps what the library reads here as a fake root for tests: one
// txtar archive, in the form that package fixture reads.
func capture(info *otelresource.EnvironmentInfo) string {
	var b strings.Builder
	add := func(name string) {
		if content, err := os.ReadFile(name); err == nil && !bytes.Contains(content, []byte("\n-- ")) {
			fmt.Fprintf(&b, "-- %s --\n%s", strings.TrimPrefix(name, "/"), content)
			if len(content) > 0 && content[len(content)-1] != '\n' {
				b.WriteByte('\n')
			}
		}
	}
	for _, name := range captured {
		add(name)
	}
	fmt.Fprintf(&b, "-- proc/1/environ --\n%s\n", environ())
	for _, space := range []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"} {
		if target, err := os.Readlink("/proc/self/ns/" + space); err == nil {
			fmt.Fprintf(&b, "-- proc/self/ns/%s -> %s --\n", space, target)
		}
	}
	if info.Cgroup != nil {
		for _, dir := range levels(slices.Sorted(maps.Values(info.Cgroup.Dirs))) {
			for _, pattern := range controllerFiles {
				names, _ := filepath.Glob(path.Join(dir, pattern)) // the patterns are valid
				for _, name := range names {
					if !noise.MatchString(name) {
						add(name)
					}
				}
			}
		}
	}
	return b.String()
}

// levels are the folders and their ancestors, as far as they are cgroups.
func levels(dirs []string) []string {
	var all []string
	for _, dir := range dirs {
		for ; strings.HasPrefix(dir, "/sys/fs/cgroup"); dir = path.Dir(dir) {
			if _, err := os.Stat(path.Join(dir, "cgroup.procs")); err != nil {
				break
			}
			if !slices.Contains(all, dir) {
				all = append(all, dir)
			}
		}
	}
	return all
}

// environ are those variables of process 1 that speak of a container: the
// others are nobody's business.
func environ() string {
	content, _ := os.ReadFile("/proc/1/environ") // it may be denied
	var kept string
	for variable := range strings.SplitSeq(string(content), "\x00") {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "container") || strings.HasPrefix(name, "KUBERNETES_SERVICE") || name == "HOSTNAME" {
			kept += variable + `\0`
		}
	}
	return kept
}
