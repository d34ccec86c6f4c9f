package engine

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cboxdk/resource-monitor/internal/hostfs"
	"github.com/cboxdk/resource-monitor/internal/kernfs"
)

// relook is how long what sysfs said of the stacked devices is believed where no
// device appears: device-mapper tables and RAID members change under the same name.
const relook = time.Minute

// maxDevices bounds how many names of /sys/class/block are looked at.
const maxDevices = 1 << 16

// topology knows the block devices' names, and which lie on which.
type topology struct {
	opener     *kernfs.Opener
	report     func(error)
	looked     time.Time
	generation int // changes with every look; 0: none yet
	blocks     []blockDevice
	stacked    []sysfsDevice // those that can come to lie on others
	plain      []diskSeq     // of the other disks
	unsure     bool          // sysfs did not say what some device is
	unfinished *sysfsLook    // a reader's context ended it; it goes on with the next reading
}

// sysfsLook is what a look saw so far.
type sysfsLook struct {
	names   []string
	devices []sysfsDevice // of the first names
}

// blockDevice is one device, or a partition of one.
type blockDevice struct {
	name   string // as the kernel's files have it
	number deviceNumber
	// identity tells the device from another that has its name later.
	identity string
	below    []*blockDevice // what it lies on, all the way down
	// floating: it lies on some disk, and nothing tells which. A loop device's
	// backing file is named by a path that may be another mount namespace's.
	floating bool
	numbered bool // sysfs has number
	guessed  bool // sysfs does not say what it is
	head     bool // of NVMe multipath: its paths are below
}

// blockIndex finds block devices. It is made when the devices changed and not kept.
type blockIndex struct {
	byNumber map[deviceNumber]*blockDevice
	byName   map[string]*blockDevice
}

func indexOf(blocks []blockDevice) blockIndex {
	x := blockIndex{make(map[deviceNumber]*blockDevice, len(blocks)), make(map[string]*blockDevice, len(blocks))}
	for i := range blocks {
		d := &blocks[i]
		x.byName[d.name] = d
		if d.numbered {
			x.byNumber[d.number] = d
		}
	}
	return x
}

// find returns nil for a device that the last look did not see.
func (x blockIndex) find(key diskKey) *blockDevice {
	if key.number == (deviceNumber{}) {
		return x.byName[key.name]
	}
	d := x.byNumber[key.number]
	switch {
	case key.name == "" || d != nil && d.name == key.name:
		return d
	case d == nil:
		// Some kernels print a number for a hidden path of NVMe multipath, which has none in sysfs.
		if d = x.byName[key.name]; d != nil && !d.numbered {
			return d
		}
	}
	return nil // the number was given to another device
}

// refresh looks where it is due.
func (t *topology) refresh(p *kernfs.Pass) {
	if t.due(p) {
		t.look(p)
	}
}

// due reports whether to look, for the first time or because what was seen may be
// true no more. What disks and their partitions lie on never changes. A disk that
// was replaced by another of its name and number has another diskseq.
func (t *topology) due(p *kernfs.Pass) bool {
	switch {
	case t.generation == 0:
		return true
	case p.Now().Sub(t.looked) < relook:
		return false
	case t.unsure:
		return true
	}
	for i := range t.stacked {
		was, name := &t.stacked[i], t.stacked[i].name
		is, err := guarded(p.Context(), t.opener, classBlock, func(root hostfs.Root) (sysfsDevice, error) { return readDevice(root, name), nil })
		if err != nil || is.number != was.number || is.link != was.link || is.seq != was.seq || !slices.Equal(is.slaves, was.slaves) {
			return true
		}
	}
	plain := t.plain
	same, err := guarded(p.Context(), t.opener, classBlock, func(root hostfs.Root) (bool, error) {
		for i := range plain {
			if readSeq(root, classBlock+"/"+plain[i].name) != plain[i].seq {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil || !same {
		return true
	}
	t.looked = p.Now()
	return false
}

// look reads sysfs. What it does not show stays unknown until the next look.
func (t *topology) look(p *kernfs.Pass) {
	found, err := t.scan(p)
	if p.Context().Err() != nil && found == nil {
		return // the reader gave up: the next one goes on
	}
	t.unfinished = nil
	t.generation++
	t.looked = p.Now()
	if err != nil {
		t.report(err)
	}
	t.unsure = found == nil || found.unsure
	if found != nil {
		t.blocks, t.stacked, t.plain = found.blocks, found.stacked, found.plain
	}
}

// scan reads sysfs, through the guard where the files may be on any file
// system: device by device, as many take longer than the guard's patience.
func (t *topology) scan(p *kernfs.Pass) (*topology, error) {
	if t.unfinished == nil {
		names, err := guarded(p.Context(), t.opener, classBlock, func(root hostfs.Root) ([]string, error) { return root.ReadDir(classBlock, maxDevices) })
		if err != nil && len(names) == 0 {
			return nil, err
		}
		t.unfinished = &sysfsLook{names: names}
	}
	l := t.unfinished
	for len(l.devices) < len(l.names) {
		name := l.names[len(l.devices)]
		d, err := guarded(p.Context(), t.opener, classBlock, func(root hostfs.Root) (sysfsDevice, error) { return readDevice(root, name), nil })
		if err != nil {
			return nil, err
		}
		l.devices = append(l.devices, d)
		if err := p.Context().Err(); err != nil {
			return nil, err
		}
	}
	return assemble(l.devices), nil
}

// classBlock has every device and partition. /sys/dev/block, which has them by
// number, is masked in Podman's containers.
const classBlock = "/sys/class/block"

// sysfsDevice is what sysfs says of one device. Names have '!' for '/'.
type sysfsDevice struct {
	name     string
	number   deviceNumber
	numbered bool
	link     string // where it is: ../../devices/.../sda/sda1
	seq      string // diskseq, since Linux 5.15: no two disks of one boot have the same
	slaves   []string
}

// diskSeq is the diskseq of a disk.
type diskSeq struct{ name, seq string }

// mayStack is true of what no bus has, but for loop devices, whose slaves sysfs
// does not show, and disks in memory.
func (d *sysfsDevice) mayStack() bool {
	return strings.Contains(d.link, "/virtual/") &&
		!isNumbered(d.name, "loop") && !isNumbered(d.name, "ram") && !isNumbered(d.name, "zram")
}

func readDevice(root hostfs.Root, name string) sysfsDevice {
	d := sysfsDevice{name: name}
	dir := classBlock + "/" + name
	d.number, d.numbered = readNumber(root, dir+"/dev")
	d.link, _ = root.Readlink(dir)
	d.slaves, _ = root.ReadDir(dir+"/slaves", maxDevices) // a partition has none
	d.seq = readSeq(root, dir)                            // and no number either
	return d
}

func readSeq(root hostfs.Root, dir string) string {
	b, err := root.ReadFile(dir+"/diskseq", 64)
	if err != nil {
		return "" // a kernel before 5.15
	}
	return strings.TrimSpace(string(b))
}

// assemble finds out what lies on what.
func assemble(devices []sysfsDevice) *topology {
	t := &topology{blocks: make([]blockDevice, len(devices))}
	for i := range devices {
		from, d := &devices[i], &t.blocks[i]
		*d = blockDevice{name: blockName(from.name), number: from.number, numbered: from.numbered, guessed: from.link == ""}
		if d.identity = from.seq; d.identity == "" {
			d.identity = from.number.String() + " " + from.link
		}
		d.floating = isNumbered(d.name, "loop")
		t.unsure = t.unsure || d.guessed
		if from.mayStack() {
			t.stacked = append(t.stacked, *from)
		} else if from.seq != "" {
			t.plain = append(t.plain, diskSeq{from.name, from.seq})
		}
	}
	seqs := make(map[string]string, len(devices))
	for i := range devices {
		seqs[devices[i].name] = devices[i].seq
	}
	byName := indexOf(t.blocks).byName
	direct := map[*blockDevice][]*blockDevice{}
	on := func(upper, lower *blockDevice) {
		if lower != nil && upper != lower {
			direct[upper] = append(direct[upper], lower)
		}
	}
	for i := range devices {
		from, d := &devices[i], &t.blocks[i]
		if head, ok := multipathHead(d.name); ok && !d.numbered {
			if h := byName[head]; h != nil {
				h.head = true
				on(h, d)
			}
			continue
		}
		// Only a partition's folder is inside that of a device.
		whole := path.Base(path.Dir(from.link))
		on(d, byName[blockName(whole)])
		if seq := seqs[whole]; seq != "" {
			d.identity = seq + " " + d.identity
		}
		for _, slave := range from.slaves {
			on(d, byName[blockName(slave)])
		}
	}
	for d := range direct {
		d.below = descend(d, direct)
	}
	return t
}

// blockName is the name in the kernel's files, of which sysfs makes that of a folder.
func blockName(folder string) string { return strings.ReplaceAll(folder, "!", "/") }

// descend lists all that is below d, each once and never d itself.
func descend(d *blockDevice, direct map[*blockDevice][]*blockDevice) []*blockDevice {
	all := slices.Clone(direct[d])
	for i := 0; i < len(all); i++ {
		for _, next := range direct[all[i]] {
			if next != d && !slices.Contains(all, next) {
				all = append(all, next)
			}
		}
	}
	return all
}

func readNumber(root hostfs.Root, name string) (n deviceNumber, ok bool) {
	b, err := root.ReadFile(name, 64)
	if err != nil {
		return n, false
	}
	major, minor, ok := strings.Cut(strings.TrimSpace(string(b)), ":")
	x, err := strconv.ParseUint(major, 10, 32)
	y, err2 := strconv.ParseUint(minor, 10, 32)
	return deviceNumber{uint32(x), uint32(y)}, ok && errors.Join(err, err2) == nil
}

// multipathHead returns the device whose path name is: nvme0c1n2 is one to nvme0n2.
func multipathHead(name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, "nvme")
	subsystem, rest, ok2 := strings.Cut(rest, "c")
	controller, namespace, ok3 := strings.Cut(rest, "n")
	if !ok || !ok2 || !ok3 || !isNumber(subsystem) || !isNumber(controller) || !isNumber(namespace) {
		return "", false
	}
	return "nvme" + subsystem + "n" + namespace, true
}

// isNumbered reports whether name is prefix and a number.
func isNumbered(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && isNumber(rest)
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// parent returns the disk of which name would be a partition: sda of sda1,
// nvme0n1 of nvme0n1p1.
func parent(name string) string {
	disk := strings.TrimRight(name, "0123456789")
	if disk == name || disk == "" {
		return ""
	}
	if whole, ok := strings.CutSuffix(disk, "p"); ok && whole != "" && isNumber(whole[len(whole)-1:]) {
		return whole
	}
	return disk
}

// listing is of the devices of one file, and which of them the last look did not show.
type listing struct {
	generation int
	unseen     []diskKey
}

// find finds the devices of keys. more names those that sysfs does not; nil: nothing does.
func (l *listing) find(p *kernfs.Pass, t *topology, keys []diskKey, more func(deviceNumber) string) []*blockDevice {
	index := indexOf(t.blocks)
	isNew := func(k diskKey) bool { return index.find(k) == nil && !slices.Contains(l.unseen, k) }
	if l.generation == t.generation && slices.ContainsFunc(keys, isNew) {
		t.look(p)
		index = indexOf(t.blocks)
	}
	l.generation, l.unseen = t.generation, nil
	devices := make([]*blockDevice, len(keys))
	for i, k := range keys {
		if devices[i] = index.find(k); devices[i] == nil {
			devices[i] = unknownDevice(k, more)
			l.unseen = append(l.unseen, k)
		}
	}
	return devices
}

// disks are the devices of one file and what they counted.
type disks struct {
	listing
	diskAccount
}

// changed reports whether the devices listed are other ones than in the reading before.
func (a *diskAccount) changed() bool { return a.index != nil || a.listed != a.was }

// resolve names the devices that were listed, and decides which of them the total
// counts. It costs nothing as long as they stay the same.
func (d *disks) resolve(p *kernfs.Pass, t *topology, more func(deviceNumber) string) {
	t.refresh(p)
	if d.generation == t.generation && !d.changed() {
		return
	}
	if d.returned && d.generation == t.generation {
		t.look(p) // it may be another device
	}
	keys := make([]diskKey, d.listed)
	for i := range keys {
		keys[i] = d.disks[i].key
	}
	devices := d.find(p, t, keys, more)
	guess(devices)
	d.choose(devices)
	for i, one := range devices {
		d.identify(i, one.name, one.identity)
	}
}

// unknownDevice is one of which sysfs says nothing.
func unknownDevice(k diskKey, more func(deviceNumber) string) *blockDevice {
	name := k.name
	if name == "" && more != nil {
		name = more(k.number)
	}
	d := &blockDevice{name: name, guessed: true, floating: isNumbered(name, "loop") || isNumbered(name, "dm-") || isNumbered(name, "md")}
	if d.name == "" {
		d.name = k.number.String()
	}
	return d
}

// guess tells partitions and the paths of NVMe multipath by their names, where
// sysfs does not say what they are.
func guess(devices []*blockDevice) {
	byName := make(map[string]*blockDevice, len(devices))
	for _, d := range devices {
		byName[d.name] = d
	}
	for _, d := range devices {
		if !d.guessed {
			continue
		}
		if lower := byName[parent(d.name)]; lower != nil && len(d.below) == 0 {
			d.below = append([]*blockDevice{lower}, lower.below...)
		}
		head, ok := multipathHead(d.name)
		if upper := byName[head]; ok && upper != nil && upper.guessed && !slices.Contains(upper.below, d) {
			upper.head, upper.below = true, append(upper.below, d)
		}
	}
}

// choose decides which devices are in the total: those that are stacked on no other
// device of the same listing.
func (d *disks) choose(devices []*blockDevice) {
	here := make(map[*blockDevice]*diskState, len(devices))
	firm, head := false, false
	for i, one := range devices {
		here[one] = d.disks[i]
		firm = firm || !one.floating
		head = head || one.head
	}
	for i, one := range devices {
		counted := !one.floating || !firm
		for _, lower := range one.below {
			counted = counted && here[lower] == nil
		}
		if d.disks[i].counted && !counted {
			for _, lower := range one.below {
				if state := here[lower]; state != nil {
					state.below = true
				}
			}
		}
		// io.stat calls the paths of NVMe multipath unknown, and counts their bytes at the head as well.
		if d.disks[i].key == unknownKey {
			counted = !head
		}
		d.disks[i].counted = counted
	}
}

// unknownKey is that of all devices together that the kernel has no name for.
var unknownKey = diskKey{name: "unknown"}
