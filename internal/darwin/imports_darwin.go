package darwin

// The functions that the dynamic linker binds when the program starts. All
// exist since macOS 10.9 or before: one that is missing would keep the program
// from starting. The names on our side are global to the link, hence the prefix.

//go:cgo_import_dynamic cboxrm_mach_host_self mach_host_self "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_mach_task_self mach_task_self "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_host_page_size host_page_size "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_host_processor_info host_processor_info "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_host_statistics64 host_statistics64 "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_vm_deallocate vm_deallocate "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_task_info task_info "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_proc_pid_rusage proc_pid_rusage "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_proc_pidinfo proc_pidinfo "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_notify_register_check notify_register_check "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_notify_get_state notify_get_state "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_sysctl sysctl "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_sysctlbyname sysctlbyname "/usr/lib/libSystem.B.dylib"
//go:cgo_import_dynamic cboxrm_IOServiceMatching IOServiceMatching "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IOServiceGetMatchingServices IOServiceGetMatchingServices "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IOIteratorNext IOIteratorNext "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IOObjectRelease IOObjectRelease "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IORegistryEntryGetChildEntry IORegistryEntryGetChildEntry "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IORegistryEntryGetParentEntry IORegistryEntryGetParentEntry "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_IORegistryEntryCreateCFProperty IORegistryEntryCreateCFProperty "/System/Library/Frameworks/IOKit.framework/Versions/A/IOKit"
//go:cgo_import_dynamic cboxrm_CFStringCreateWithCString CFStringCreateWithCString "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFStringGetCString CFStringGetCString "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFStringGetTypeID CFStringGetTypeID "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFDictionaryGetValue CFDictionaryGetValue "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFDictionaryGetTypeID CFDictionaryGetTypeID "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFNumberGetValue CFNumberGetValue "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFNumberGetTypeID CFNumberGetTypeID "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFGetTypeID CFGetTypeID "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"
//go:cgo_import_dynamic cboxrm_CFRelease CFRelease "/System/Library/Frameworks/CoreFoundation.framework/Versions/A/CoreFoundation"

// The addresses of the trampolines, set by the assembly.
var (
	addr_mach_host_self                  uintptr
	addr_mach_task_self                  uintptr
	addr_host_page_size                  uintptr
	addr_host_processor_info             uintptr
	addr_host_statistics64               uintptr
	addr_vm_deallocate                   uintptr
	addr_task_info                       uintptr
	addr_proc_pid_rusage                 uintptr
	addr_proc_pidinfo                    uintptr
	addr_notify_register_check           uintptr
	addr_notify_get_state                uintptr
	addr_sysctl                          uintptr
	addr_sysctlbyname                    uintptr
	addr_IOServiceMatching               uintptr
	addr_IOServiceGetMatchingServices    uintptr
	addr_IOIteratorNext                  uintptr
	addr_IOObjectRelease                 uintptr
	addr_IORegistryEntryGetChildEntry    uintptr
	addr_IORegistryEntryGetParentEntry   uintptr
	addr_IORegistryEntryCreateCFProperty uintptr
	addr_CFStringCreateWithCString       uintptr
	addr_CFStringGetCString              uintptr
	addr_CFStringGetTypeID               uintptr
	addr_CFDictionaryGetValue            uintptr
	addr_CFDictionaryGetTypeID           uintptr
	addr_CFNumberGetValue                uintptr
	addr_CFNumberGetTypeID               uintptr
	addr_CFGetTypeID                     uintptr
	addr_CFRelease                       uintptr
)
