package darwin

// fakeDisk is a block storage driver and the medium below it.
type fakeDisk struct {
	name       string
	noMedium   bool
	noName     bool
	oddName    bool // the name is no string
	noStats    bool
	oddStats   bool // the statistics are no dictionary
	statistics map[string]int64
}

func newDisk(name string, n int64) fakeDisk {
	return fakeDisk{name: name, statistics: map[string]int64{
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
)

type fakeObject struct {
	kind objectKind
	disk int // of an iterator: the next one
	live bool
}

type fakeRef struct {
	kind   Kind
	text   string
	number int64
	disk   int
	owned  bool // came from Create or New
	live   bool
	parent Ref // of a borrowed one
}

// fakeRegistry keeps book of every handle and complains about a second release,
// a release of what is not ours, and a use after release.
type fakeRegistry struct {
	k       *fakeKernel
	disks   []fakeDisk
	objects []fakeObject // handle - 1
	refs    []fakeRef
}

// liveObjects and liveRefs count what was not released.
func (r *fakeRegistry) liveObjects() (n int) {
	for _, o := range r.objects {
		if o.live {
			n++
		}
	}
	return n
}

func (r *fakeRegistry) liveRefs() (n int) {
	for _, f := range r.refs {
		if f.live && f.owned {
			n++
		}
	}
	return n
}

func (r *fakeRegistry) newObject(o fakeObject) Object {
	o.live = true
	r.objects = append(r.objects, o)
	return Object(len(r.objects))
}

func (r *fakeRegistry) object(o Object) *fakeObject {
	if o == 0 || int(o) > len(r.objects) || !r.objects[o-1].live {
		r.k.t.Errorf("object %d is used but not held", o)
		return &fakeObject{}
	}
	return &r.objects[o-1]
}

func (r *fakeRegistry) newRef(f fakeRef) Ref {
	f.live = true
	r.refs = append(r.refs, f)
	return Ref(len(r.refs))
}

func (r *fakeRegistry) ref(f Ref) *fakeRef {
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

func (r *fakeRegistry) MatchServices(class string) (Object, error) {
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

func (r *fakeRegistry) NextObject(iterator Object) Object {
	it := r.object(iterator)
	if r.k.step("NextObject") != nil || it.disk >= len(r.disks) {
		return 0
	}
	it.disk++
	return r.newObject(fakeObject{kind: driverObject, disk: it.disk - 1})
}

func (r *fakeRegistry) ChildObject(o Object) (Object, error) {
	driver := r.object(o)
	if err := r.k.step("ChildObject"); err != nil {
		return 0, err
	}
	if r.disks[driver.disk].noMedium {
		return 0, KernReturn(0xe00002f0) // kIOReturnNotFound
	}
	return r.newObject(fakeObject{kind: mediaObject, disk: driver.disk}), nil
}

func (r *fakeRegistry) ReleaseObject(o Object) { r.object(o).live = false }

func (r *fakeRegistry) NewString(s string) Ref {
	if r.k.step("NewString") != nil {
		return 0
	}
	return r.newRef(fakeRef{kind: KindString, text: s, owned: true})
}

func (r *fakeRegistry) CreateProperty(o Object, key Ref) Ref {
	object, name := r.object(o), r.ref(key).text
	if r.k.step("CreateProperty") != nil {
		return 0
	}
	disk := &r.disks[object.disk]
	f := fakeRef{disk: object.disk, owned: true}
	switch {
	case object.kind == mediaObject && name == "BSD Name" && !disk.noName:
		f.kind, f.text = KindString, disk.name
		if disk.oddName {
			f.kind = KindOther
		}
	case object.kind == driverObject && name == "Statistics" && !disk.noStats:
		f.kind = KindDictionary
		if disk.oddStats {
			f.kind = KindOther
		}
	default:
		return 0
	}
	return r.newRef(f)
}

func (r *fakeRegistry) Kind(f Ref) Kind { return r.ref(f).kind }

func (r *fakeRegistry) DictionaryValue(dictionary, key Ref) Ref {
	d, name := r.ref(dictionary), r.ref(key).text
	if d.kind != KindDictionary {
		r.k.t.Error("DictionaryValue of what is no dictionary")
		return 0
	}
	n, ok := r.disks[d.disk].statistics[name]
	if r.k.step("DictionaryValue") != nil || !ok {
		return 0
	}
	return r.newRef(fakeRef{kind: KindNumber, number: n, parent: dictionary})
}

func (r *fakeRegistry) Int64(number Ref) (int64, bool) {
	f := r.ref(number)
	if f.kind != KindNumber {
		r.k.t.Error("Int64 of what is no number")
	}
	return f.number, r.k.step("Int64") == nil
}

func (r *fakeRegistry) Text(str Ref, buf []byte) (int, bool) {
	f := r.ref(str)
	if f.kind != KindString {
		r.k.t.Error("Text of what is no string")
	}
	return copy(buf, f.text), r.k.step("Text") == nil && len(f.text) < len(buf)
}

func (r *fakeRegistry) ReleaseRef(f Ref) {
	ref := r.ref(f)
	if !ref.owned {
		r.k.t.Errorf("ref %d is released but only borrowed", f)
	}
	ref.live = false
}
