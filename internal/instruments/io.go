package instruments

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/cboxdk/resource-monitor/internal/counter"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

type ioSample = sample.IO

// IO is the table of the I/O collector.
func IO() []Row[sample.IO] {
	return append(reading(sample.PartCgroup, containerIO()), reading(sample.PartSystem, systemIO())...)
}

func ownDisks(s *ioSample) *sample.Disks    { return &s.Cgroup }
func systemDisks(s *ioSample) *sample.Disks { return &s.System }

func containerIO() []Row[ioSample] {
	const note = "no point before the first I/O; a buffered write counts for the cgroup that writes it back"
	return []Row[ioSample]{
		fromUse(disk(ownDisks, Metric{
			Name: "container.disk.io", Unit: "By", Kind: Counter, Scope: Container, Standard: true,
			Description: "Disk bytes for the container.", Note: note,
		}, readBytes, writtenBytes)),
		fromUse(disk(ownDisks, Metric{
			Name: "container.disk.operations", Unit: "{operation}", Kind: Counter, Scope: Container,
			Description: "Disk operations of the container.", PriorArt: "system.disk.operations", Note: note,
		}, reads, writes)),
		pressureTime(Container, "io", func(s *ioSample) *sample.Pressure { return &s.Cgroup.Pressure }),
		pressureRatio(Container, "io", func(s *ioSample) *sample.Pressure { return &s.Cgroup.Pressure }),
	}
}

func systemIO() []Row[ioSample] {
	metric := func(name, unit, description, note string) Metric {
		return Metric{
			Name: name, Unit: unit, Kind: Counter, Float: unit == "s", Scope: System, Standard: true,
			Description: description, Note: note,
		}
	}
	return []Row[ioSample]{
		disk(systemDisks, metric("system.disk.io", "By", "Disk bytes transferred.", ""), readBytes, writtenBytes),
		disk(systemDisks, metric("system.disk.operations", "{operation}", "Disk operations count.", ""), reads, writes),
		disk(systemDisks, metric("system.disk.operation_time", "s", "Sum of the time each operation took to complete.", ""),
			direction{semconv.DiskIODirectionRead, func(d *sample.Disk) sample.OptUint { return d.Read.Time }},
			direction{semconv.DiskIODirectionWrite, func(d *sample.Disk) sample.OptUint { return d.Write.Time }}),
		disk(systemDisks, metric("system.disk.io_time", "s", "Time disk spent activated.", "the total sums over the disks"),
			direction{read: func(d *sample.Disk) sample.OptUint { return d.IOTime }}),
		disk(systemDisks, metric("system.disk.merged", "{operation}",
			"The number of disk reads/writes merged into single physical disk access operations.", ""),
			direction{semconv.DiskIODirectionRead, func(d *sample.Disk) sample.OptUint { return d.Read.Merged }},
			direction{semconv.DiskIODirectionWrite, func(d *sample.Disk) sample.OptUint { return d.Write.Merged }}),
		pressureTime(System, "io", func(s *ioSample) *sample.Pressure { return &s.System.Pressure }),
	}
}

// direction is one number of a disk, with its disk.io.direction where it has one.
type direction struct {
	attribute.KeyValue
	read func(*sample.Disk) sample.OptUint
}

var (
	readBytes    = direction{semconv.DiskIODirectionRead, func(d *sample.Disk) sample.OptUint { return d.Read.Bytes }}
	writtenBytes = direction{semconv.DiskIODirectionWrite, func(d *sample.Disk) sample.OptUint { return d.Write.Bytes }}
	reads        = direction{semconv.DiskIODirectionRead, func(d *sample.Disk) sample.OptUint { return d.Read.Operations }}
	writes       = direction{semconv.DiskIODirectionWrite, func(d *sample.Disk) sample.OptUint { return d.Write.Operations }}
)

// disk is a row of the total, or, with details, of each device.
func disk(of func(*ioSample) *sample.Disks, m Metric, numbers ...direction) Row[ioSample] {
	r := Row[ioSample]{Metric: m, Items: &Items[ioSample]{
		Detail:     PerDevice,
		Len:        func(s *ioSample) int { return len(of(s).Devices) },
		Key:        func(s *ioSample, i int) ItemKey { return ItemKey{Name: of(s).Devices[i].Name} },
		Attributes: named(semconv.SystemDevice),
		Source:     func(s *ioSample, i int) counter.Source { return counter.Source(of(s).Devices[i].Series) },
	}}
	for _, n := range numbers {
		var attrs []attribute.KeyValue
		if n.Valid() {
			attrs = attr(n.KeyValue)
		}
		per := 1.0
		if m.Float {
			per = nanos
		}
		r.Series = append(r.Series, point(attrs, per, func(s *ioSample) sample.OptUint { return n.read(&of(s).Total) }))
		r.Items.Series = append(r.Items.Series, Series[ioSample]{
			Attributes: attrs, Per: per,
			Uint: func(s *ioSample, i int) sample.OptUint { return n.read(&of(s).Devices[i]) },
		})
	}
	return r
}

// fromUse is for a cgroup's disks: the kernel lists a device from its first use on.
func fromUse(r Row[ioSample]) Row[ioSample] {
	r.Since = func(s *ioSample, i int) time.Time {
		if i < 0 {
			return s.Cgroup.Since
		}
		return s.Cgroup.Devices[i].Since
	}
	return r
}
