package darwin

import (
	"errors"

	"github.com/cboxdk/resource-monitor/internal/sample"
)

// Disk is one block device, as its driver counts since it was attached. APFS
// volumes have no driver and are not listed.
type Disk struct {
	Name string // disk0; a name is used again after its disk is gone
	// Image says that the medium is a file: a mounted disk image, whose bytes
	// the disk that holds the file counts once more.
	Image bool
	Read  DiskTransfer
	Write DiskTransfer
}

// DiskTransfer is one direction.
type DiskTransfer struct {
	Bytes, Operations sample.OptUint
	Time              sample.OptUint // nanoseconds; operations in flight together add up
}

// The keys of the disk walk. Their CFStrings are made once.
const (
	keyStatistics = iota
	keyBSDName
	keyBytesRead
	keyBytesWrite
	keyOpsRead
	keyOpsWrite
	keyTimeRead
	keyTimeWrite
	keyProtocol
	keyLocation
	diskKeys
)

func diskKeyNames() [diskKeys]string {
	return [diskKeys]string{
		keyStatistics: "Statistics",
		keyBSDName:    "BSD Name",
		keyBytesRead:  "Bytes (Read)",
		keyBytesWrite: "Bytes (Write)",
		keyOpsRead:    "Operations (Read)",
		keyOpsWrite:   "Operations (Write)",
		keyTimeRead:   "Total Time (Read)",
		keyTimeWrite:  "Total Time (Write)",
		keyProtocol:   "Protocol Characteristics",
		keyLocation:   "Physical Interconnect Location",
	}
}

const blockStorageDriver = "IOBlockStorageDriver"

// maxDisks bounds a walk whose iterator does not end.
const maxDisks = 4096

var errNoMemory = errors.New("out of memory")

// DiskReader reads the disks. Close gives its keys back.
type DiskReader struct {
	kernel Kernel
	keys   [diskKeys]Ref
	names  interned
	buf    [128]byte
}

// NewDiskReader returns a reader over k.
func NewDiskReader(k Kernel) *DiskReader { return &DiskReader{kernel: k} }

// Read appends the disks to disks[:0]. A disk that disappears while it is
// read is left out.
func (r *DiskReader) Read(disks []Disk) ([]Disk, error) {
	disks = disks[:0]
	if err := r.makeKeys(); err != nil {
		return disks, err
	}
	iterator, err := r.kernel.MatchServices(blockStorageDriver)
	if err != nil {
		return disks, &CallError{Call: "IOServiceGetMatchingServices", Arg: blockStorageDriver, Err: err}
	}
	if iterator == 0 {
		return disks, nil
	}
	defer r.kernel.ReleaseObject(iterator)
	for range maxDisks {
		driver := r.kernel.NextObject(iterator)
		if driver == 0 {
			break
		}
		var d Disk
		if r.readDriver(driver, &d) {
			disks = append(disks, d)
		}
	}
	return disks, nil
}

// readDriver consumes driver.
func (r *DiskReader) readDriver(driver Object, d *Disk) bool {
	defer r.kernel.ReleaseObject(driver)
	name, ok := r.mediaName(driver)
	if !ok {
		return false
	}
	d.Name, d.Image = name, r.isImage(driver)
	return r.readStatistics(driver, d)
}

// mediaName returns the name of the medium in a driver. An empty card reader has none.
func (r *DiskReader) mediaName(driver Object) (string, bool) {
	media, err := r.kernel.ChildObject(driver)
	if err != nil || media == 0 {
		return "", false
	}
	defer r.kernel.ReleaseObject(media)
	value := r.kernel.CreateProperty(media, r.keys[keyBSDName])
	if value == 0 {
		return "", false
	}
	defer r.kernel.ReleaseRef(value)
	name := r.text(value)
	return r.names.get(name), len(name) > 0
}

// isImage asks the device that the driver drives. A device that does not say
// how it is attached is taken for a disk.
func (r *DiskReader) isImage(driver Object) bool {
	device, err := r.kernel.ParentObject(driver)
	if err != nil || device == 0 {
		return false
	}
	defer r.kernel.ReleaseObject(device)
	protocol := r.kernel.CreateProperty(device, r.keys[keyProtocol])
	if protocol == 0 {
		return false
	}
	defer r.kernel.ReleaseRef(protocol)
	if r.kernel.Kind(protocol) != KindDictionary {
		return false
	}
	location := r.kernel.DictionaryValue(protocol, r.keys[keyLocation])
	return location != 0 && string(r.text(location)) == "File"
}

// text returns a string inside r.buf, and nothing for what is none.
func (r *DiskReader) text(value Ref) []byte {
	if r.kernel.Kind(value) != KindString {
		return nil
	}
	n, ok := r.kernel.Text(value, r.buf[:])
	if !ok || n <= 0 || n > len(r.buf) {
		return nil
	}
	return r.buf[:n]
}

func (r *DiskReader) readStatistics(driver Object, d *Disk) bool {
	statistics := r.kernel.CreateProperty(driver, r.keys[keyStatistics])
	if statistics == 0 {
		return false
	}
	defer r.kernel.ReleaseRef(statistics)
	if r.kernel.Kind(statistics) != KindDictionary {
		return false
	}
	d.Read = DiskTransfer{
		Bytes:      r.number(statistics, keyBytesRead),
		Operations: r.number(statistics, keyOpsRead),
		Time:       r.number(statistics, keyTimeRead),
	}
	d.Write = DiskTransfer{
		Bytes:      r.number(statistics, keyBytesWrite),
		Operations: r.number(statistics, keyOpsWrite),
		Time:       r.number(statistics, keyTimeWrite),
	}
	return true
}

// number reads one counter. The dictionary keeps its values: nothing is released.
func (r *DiskReader) number(statistics Ref, key int) (o sample.OptUint) {
	value := r.kernel.DictionaryValue(statistics, r.keys[key])
	if value == 0 || r.kernel.Kind(value) != KindNumber {
		return o
	}
	if n, ok := r.kernel.Int64(value); ok && n >= 0 {
		o = sample.SomeUint(uint64(n))
	}
	return o
}

func (r *DiskReader) makeKeys() error {
	for i, name := range diskKeyNames() {
		if r.keys[i] != 0 {
			continue
		}
		if r.keys[i] = r.kernel.NewString(name); r.keys[i] == 0 {
			return &CallError{Call: "CFStringCreateWithCString", Arg: name, Err: errNoMemory}
		}
	}
	return nil
}

// Close releases the keys. A later Read makes them again.
func (r *DiskReader) Close() {
	for i, key := range r.keys {
		if key != 0 {
			r.kernel.ReleaseRef(key)
		}
		r.keys[i] = 0
	}
}
