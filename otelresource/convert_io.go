package otelresource

import (
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// ioPublic is an IOStats and what it points to.
type ioPublic struct {
	IOStats
	stalls stalls
}

// convert makes the public struct, or says why there is none.
func (s *ioPublic) convert(read *sample.IO, _ *usage) (*IOStats, error) {
	from, to, cause := &read.System, &s.IOStats, read.SystemErr
	to.Timestamp, to.Scope = read.Time, ScopeSystem
	if read.Own {
		from, to.Scope, cause = &read.Cgroup, ScopeContainer, read.Err
	}
	to.Pressure = s.stalls.convert(&from.Pressure)
	if cause != nil && to.Pressure == nil {
		return nil, toError("GetIOStats", cause)
	}
	to.set(&from.Total)
	if len(from.Devices) > 0 {
		to.Devices = make([]DeviceIOStats, len(from.Devices))
	}
	for i := range to.Devices {
		to.Devices[i].set(&from.Devices[i])
	}
	return to, nil
}

func (d *DiskIO) set(from *sample.Disk) {
	p := &d.present
	setInt(p, FieldReadBytes, &d.ReadBytes, from.Read.Bytes)
	setInt(p, FieldWriteBytes, &d.WriteBytes, from.Write.Bytes)
	setInt(p, FieldDiscardBytes, &d.DiscardBytes, from.Discard.Bytes)
	setInt(p, FieldReadOperations, &d.ReadOperations, from.Read.Operations)
	setInt(p, FieldWriteOperations, &d.WriteOperations, from.Write.Operations)
	setInt(p, FieldDiscardOperations, &d.DiscardOperations, from.Discard.Operations)
	setInt(p, FieldFlushOperations, &d.FlushOperations, from.Flushes)
	setInt(p, FieldReadMerged, &d.ReadMerged, from.Read.Merged)
	setInt(p, FieldWriteMerged, &d.WriteMerged, from.Write.Merged)
	setInt(p, FieldDiscardMerged, &d.DiscardMerged, from.Discard.Merged)
	setSeconds(p, FieldReadSeconds, &d.ReadSeconds, from.Read.Time, 1e9)
	setSeconds(p, FieldWriteSeconds, &d.WriteSeconds, from.Write.Time, 1e9)
	setSeconds(p, FieldDiscardSeconds, &d.DiscardSeconds, from.Discard.Time, 1e9)
	setSeconds(p, FieldFlushSeconds, &d.FlushSeconds, from.FlushTime, 1e9)
	setSeconds(p, FieldReadWaitSeconds, &d.ReadWaitSeconds, from.Read.Wait, 1e9)
	setSeconds(p, FieldWriteWaitSeconds, &d.WriteWaitSeconds, from.Write.Wait, 1e9)
	setSeconds(p, FieldIOSeconds, &d.IOSeconds, from.IOTime, 1e9)
	setSeconds(p, FieldQueueSeconds, &d.QueueSeconds, from.QueueTime, 1e9)
	setInt(p, FieldInProgress, &d.InProgress, from.InProgress)
}

func (s *DeviceIOStats) set(from *sample.Disk) {
	s.DiskIO.set(from)
	s.Name, s.Number = from.Name, from.Number
	p, l := &s.present, &from.Latency
	setSeconds(p, FieldLatencySeconds, &s.LatencySeconds, l.Average, 1e9)
	setSeconds(p, FieldDelaySeconds, &s.DelaySeconds, l.Delay, 1e9)
	setInt(p, FieldQueueDepth, &s.QueueDepth, l.QueueDepth)
	setSeconds(p, FieldCostWaitSeconds, &s.CostWaitSeconds, l.CostWait, 1e9)
}
