//go:build linux

package guest

import (
	"fmt"
	"math"
	"path"
	"strings"
	"testing"
)

// outside is the probe's cgroup as the machine sees it, whatever namespaces
// the probe is in.
func outside(t *testing.T) *group {
	t.Helper()
	// The youngest process of the name: its parents may bear it for a moment.
	pid := shell(t, "pgrep -n -x probe")
	g := &group{t: t, dirs: map[string]string{}}
	for line := range strings.Lines(shell(t, "cat /proc/"+pid+"/cgroup")) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if fields[1] == "" && unified() {
			g.path = fields[2]
			for controller := range controllers {
				g.dirs[controller] = cgroupRoot + fields[2]
			}
		}
		for controller, v1 := range controllers {
			if fields[1] == v1 && !unified() {
				g.dirs[controller] = cgroupRoot + "/" + v1 + fields[2]
			}
		}
	}
	return g
}

// levels are the cgroup's folder and its ancestors' below the mount.
func (g *group) levels(controller string) []string {
	root := cgroupRoot
	if !unified() {
		root += "/" + controllers[controller]
	}
	var all []string
	for dir := g.dirs[controller]; len(dir) > len(root); dir = path.Dir(dir) {
		all = append(all, dir)
	}
	return all
}

// memoryLimit is the smallest at any level, as a shell reads it; +Inf: none.
func (g *group) memoryLimit() float64 {
	g.t.Helper()
	least := math.Inf(1)
	for _, dir := range g.levels("memory") {
		text := shell(g.t, fmt.Sprintf("cat %s/memory.max %s/memory.limit_in_bytes 2>/dev/null || true", dir, dir))
		// v1's "no limit" is the largest multiple of a page.
		if text != "" && text != "max" && len(text) < 19 {
			least = min(least, parse(g.t, text))
		}
	}
	return least
}

// quota is the smallest at any level, in cores; +Inf: none.
func (g *group) quota() float64 {
	g.t.Helper()
	least := math.Inf(1)
	for _, dir := range g.levels("cpu") {
		least = min(least, g.quotaOf(dir))
	}
	return least
}

// throttledLevel is the level whose quota binds.
func (g *group) throttledLevel() *group {
	g.t.Helper()
	least := g.quota()
	for _, dir := range g.levels("cpu") {
		if g.quotaOf(dir) == least {
			return &group{t: g.t, dirs: map[string]string{"cpu": dir}}
		}
	}
	return g
}

// quotaOf is that of one level.
func (g *group) quotaOf(dir string) float64 {
	g.t.Helper()
	fields := strings.Fields(shell(g.t, fmt.Sprintf("cat %s/cpu.max 2>/dev/null || cat %s/cpu.cfs_quota_us %s/cpu.cfs_period_us 2>/dev/null || true", dir, dir, dir)))
	if len(fields) != 2 || fields[0] == "max" || fields[0] == "-1" {
		return math.Inf(1)
	}
	return parse(g.t, fields[0]) / parse(g.t, fields[1])
}
