package environ

const acpiTables = "/sys/firmware/acpi/tables"

// isFirecracker looks at the OEM id in the headers of the ACPI tables, which only
// root may read: six bytes at offset 10 (ACPI specification, 5.2.6). To
// everybody else a Firecracker guest is a KVM guest.
func (d *detector) isFirecracker() bool {
	for _, table := range []string{"DSDT", "APIC", "FACP"} {
		b, err := guarded(d, func() ([]byte, error) { return d.in.head(acpiTables+"/"+table, 36) })
		if err == nil && len(b) >= 16 && string(b[10:16]) == "FIRECK" {
			return true
		}
	}
	return false
}
