package otelresource

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
)

// Field names a number that a statistics struct may not have; see its Has method.
type Field uint8

// The fields, each named after the struct field it stands for.
const (
	FieldUsageBytes Field = iota
	FieldAvailableBytes
	FieldLimitBytes
	FieldRSSBytes
	FieldCacheBytes
	FieldWorkingSetBytes
	FieldSwapUsageBytes
	FieldSwapLimitBytes
	FieldUsagePercent
	FieldUsageCores
	FieldUsageSeconds
	FieldUserSeconds
	FieldSystemSeconds
	FieldAvailableCores
	FieldLimitCores
	FieldShares
	FieldWeight
	FieldQuotaPeriodUs
	FieldQuotaUs
	FieldLow
	FieldHigh
	FieldMax
	FieldOOM
	FieldOOMKill
	FieldOOMGroupKill
	FieldPeriods
	FieldThrottledPeriods
	FieldThrottledSeconds
	FieldBurstPeriods
	FieldBurstSeconds
	FieldReadBytes
	FieldWriteBytes
	FieldDiscardBytes
	FieldReadOperations
	FieldWriteOperations
	FieldDiscardOperations
	FieldReadMerged
	FieldWriteMerged
	FieldDiscardMerged
	FieldReadSeconds
	FieldWriteSeconds
	FieldDiscardSeconds
	FieldReadWaitSeconds
	FieldWriteWaitSeconds
	FieldFlushOperations
	FieldFlushSeconds
	FieldIOSeconds
	FieldQueueSeconds
	FieldInProgress
	FieldLatencySeconds
	FieldDelaySeconds
	FieldQueueDepth
	FieldCostWaitSeconds
	FieldFail
	FieldReceiveBytes
	FieldTransmitBytes
	FieldReceivePackets
	FieldTransmitPackets
	FieldReceiveErrors
	FieldTransmitErrors
	FieldReceiveDropped
	FieldTransmitDropped
	FieldReceiveErrorRate
	FieldTransmitErrorRate
	FieldReceiveUtilization
	FieldTransmitUtilization
	FieldLinkSpeed
	FieldHighBytes
	numFields
)

// fieldNames are the JSON names, by which a struct field finds its Field.
var fieldNames = [numFields]string{
	FieldUsageBytes: "usage_bytes", FieldAvailableBytes: "available_bytes", FieldLimitBytes: "limit_bytes",
	FieldRSSBytes: "rss_bytes", FieldCacheBytes: "cache_bytes", FieldWorkingSetBytes: "working_set_bytes",
	FieldSwapUsageBytes: "swap_usage_bytes", FieldSwapLimitBytes: "swap_limit_bytes",
	FieldUsagePercent: "usage_percent", FieldUsageCores: "usage_cores", FieldUsageSeconds: "usage_seconds",
	FieldUserSeconds: "user_seconds", FieldSystemSeconds: "system_seconds", FieldAvailableCores: "available_cores",
	FieldLimitCores: "limit_cores", FieldShares: "shares", FieldWeight: "weight",
	FieldQuotaPeriodUs: "quota_period_us", FieldQuotaUs: "quota_us",
	FieldLow: "low", FieldHigh: "high", FieldMax: "max", FieldOOM: "oom", FieldOOMKill: "oom_kill", FieldOOMGroupKill: "oom_group_kill",
	FieldPeriods: "periods", FieldThrottledPeriods: "throttled_periods", FieldThrottledSeconds: "throttled_seconds",
	FieldBurstPeriods: "burst_periods", FieldBurstSeconds: "burst_seconds",
	FieldReadBytes: "read_bytes", FieldWriteBytes: "write_bytes", FieldDiscardBytes: "discard_bytes",
	FieldReadOperations: "read_operations", FieldWriteOperations: "write_operations", FieldDiscardOperations: "discard_operations",
	FieldReadMerged: "read_merged", FieldWriteMerged: "write_merged", FieldDiscardMerged: "discard_merged",
	FieldReadSeconds: "read_seconds", FieldWriteSeconds: "write_seconds", FieldDiscardSeconds: "discard_seconds",
	FieldReadWaitSeconds: "read_wait_seconds", FieldWriteWaitSeconds: "write_wait_seconds",
	FieldFlushOperations: "flush_operations", FieldFlushSeconds: "flush_seconds",
	FieldIOSeconds: "io_seconds", FieldQueueSeconds: "queue_seconds", FieldInProgress: "in_progress",
	FieldLatencySeconds: "latency_seconds", FieldDelaySeconds: "delay_seconds",
	FieldQueueDepth: "queue_depth", FieldCostWaitSeconds: "cost_wait_seconds",
	FieldFail:         "fail",
	FieldReceiveBytes: "receive_bytes", FieldTransmitBytes: "transmit_bytes", FieldReceivePackets: "receive_packets",
	FieldTransmitPackets: "transmit_packets", FieldReceiveErrors: "receive_errors", FieldTransmitErrors: "transmit_errors",
	FieldReceiveDropped: "receive_dropped", FieldTransmitDropped: "transmit_dropped", FieldReceiveErrorRate: "receive_error_rate",
	FieldTransmitErrorRate: "transmit_error_rate", FieldReceiveUtilization: "receive_utilization", FieldTransmitUtilization: "transmit_utilization",
	FieldLinkSpeed: "link_speed", FieldHighBytes: "high_bytes",
}

// String returns the field's name as JSON has it.
func (f Field) String() string {
	if f < numFields {
		return fieldNames[f]
	}
	return "unknown"
}

// presence is the set of fields that a struct has.
type presence [(numFields + 63) / 64]uint64

func (p presence) has(f Field) bool { return f < numFields && p[f/64]>>(f%64)&1 == 1 }

func (p *presence) set(f Field) { p[f/64] |= 1 << (f % 64) }

func (p presence) empty() bool { return p == presence{} }

// marshalPresent writes a struct as JSON without the numbers that are absent:
// a reader of JSON must not meet a zero that nobody measured.
func marshalPresent(v any, p presence) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if err := writePresent(&b, reflect.ValueOf(v), p); err != nil {
		return nil, err
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func writePresent(b *bytes.Buffer, v reflect.Value, p presence) error {
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Anonymous {
			if err := writePresent(b, v.Field(i), p); err != nil {
				return err
			}
			continue
		}
		name, options, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" || name == "-" || absent(name, p) || options == "omitzero" && v.Field(i).IsZero() {
			continue
		}
		text, err := json.Marshal(v.Field(i).Interface())
		if err != nil {
			return err
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(`"` + name + `":`)
		b.Write(text)
	}
	return nil
}

func absent(name string, p presence) bool {
	for f, n := range fieldNames {
		if n == name {
			return !p.has(Field(f))
		}
	}
	return false
}
