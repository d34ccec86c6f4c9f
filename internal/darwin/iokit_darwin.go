package darwin

import (
	"bytes"
	"syscall"
	"unsafe"
)

const (
	encodingUTF8 = 0x08000100 // kCFStringEncodingUTF8
	numberSInt64 = 4          // kCFNumberSInt64Type
	// mainPort is MACH_PORT_NULL, which stands for the main port of IOKit in every
	// macOS. Its constant and its function were renamed in macOS 12.
	mainPort = 0
)

func (s *system) MatchServices(class string) (Object, error) {
	var c cString
	if !c.set(class) {
		return 0, syscall.EINVAL
	}
	matching, _, _ := syscall6(addr_IOServiceMatching, uintptr(unsafe.Pointer(&c)), 0, 0, 0, 0, 0)
	if matching == 0 {
		return 0, ErrNoAnswer
	}
	// The call consumes matching, also where it fails.
	var iterator uint32
	kr, _, _ := syscall6(addr_IOServiceGetMatchingServices, mainPort, matching,
		uintptr(unsafe.Pointer(&iterator)), 0, 0, 0)
	return Object(iterator), kernReturn(kr)
}

func (s *system) NextObject(iterator Object) Object {
	o, _, _ := syscall6(addr_IOIteratorNext, uintptr(iterator), 0, 0, 0, 0, 0)
	return Object(uint32(o))
}

func (s *system) ChildObject(o Object) (Object, error) {
	var plane cString
	plane.set("IOService")
	var child uint32
	kr, _, _ := syscall6(addr_IORegistryEntryGetChildEntry, uintptr(o), uintptr(unsafe.Pointer(&plane)),
		uintptr(unsafe.Pointer(&child)), 0, 0, 0)
	return Object(child), kernReturn(kr)
}

func (s *system) ParentObject(o Object) (Object, error) {
	var plane cString
	plane.set("IOService")
	var parent uint32
	kr, _, _ := syscall6(addr_IORegistryEntryGetParentEntry, uintptr(o), uintptr(unsafe.Pointer(&plane)),
		uintptr(unsafe.Pointer(&parent)), 0, 0, 0)
	return Object(parent), kernReturn(kr)
}

func (s *system) ReleaseObject(o Object) {
	_, _, _ = syscall6(addr_IOObjectRelease, uintptr(o), 0, 0, 0, 0, 0)
}

func (s *system) NewString(text string) Ref {
	var c cString
	if !c.set(text) {
		return 0
	}
	ref, _, _ := syscall6(addr_CFStringCreateWithCString, 0, uintptr(unsafe.Pointer(&c)), encodingUTF8, 0, 0, 0)
	return Ref(ref)
}

func (s *system) CreateProperty(o Object, key Ref) Ref {
	ref, _, _ := syscall6(addr_IORegistryEntryCreateCFProperty, uintptr(o), uintptr(key), 0, 0, 0, 0)
	return Ref(ref)
}

func (s *system) Kind(r Ref) Kind {
	id, _, _ := syscall6(addr_CFGetTypeID, uintptr(r), 0, 0, 0, 0, 0)
	switch id {
	case s.dictionary:
		return KindDictionary
	case s.number:
		return KindNumber
	case s.str:
		return KindString
	}
	return KindOther
}

func (s *system) DictionaryValue(dictionary, key Ref) Ref {
	ref, _, _ := syscall6(addr_CFDictionaryGetValue, uintptr(dictionary), uintptr(key), 0, 0, 0, 0)
	return Ref(ref)
}

func (s *system) Int64(number Ref) (int64, bool) {
	var n int64
	ok, _, _ := syscall6(addr_CFNumberGetValue, uintptr(number), numberSInt64, uintptr(unsafe.Pointer(&n)), 0, 0, 0)
	return n, uint8(ok) != 0
}

func (s *system) Text(str Ref, buf []byte) (int, bool) {
	ok, _, _ := syscall6(addr_CFStringGetCString, uintptr(str), uintptr(unsafe.Pointer(unsafe.SliceData(buf))),
		uintptr(len(buf)), encodingUTF8, 0, 0)
	n := bytes.IndexByte(buf, 0)
	return n, uint8(ok) != 0 && n >= 0
}

func (s *system) ReleaseRef(r Ref) {
	_, _, _ = syscall6(addr_CFRelease, uintptr(r), 0, 0, 0, 0, 0)
}
