package engine

import (
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/sample"
)

// macLimits lists every limit of the process. The machine's size is the
// effective one; RLIMIT_AS bounds mappings, not memory in use.
type macLimits struct {
	gate
	engine *mac
	reader *darwin.LimitsReader
	raw    darwin.Limits
}

func newMacLimits(m *mac) *macLimits {
	c := &macLimits{engine: m, reader: darwin.NewLimitsReader(m.kernel)}
	c.free = nothing
	return c
}

func (c *macLimits) read(now time.Time, s *sample.Limits) error {
	err := c.reader.Read(&c.raw)
	c.engine.failed("limits", err)
	*s = sample.Limits{Time: now}
	raw, host := &c.raw, c.engine.cfg.hostSource()
	if n, ok := raw.Memory.Get(); ok {
		s.Memory = sample.Limit[uint64]{Value: n, Source: host, File: "hw.memsize"}
	}
	if n, ok := raw.CPUs.Get(); ok && n > 0 {
		s.CPU = sample.Limit[float64]{Value: float64(n), Source: host, File: "hw.logicalcpu"}
	}
	for _, l := range []struct {
		kind, unit string
		value      sample.OptUint
		source     sample.Source
		file       string
	}{
		{"memory", "By", raw.Memory, host, "hw.memsize"},
		{"memory.footprint", "By", raw.Footprint, sample.SourceProcess, ""},
		{"cpu", "{cpu}", raw.CPUs, host, "hw.logicalcpu"},
		{"rlimit.as", "By", raw.AddressSpace, sample.SourceProcess, ""},
		{"rlimit.nofile", "{file_descriptor}", raw.OpenFiles, sample.SourceProcess, ""},
		{"rlimit.nproc", "{process}", raw.Processes, sample.SourceProcess, ""},
		{"maxfilesperproc", "{file_descriptor}", raw.FilesPerProcess, sample.SourceHost, "kern.maxfilesperproc"},
		{"maxprocperuid", "{process}", raw.ProcessesPerUser, sample.SourceHost, "kern.maxprocperuid"},
	} {
		if n, ok := l.value.Get(); ok {
			s.Entries = append(s.Entries, sample.LimitEntry{Kind: l.kind, Value: float64(n), Unit: l.unit, Source: l.source, File: l.file})
		}
	}
	if len(s.Entries) == 0 {
		return err
	}
	return nil
}
