package engine

import (
	"bytes"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// place knows where the process is in the cgroup hierarchies. Kept cgroup
// descriptors do not follow a process that moves and give no error, so the
// membership is read again once per interval.
type place struct {
	cfg    *Config
	opener kernfs.Opener

	mu         sync.Mutex
	self       []*kernfs.File
	mountinfo  *kernfs.File
	text       []byte
	checked    time.Time
	tree       *cgroup.Tree
	generation int                 // changes with the tree; 0: never read
	foreign    map[string]struct{} // where user-space file systems are mounted
}

func newPlace(c *Config) *place {
	p := &place{cfg: c, opener: kernfs.Opener{Root: c.Root, Guard: new(kernfs.Guard)}, tree: &cgroup.Tree{}, foreign: map[string]struct{}{}}
	for _, name := range c.CgroupPaths {
		if path.Base(name) == "cgroup" && strings.HasPrefix(name, "/proc/") {
			p.self = append(p.self, p.opener.File(name))
		}
	}
	if len(p.self) == 0 {
		p.self = append(p.self, p.opener.File("/proc/self/cgroup"))
	}
	p.mountinfo = p.opener.File("/proc/self/mountinfo")
	return p
}

// current returns the tree and its generation, having looked again where the
// interval has passed.
func (p *place) current(pass *kernfs.Pass) (*cgroup.Tree, int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.generation > 0 && pass.Now().Sub(p.checked) < p.cfg.Interval {
		return p.tree, p.generation
	}
	p.checked = pass.Now()
	text, err := p.readSelf(pass)
	if err != nil {
		// Without it the process may be anywhere: nothing of the old place is
		// read on as if it were still true.
		p.cfg.Diagnostics.Failed("cgroup", err)
		text = nil
	}
	if p.generation > 0 && bytes.Equal(text, p.text) {
		return p.tree, p.generation
	}
	p.text = append(p.text[:0], text...)
	p.tree = &cgroup.Tree{Self: cgroup.ParseSelf(p.text), Mounts: p.readMounts(pass)}
	p.generation++
	return p.tree, p.generation
}

func (p *place) readSelf(pass *kernfs.Pass) (text []byte, err error) {
	for _, f := range p.self {
		if text, err = f.Read(pass); err == nil {
			return text, nil
		}
	}
	return nil, err
}

// readMounts asks mountinfo, then the configured folders. mountinfo can wait
// for a dead network mount, so it goes through the guard; the file is not kept open.
func (p *place) readMounts(pass *kernfs.Pass) []cgroup.Mount {
	var mounts []cgroup.Mount
	text, err := p.mountinfo.ReadGuarded(pass)
	p.mountinfo.Close()
	if err != nil {
		p.cfg.Diagnostics.Failed("cgroup", err)
	} else {
		for m := range cgroup.Mounts(text) {
			if strings.HasPrefix(m.Type, "cgroup") {
				mounts = append(mounts, m)
			} else if strings.HasPrefix(m.Type, "fuse") {
				p.foreign[m.Point] = struct{}{}
			}
		}
	}
	if len(mounts) > 0 {
		return mounts
	}
	folders := slices.DeleteFunc(slices.Clone(p.cfg.CgroupPaths), func(name string) bool {
		return strings.HasPrefix(name, "/proc/")
	})
	return cgroup.Discover(p.cfg.Root, folders)
}

// mayHang reports whether something else than the kernel's own file systems is
// mounted over name, as LXCFS is over /proc/meminfo: already opening it
// could wait for a daemon.
func (p *place) mayHang(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, over := p.foreign[name]
	return over
}

func (p *place) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.self {
		f.Close()
	}
	p.mountinfo.Close()
}

// group resolves a controller to the levels that can hold limits: all but the
// real root. A group without levels: the process is in no cgroup of its own.
func (p *place) group(t *cgroup.Tree, controller string) (cgroup.Group, error) {
	l, err := t.Resolve(controller)
	if err != nil {
		return cgroup.Group{}, err
	}
	return cgroup.Group{Version: l.Version, Levels: l.DropRealRoot(p.cfg.Root)}, nil
}
