#include "textflag.h"

// One jump per imported function, and its address for the Go side. An import
// is used nowhere else: the linker of Go writes no bind entry for imported
// data, which would be NULL when the program runs.

TEXT cboxrm_mach_host_self_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_mach_host_self(SB)
GLOBL	·addr_mach_host_self(SB), RODATA, $8
DATA	·addr_mach_host_self(SB)/8, $cboxrm_mach_host_self_trampoline<>(SB)

TEXT cboxrm_mach_task_self_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_mach_task_self(SB)
GLOBL	·addr_mach_task_self(SB), RODATA, $8
DATA	·addr_mach_task_self(SB)/8, $cboxrm_mach_task_self_trampoline<>(SB)

TEXT cboxrm_host_page_size_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_host_page_size(SB)
GLOBL	·addr_host_page_size(SB), RODATA, $8
DATA	·addr_host_page_size(SB)/8, $cboxrm_host_page_size_trampoline<>(SB)

TEXT cboxrm_host_processor_info_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_host_processor_info(SB)
GLOBL	·addr_host_processor_info(SB), RODATA, $8
DATA	·addr_host_processor_info(SB)/8, $cboxrm_host_processor_info_trampoline<>(SB)

TEXT cboxrm_host_statistics64_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_host_statistics64(SB)
GLOBL	·addr_host_statistics64(SB), RODATA, $8
DATA	·addr_host_statistics64(SB)/8, $cboxrm_host_statistics64_trampoline<>(SB)

TEXT cboxrm_vm_deallocate_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_vm_deallocate(SB)
GLOBL	·addr_vm_deallocate(SB), RODATA, $8
DATA	·addr_vm_deallocate(SB)/8, $cboxrm_vm_deallocate_trampoline<>(SB)

TEXT cboxrm_task_info_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_task_info(SB)
GLOBL	·addr_task_info(SB), RODATA, $8
DATA	·addr_task_info(SB)/8, $cboxrm_task_info_trampoline<>(SB)

TEXT cboxrm_proc_pid_rusage_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_proc_pid_rusage(SB)
GLOBL	·addr_proc_pid_rusage(SB), RODATA, $8
DATA	·addr_proc_pid_rusage(SB)/8, $cboxrm_proc_pid_rusage_trampoline<>(SB)

TEXT cboxrm_proc_pidinfo_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_proc_pidinfo(SB)
GLOBL	·addr_proc_pidinfo(SB), RODATA, $8
DATA	·addr_proc_pidinfo(SB)/8, $cboxrm_proc_pidinfo_trampoline<>(SB)

TEXT cboxrm_notify_register_check_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_notify_register_check(SB)
GLOBL	·addr_notify_register_check(SB), RODATA, $8
DATA	·addr_notify_register_check(SB)/8, $cboxrm_notify_register_check_trampoline<>(SB)

TEXT cboxrm_notify_get_state_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_notify_get_state(SB)
GLOBL	·addr_notify_get_state(SB), RODATA, $8
DATA	·addr_notify_get_state(SB)/8, $cboxrm_notify_get_state_trampoline<>(SB)

TEXT cboxrm_sysctl_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_sysctl(SB)
GLOBL	·addr_sysctl(SB), RODATA, $8
DATA	·addr_sysctl(SB)/8, $cboxrm_sysctl_trampoline<>(SB)

TEXT cboxrm_sysctlbyname_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_sysctlbyname(SB)
GLOBL	·addr_sysctlbyname(SB), RODATA, $8
DATA	·addr_sysctlbyname(SB)/8, $cboxrm_sysctlbyname_trampoline<>(SB)

TEXT cboxrm_IOServiceMatching_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IOServiceMatching(SB)
GLOBL	·addr_IOServiceMatching(SB), RODATA, $8
DATA	·addr_IOServiceMatching(SB)/8, $cboxrm_IOServiceMatching_trampoline<>(SB)

TEXT cboxrm_IOServiceGetMatchingServices_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IOServiceGetMatchingServices(SB)
GLOBL	·addr_IOServiceGetMatchingServices(SB), RODATA, $8
DATA	·addr_IOServiceGetMatchingServices(SB)/8, $cboxrm_IOServiceGetMatchingServices_trampoline<>(SB)

TEXT cboxrm_IOIteratorNext_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IOIteratorNext(SB)
GLOBL	·addr_IOIteratorNext(SB), RODATA, $8
DATA	·addr_IOIteratorNext(SB)/8, $cboxrm_IOIteratorNext_trampoline<>(SB)

TEXT cboxrm_IOObjectRelease_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IOObjectRelease(SB)
GLOBL	·addr_IOObjectRelease(SB), RODATA, $8
DATA	·addr_IOObjectRelease(SB)/8, $cboxrm_IOObjectRelease_trampoline<>(SB)

TEXT cboxrm_IORegistryEntryGetChildEntry_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IORegistryEntryGetChildEntry(SB)
GLOBL	·addr_IORegistryEntryGetChildEntry(SB), RODATA, $8
DATA	·addr_IORegistryEntryGetChildEntry(SB)/8, $cboxrm_IORegistryEntryGetChildEntry_trampoline<>(SB)

TEXT cboxrm_IORegistryEntryGetParentEntry_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IORegistryEntryGetParentEntry(SB)
GLOBL	·addr_IORegistryEntryGetParentEntry(SB), RODATA, $8
DATA	·addr_IORegistryEntryGetParentEntry(SB)/8, $cboxrm_IORegistryEntryGetParentEntry_trampoline<>(SB)

TEXT cboxrm_IORegistryEntryCreateCFProperty_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_IORegistryEntryCreateCFProperty(SB)
GLOBL	·addr_IORegistryEntryCreateCFProperty(SB), RODATA, $8
DATA	·addr_IORegistryEntryCreateCFProperty(SB)/8, $cboxrm_IORegistryEntryCreateCFProperty_trampoline<>(SB)

TEXT cboxrm_CFStringCreateWithCString_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFStringCreateWithCString(SB)
GLOBL	·addr_CFStringCreateWithCString(SB), RODATA, $8
DATA	·addr_CFStringCreateWithCString(SB)/8, $cboxrm_CFStringCreateWithCString_trampoline<>(SB)

TEXT cboxrm_CFStringGetCString_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFStringGetCString(SB)
GLOBL	·addr_CFStringGetCString(SB), RODATA, $8
DATA	·addr_CFStringGetCString(SB)/8, $cboxrm_CFStringGetCString_trampoline<>(SB)

TEXT cboxrm_CFStringGetTypeID_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFStringGetTypeID(SB)
GLOBL	·addr_CFStringGetTypeID(SB), RODATA, $8
DATA	·addr_CFStringGetTypeID(SB)/8, $cboxrm_CFStringGetTypeID_trampoline<>(SB)

TEXT cboxrm_CFDictionaryGetValue_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFDictionaryGetValue(SB)
GLOBL	·addr_CFDictionaryGetValue(SB), RODATA, $8
DATA	·addr_CFDictionaryGetValue(SB)/8, $cboxrm_CFDictionaryGetValue_trampoline<>(SB)

TEXT cboxrm_CFDictionaryGetTypeID_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFDictionaryGetTypeID(SB)
GLOBL	·addr_CFDictionaryGetTypeID(SB), RODATA, $8
DATA	·addr_CFDictionaryGetTypeID(SB)/8, $cboxrm_CFDictionaryGetTypeID_trampoline<>(SB)

TEXT cboxrm_CFNumberGetValue_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFNumberGetValue(SB)
GLOBL	·addr_CFNumberGetValue(SB), RODATA, $8
DATA	·addr_CFNumberGetValue(SB)/8, $cboxrm_CFNumberGetValue_trampoline<>(SB)

TEXT cboxrm_CFNumberGetTypeID_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFNumberGetTypeID(SB)
GLOBL	·addr_CFNumberGetTypeID(SB), RODATA, $8
DATA	·addr_CFNumberGetTypeID(SB)/8, $cboxrm_CFNumberGetTypeID_trampoline<>(SB)

TEXT cboxrm_CFGetTypeID_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFGetTypeID(SB)
GLOBL	·addr_CFGetTypeID(SB), RODATA, $8
DATA	·addr_CFGetTypeID(SB)/8, $cboxrm_CFGetTypeID_trampoline<>(SB)

TEXT cboxrm_CFRelease_trampoline<>(SB),NOSPLIT,$0-0
	JMP	cboxrm_CFRelease(SB)
GLOBL	·addr_CFRelease(SB), RODATA, $8
DATA	·addr_CFRelease(SB)/8, $cboxrm_CFRelease_trampoline<>(SB)
