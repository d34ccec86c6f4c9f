package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/sample"
	"github.com/cboxdk/resource-monitor/internal/snapshot"
)

// DiskIO counts what a block device did, or several together. Counts are
// cumulative and never go back.
//
// What is absent is 0 and Has is false for it; JSON leaves it out. In
// ScopeContainer the kernel has the bytes and operations alone, on v1 with the
// BFQ or CFQ scheduler the times too, and latencies of a device where it was
// told to print them.
type DiskIO struct {
	// Bytes that were read, written and discarded.
	ReadBytes    int64 `json:"read_bytes"`
	WriteBytes   int64 `json:"write_bytes"`
	DiscardBytes int64 `json:"discard_bytes"` // since Linux 4.18

	// Operations that completed.
	ReadOperations    int64 `json:"read_operations"`
	WriteOperations   int64 `json:"write_operations"`
	DiscardOperations int64 `json:"discard_operations"`
	FlushOperations   int64 `json:"flush_operations"` // since Linux 5.5

	// Operations joined with a neighbor before they were queued.
	ReadMerged    int64 `json:"read_merged"`
	WriteMerged   int64 `json:"write_merged"`
	DiscardMerged int64 `json:"discard_merged"`

	// Time that the operations took, summed over them: it may pass wall time.
	ReadSeconds    float64 `json:"read_seconds"`
	WriteSeconds   float64 `json:"write_seconds"`
	DiscardSeconds float64 `json:"discard_seconds"`
	FlushSeconds   float64 `json:"flush_seconds"`

	// Of it, the time in the scheduler's queue; ScopeContainer on v1 only.
	ReadWaitSeconds  float64 `json:"read_wait_seconds"`
	WriteWaitSeconds float64 `json:"write_wait_seconds"`

	// IOSeconds is the time during which a device had work, QueueSeconds the
	// same times the requests that waited or ran. Totals sum over the devices.
	IOSeconds    float64 `json:"io_seconds"`
	QueueSeconds float64 `json:"queue_seconds"`
	// InProgress is the requests that wait or run now.
	InProgress int64 `json:"in_progress"`

	present presence
}

// Has reports whether the number is there: FieldReadBytes for ReadBytes and so on.
func (d *DiskIO) Has(f Field) bool { return d.present.has(f) }

// IOStats is one reading of disk I/O.
//
// The numbers of the struct itself are totals over the devices that count each
// byte once: what lies on a device that is counted already (a partition,
// device-mapper, RAID, loop device) is left out. A device that leaves keeps
// what it counted; one that appears later counts from its first reading, and
// in a cgroup, for which the kernel lists a device from its first use on, from
// that use.
//
// In ScopeContainer they are those of the process's own cgroup and its
// descendants (io.stat, https://docs.kernel.org/admin-guide/cgroup-v2.html#io-interface-files;
// blkio.throttle.* and blkio.bfq.* on v1). A buffered write is charged to the
// cgroup that writes it back: on v1, and on file systems without cgroup
// writeback, that is the root. A cgroup that has done no I/O yet has no
// numbers. On v1 newer kernels (6.1 and later) count only what runs under BFQ or
// has a throttle; the zeros that they print for the rest are left out. In ScopeSystem they are the machine's
// (/proc/diskstats, https://docs.kernel.org/admin-guide/iostats.html); the
// kernel's counts of milliseconds have 32 bits, and what passes between the
// last reading before such a count starts anew and the next is lost.
//
// A *IOStats is a shared, immutable snapshot.
type IOStats struct {
	DiskIO
	// Devices are the single devices, stacked ones too, in the kernel's order. nil without Config.EnableDetailedIO.
	Devices []DeviceIOStats `json:"devices,omitzero"`
	// Pressure is PSI; nil where the kernel has none.
	Pressure *IOPressure `json:"pressure,omitzero"`
	// Scope says whose numbers these are.
	Scope Scope `json:"scope"`
	// Timestamp is when they were read.
	Timestamp time.Time `json:"timestamp"`
}

// MarshalJSON leaves absent numbers out.
func (s IOStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

// DeviceIOStats is one block device. The latencies are those of a v2 cgroup,
// printed by kernels that run with blk_cgroup.blkcg_debug_stats=1 and have
// io.latency or io.cost set.
type DeviceIOStats struct {
	// Name is the kernel's, such as sda or dm-0, or the number where nothing
	// tells the name. "unknown" are all devices together for which the kernel
	// itself has no name, such as the paths of NVMe multipath.
	Name string `json:"name"`
	// Number is "major:minor"; "" for what has none, as "unknown" and the paths of
	// NVMe multipath, and elsewhere than on Linux.
	Number string `json:"number,omitzero"`
	DiskIO
	// LatencySeconds is the moving average of a rotating disk's completions.
	LatencySeconds float64 `json:"latency_seconds"`
	// DelaySeconds is what io.latency makes a task wait.
	DelaySeconds float64 `json:"delay_seconds"`
	// QueueDepth is how many requests io.latency lets pass at once; absent: all.
	QueueDepth int64 `json:"queue_depth"`
	// CostWaitSeconds is what io.cost held requests back, cumulative.
	CostWaitSeconds float64 `json:"cost_wait_seconds"`
}

// MarshalJSON leaves absent numbers out.
func (s DeviceIOStats) MarshalJSON() ([]byte, error) { return marshalPresent(s, s.present) }

// IOPressure is io.pressure, or /proc/pressure/io in ScopeSystem.
type IOPressure = Pressure

func (m *Monitor) loadIO(ctx context.Context, parts sample.Parts) (*snapshot.Value[ioSnapshot], error) {
	if m.cfg.EnableDetailedIO {
		parts |= sample.PartDevices
	}
	return publish[sample.IO, IOStats, ioPublic]("GetIOStats", parts, &ioSamples, m.usage, func(s *sample.IO) error {
		return m.source.ReadIO(ctx, parts, s)
	})
}

// GetIOStats returns disk I/O, of each device too with Config.EnableDetailedIO.
// Its errors are those of GetMemoryStats; a container whose cgroup does
// not have the io controller is one whose cgroup cannot be read, unless it has the pressure.
func (m *Monitor) GetIOStats(ctx context.Context) (*IOStats, error) {
	if s := m.io.Peek(direct); s != nil && s.stats != nil {
		return s.stats, nil // as Get does, without its call
	}
	s, err := m.io.Get(ctx, direct)
	if err != nil {
		return nil, getterError("GetIOStats", err)
	}
	return s.stats, s.err
}
