package otelresource

import (
	"context"
	"time"

	"github.com/cboxdk/resource-monitor/internal/darwin"
	"github.com/cboxdk/resource-monitor/internal/engine"
	"github.com/cboxdk/resource-monitor/internal/environ"
)

// NewMacMonitor returns a monitor of a Mac with a fake kernel, which also says
// where the program runs.
func NewMacMonitor(k darwin.Kernel, now func() time.Time, detailed bool) (*Monitor, error) {
	c := DefaultConfig()
	c.EnableCaching, c.EnableDetailedIO, c.EnableDetailedNetwork = false, detailed, detailed
	found, err := environ.Detect(context.Background(), environ.Input{
		OS: "darwin", Arch: "arm64",
		Sysctl: func(name string) ([]byte, error) {
			buf := make([]byte, 256)
			n, err := k.SysctlByName(name, buf)
			return buf[:n], err
		},
	})
	if err != nil {
		return nil, err
	}
	v := found.Virtualization
	diag := engine.NewDiagnostics(nil)
	source := engine.NewMac(engine.Config{
		Interval: c.UpdateInterval, Guest: v != nil && v.Role == environ.RoleGuest, Diagnostics: diag, Now: now,
	}, k)
	return newMonitor(c, source, found, diag), nil
}
