package darwintest

import "github.com/cboxdk/resource-monitor/internal/darwin"

// Disk is a block storage driver and the medium below it.
type Disk struct {
	Name       string
	Image      bool // the medium is a file on another disk
	NoMedium   bool
	NoName     bool
	OddName    bool // the name is no string
	NoStats    bool
	OddStats   bool // the statistics are no dictionary
	Statistics map[string]int64
}

// NewDisk returns a disk whose counts are multiples of n, each with another factor.
func NewDisk(name string, n int64) Disk {
	return Disk{Name: name, Statistics: map[string]int64{
		"Bytes (Read)": 1000 * n, "Bytes (Write)": 2000 * n,
		"Operations (Read)": 10 * n, "Operations (Write)": 20 * n,
		"Total Time (Read)": 1e9 * n, "Total Time (Write)": 2e9 * n,
		"Latency Time (Read)": 0, "Latency Time (Write)": 0,
		"Errors (Read)": 3 * n, "Errors (Write)": 4 * n,
		"Retries (Read)": 5 * n, "Retries (Write)": 6 * n,
	}}
}

type objectKind uint8

const (
	iteratorObject objectKind = iota
	driverObject
	mediaObject
	deviceObject
)

type fakeObject struct {
	kind objectKind
	disk int // of an iterator: the next one
	live bool
}

type fakeRef struct {
	kind   darwin.Kind
	text   string
	number int64
	disk   int
	owned  bool // came from Create or New
	// protocol marks the dictionary of a device; others hold statistics.
	protocol bool
	live     bool
	parent   darwin.Ref // of a borrowed one
}

// Registry keeps book of every handle and complains about a second release,
// a release of what is not ours, and a use after release.
type Registry struct {
	k       *Kernel
	Disks   []Disk
	Endless bool         // a walk never comes to its end
	objects []fakeObject // handle - 1
	refs    []fakeRef
}

// LiveObjects counts the objects that were not released.
func (r *Registry) LiveObjects() (n int) {
	for _, o := range r.objects {
		if o.live {
			n++
		}
	}
	return n
}

// LiveRefs counts the refs that are owned and were not released.
func (r *Registry) LiveRefs() (n int) {
	for _, f := range r.refs {
		if f.live && f.owned {
			n++
		}
	}
	return n
}

func (r *Registry) newObject(o fakeObject) darwin.Object {
	o.live = true
	r.objects = append(r.objects, o)
	return darwin.Object(len(r.objects))
}

func (r *Registry) object(o darwin.Object) *fakeObject {
	if o == 0 || int(o) > len(r.objects) || !r.objects[o-1].live {
		r.k.t.Errorf("object %d is used but not held", o)
		return &fakeObject{}
	}
	return &r.objects[o-1]
}

func (r *Registry) newRef(f fakeRef) darwin.Ref {
	f.live = true
	r.refs = append(r.refs, f)
	return darwin.Ref(len(r.refs))
}

func (r *Registry) ref(f darwin.Ref) *fakeRef {
	if f == 0 || int(f) > len(r.refs) || !r.refs[f-1].live {
		r.k.t.Errorf("ref %d is used but not held", f)
		return &fakeRef{}
	}
	ref := &r.refs[f-1]
	if ref.parent != 0 {
		r.ref(ref.parent)
	}
	return ref
}

// MatchServices starts a walk over Disks.
func (r *Registry) MatchServices(class string) (darwin.Object, error) {
	if class != "IOBlockStorageDriver" {
		r.k.t.Errorf("class %q", class)
	}
	if err := r.k.step("MatchServices"); err != nil {
		return 0, err
	}
	// Forget what is not held, so that a long test does not grow.
	for len(r.objects) > 0 && !r.objects[len(r.objects)-1].live {
		r.objects = r.objects[:len(r.objects)-1]
	}
	for n := len(r.refs); n > 0 && !(r.refs[n-1].live && r.refs[n-1].owned); n-- {
		r.refs = r.refs[:n-1]
	}
	return r.newObject(fakeObject{kind: iteratorObject}), nil
}

// NextObject goes to the next disk.
func (r *Registry) NextObject(iterator darwin.Object) darwin.Object {
	it := r.object(iterator)
	if r.Endless {
		it.disk = 0
	}
	if r.k.step("NextObject") != nil || it.disk >= len(r.Disks) {
		return 0
	}
	it.disk++
	return r.newObject(fakeObject{kind: driverObject, disk: it.disk - 1})
}

// ChildObject is the medium in a disk.
func (r *Registry) ChildObject(o darwin.Object) (darwin.Object, error) {
	driver := r.object(o)
	if err := r.k.step("ChildObject"); err != nil {
		return 0, err
	}
	if r.Disks[driver.disk].NoMedium {
		return 0, darwin.KernReturn(0xe00002f0) // kIOReturnNotFound
	}
	return r.newObject(fakeObject{kind: mediaObject, disk: driver.disk}), nil
}

// ParentObject is the device of a disk.
func (r *Registry) ParentObject(o darwin.Object) (darwin.Object, error) {
	driver := r.object(o)
	if err := r.k.step("ParentObject"); err != nil {
		return 0, err
	}
	return r.newObject(fakeObject{kind: deviceObject, disk: driver.disk}), nil
}

// ReleaseObject lets an object go.
func (r *Registry) ReleaseObject(o darwin.Object) { r.object(o).live = false }

// NewString makes a string.
func (r *Registry) NewString(s string) darwin.Ref {
	if r.k.step("NewString") != nil {
		return 0
	}
	return r.newRef(fakeRef{kind: darwin.KindString, text: s, owned: true})
}

// CreateProperty answers what a disk or its medium has.
func (r *Registry) CreateProperty(o darwin.Object, key darwin.Ref) darwin.Ref {
	object, name := r.object(o), r.ref(key).text
	if r.k.step("CreateProperty") != nil {
		return 0
	}
	disk := &r.Disks[object.disk]
	f := fakeRef{disk: object.disk, owned: true}
	switch {
	case object.kind == mediaObject && name == "BSD Name" && !disk.NoName:
		f.kind, f.text = darwin.KindString, disk.Name
		if disk.OddName {
			f.kind = darwin.KindOther
		}
	case object.kind == driverObject && name == "Statistics" && !disk.NoStats:
		f.kind = darwin.KindDictionary
		if disk.OddStats {
			f.kind = darwin.KindOther
		}
	case object.kind == deviceObject && name == "Protocol Characteristics":
		f.kind, f.protocol = darwin.KindDictionary, true
	default:
		return 0
	}
	return r.newRef(f)
}

// Kind is what a ref was made as.
func (r *Registry) Kind(f darwin.Ref) darwin.Kind { return r.ref(f).kind }

// DictionaryValue lends a counter out.
func (r *Registry) DictionaryValue(dictionary, key darwin.Ref) darwin.Ref {
	d, name := r.ref(dictionary), r.ref(key).text
	if d.kind != darwin.KindDictionary {
		r.k.t.Error("DictionaryValue of what is no dictionary")
		return 0
	}
	if d.protocol && name == "Physical Interconnect Location" {
		location := "Internal"
		if r.Disks[d.disk].Image {
			location = "File"
		}
		return r.newRef(fakeRef{kind: darwin.KindString, text: location, parent: dictionary})
	}
	n, ok := r.Disks[d.disk].Statistics[name]
	if r.k.step("DictionaryValue") != nil || !ok {
		return 0
	}
	return r.newRef(fakeRef{kind: darwin.KindNumber, number: n, parent: dictionary})
}

// Int64 reads a counter.
func (r *Registry) Int64(number darwin.Ref) (int64, bool) {
	f := r.ref(number)
	if f.kind != darwin.KindNumber {
		r.k.t.Error("Int64 of what is no number")
	}
	return f.number, r.k.step("Int64") == nil
}

// Text reads a string.
func (r *Registry) Text(str darwin.Ref, buf []byte) (int, bool) {
	f := r.ref(str)
	if f.kind != darwin.KindString {
		r.k.t.Error("Text of what is no string")
	}
	return copy(buf, f.text), r.k.step("Text") == nil && len(f.text) < len(buf)
}

// ReleaseRef lets a ref go.
func (r *Registry) ReleaseRef(f darwin.Ref) {
	ref := r.ref(f)
	if !ref.owned {
		r.k.t.Errorf("ref %d is released but only borrowed", f)
	}
	ref.live = false
}
