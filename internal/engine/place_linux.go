package engine

import (
	"bytes"
	"cmp"
	"errors"
	"hash/maphash"
	"math"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cboxdk/resource-monitor/internal/cgroup"
	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// place knows where the process is in the cgroup hierarchies. Kept cgroup
// descriptors do not follow a process that moves and give no error, so the
// membership is read again once per interval, and every 250 ms at least. A hierarchy can also be mounted
// elsewhere while the membership stays the same; the mounts are looked at again
// less often, because that can hang.
type place struct {
	cfg    *Config
	opener kernfs.Opener

	gate
	self      []kernfs.File
	mountinfo kernfs.File
	text      []byte
	mounts    []cgroup.Mount
	unsure    bool  // the mounts could not be read
	silent    error // why nothing at all is known of the mounts
	mountsErr error // of the newest reading of mountinfo
	known     bool  // the mounts are those of the text whose sum is kept
	seed      maphash.Seed
	sum       uint64
	mounted   time.Time   // when they were looked at
	sure      bool        // mountinfo was read once
	waiting   atomic.Bool // a reading waits for the membership or the mounts

	// Readings of all collectors ask these, so they take no lock for it.
	located atomic.Pointer[located]
	epoch   time.Time                     // from which due counts
	due     atomic.Int64                  // when the membership is looked at again
	foreign atomic.Pointer[foreignMounts] // nil: not known yet
}

// located is where the process was seen.
type located struct {
	tree       cgroup.Tree
	generation int // changes with the tree; 0: never read
}

// relocate is how long the membership is believed at most. What is read by it is then believed for
// an interval more.
const relocate = 250 * time.Millisecond

// remount is how often the mounts are looked at again.
const remount = time.Minute

func (p *place) init(c *Config) {
	// What is mounted is read here first: until then nobody knows that a daemon
	// stands over these very files, so that each opening may hang. Reading them again does not cost more for it.
	p.cfg, p.seed, p.epoch = c, maphash.MakeSeed(), c.Now()
	p.located.Store(new(located))
	p.due.Store(math.MinInt64)
	p.opener = kernfs.Opener{
		Root: c.Root, MayHang: func(string) bool { return true },
		Guard: kernfs.Guard{Report: c.Diagnostics.hangOf("cgroup")},
	}
	for _, name := range c.CgroupPaths {
		if path.Base(name) == "cgroup" && strings.HasPrefix(name, "/proc/") {
			p.self = append(p.self, p.opener.File(name))
		}
	}
	if len(p.self) == 0 {
		p.self = append(p.self, p.opener.File("/proc/self/cgroup"))
	}
	p.mountinfo = p.opener.File("/proc/self/mountinfo")
	p.free = func() {
		for i := range p.self {
			p.self[i].Close()
		}
		p.mountinfo.Close()
	}
}

// expire makes the next reading look again.
func (p *place) expire() { p.due.Store(math.MinInt64) }

// current returns the tree and its generation, having looked again where the
// interval has passed.
func (p *place) current(pass *kernfs.Pass) (*cgroup.Tree, int) {
	if now := int64(pass.Now().Sub(p.epoch)); now >= p.due.Load() {
		p.look(pass, now)
	}
	l := p.located.Load()
	return &l.tree, l.generation
}

func (p *place) look(pass *kernfs.Pass, now int64) {
	if !p.mu.TryLock() {
		if p.waiting.Load() && p.located.Load().generation > 0 {
			return // the file may not answer soon, and the last place is good enough
		}
		p.mu.Lock()
	}
	defer p.leave()
	switch {
	case p.closed.Load(): // a reading that is still under way ends as it began
	case now < p.due.Load(): // another reading has looked meanwhile
	case p.find(pass):
		p.due.Store(now + int64(min(p.cfg.Interval, relocate)))
	}
}

// find looks where the process is. It is false where the reader gave up, which
// says nothing about the files: the next one asks again.
func (p *place) find(pass *kernfs.Pass) bool {
	p.waiting.Store(true)
	defer p.waiting.Store(false)
	text, err := p.readSelf(pass)
	if err != nil && pass.Context().Err() != nil {
		return false
	}
	if err != nil {
		// Without it the process may be anywhere: nothing of the old place is
		// read on as if it were still true.
		p.cfg.Diagnostics.Failed("cgroup", err)
		text = nil
	}
	selfErr := err
	var silent error
	if errors.Is(err, kernfs.ErrHung) {
		silent = err
	}
	was := p.located.Load()
	moved := was.generation == 0 || !bytes.Equal(text, p.text)
	if !moved && !p.unsure && pass.Now().Sub(p.mounted) < remount {
		return true
	}
	text = bytes.Clone(text) // the next reading fills its buffer
	changed := p.readMounts(pass, moved)
	if p.unsure && pass.Context().Err() != nil {
		return false
	}
	silent = cmp.Or(silent, p.silent)
	if !changed && !moved && (silent == nil) == (was.tree.Silent == nil) {
		return true
	}
	p.text = text
	p.located.Store(&located{
		tree: cgroup.Tree{
			Self: slices.Clone(cgroup.ParseSelf(p.text)), Mounts: p.mounts, Silent: silent, SelfErr: selfErr, MountsErr: p.mountsErr,
		},
		generation: was.generation + 1,
	})
	return true
}

func (p *place) readSelf(pass *kernfs.Pass) (text []byte, err error) {
	for i := range p.self {
		if text, err = p.self[i].Read(pass); err == nil {
			return text, nil
		}
	}
	return nil, err
}

// readMounts asks mountinfo, then the configured folders, and reports whether
// that changed what is known. mountinfo can wait for a dead network mount, so
// it goes through the guard; the file is not kept open. Where it failed and its
// mounts are not known, it is asked again with the next look at the membership.
func (p *place) readMounts(pass *kernfs.Pass, moved bool) (changed bool) {
	var mounts []cgroup.Mount
	text, err := p.mountinfo.ReadGuarded(pass)
	p.mountsErr = err
	p.mountinfo.Close()
	if pass.Context().Err() == nil {
		p.mounted = pass.Now()
	}
	if err != nil {
		p.cfg.Diagnostics.Failed("cgroup", err)
		if p.sure {
			// What was mounted a minute ago is a better guess than the
			// configured folders; of a new place it is only a guess.
			p.unsure = p.unsure || moved
			return false
		}
	} else {
		// Most looks find the same text, which need not be taken apart again.
		sum := maphash.Bytes(p.seed, text)
		if p.known && sum == p.sum {
			p.unsure = false
			return false
		}
		p.sum, p.sure = sum, true
		foreign := foreignMounts{}
		for m := range cgroup.VisibleMounts(text) {
			foreign.add(&m)
			if strings.HasPrefix(m.Type, "cgroup") {
				m.ID, m.Parent = "", "" // nobody asks again
				mounts = append(mounts, m)
			}
		}
		p.foreign.Store(foreign.orNone())
	}
	p.unsure, p.silent = err != nil, nil
	// What is found by the configured folders can change without the text.
	p.known = len(mounts) > 0
	if len(mounts) == 0 {
		folders := slices.DeleteFunc(slices.Clone(p.cfg.CgroupPaths), func(name string) bool {
			return strings.HasPrefix(name, "/proc/")
		})
		mounts, err = guarded(pass.Context(), &p.opener, "/", func(root hostfs.Root) ([]cgroup.Mount, error) {
			return cgroup.Discover(root, folders), nil
		})
		if err != nil {
			p.cfg.Diagnostics.Failed("cgroup", err)
			p.unsure, p.silent = true, err
		}
	}
	changed = !slices.EqualFunc(mounts, p.mounts, func(a, b cgroup.Mount) bool {
		return a.Root == b.Root && a.Point == b.Point && a.Type == b.Type && slices.Equal(a.Options, b.Options)
	})
	p.mounts = slices.Clone(mounts) // without the room that they grew by
	return changed
}

// mayHang reports whether something else than the kernel's own file systems is
// mounted over name, as LXCFS is over /proc/meminfo: already opening it
// could wait for a daemon.
func (p *place) mayHang(name string) bool {
	foreign := p.foreign.Load()
	if foreign == nil { // maybe it is found out right now
		p.mu.Lock()
		foreign = p.foreign.Load()
		p.leave()
	}
	return foreign != nil && foreign.over(name)
}

// foreignMounts says of what is mounted at or around the kernel's file systems
// whether it is a user-space one's.
type foreignMounts map[string]bool

func (f foreignMounts) add(m *cgroup.Mount) {
	if m.Point == "/" || within("/proc", m.Point) || within("/sys", m.Point) {
		f[m.Point] = strings.HasPrefix(m.Type, "fuse") // the last one lies on top
	}
}

// orNone drops what nobody asks for: on most machines none is a user-space one's.
func (f foreignMounts) orNone() *foreignMounts {
	for _, fuse := range f {
		if fuse {
			return &f
		}
	}
	return new(foreignMounts)
}

// over asks the nearest mount: LXCFS is mounted over single files, and over the folder of the CPUs.
func (f foreignMounts) over(name string) bool {
	if len(f) == 0 {
		return false
	}
	for at := name; ; at = path.Dir(at) {
		if fuse, ok := f[at]; ok || at == "/" || at == "." {
			return fuse
		}
	}
}

func within(folder, name string) bool { return name == folder || strings.HasPrefix(name, folder+"/") }

// findGroup resolves a controller to the levels that can hold limits: all but the
// real root. A group without levels: the process is in no cgroup of its own.
func findGroup(p *round, o *kernfs.Opener, t *cgroup.Tree, controller string) (cgroup.Group, error) {
	l, err := t.Resolve(controller)
	if err != nil {
		return cgroup.Group{}, err
	}
	return withoutRoot(p, o, l)
}

func withoutRoot(p *round, o *kernfs.Opener, l *cgroup.Location) (cgroup.Group, error) {
	own := *l
	levels, err := guarded(p.Context(), o, l.Own().Dir, func(root hostfs.Root) ([]cgroup.Level, error) { return own.DropRealRoot(root), nil })
	return cgroup.Group{Version: l.Version, Levels: levels}, err
}
