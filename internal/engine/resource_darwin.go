package engine

import (
	"fmt"

	"github.com/cboxdk/resource-monitor/internal/darwin"
)

func init() { newSource = newDarwin }

// newDarwin reads this Mac. There are no files of which another root could hold copies.
func newDarwin(c Config) (Source, error) {
	if !c.Root.IsHost() {
		return nil, fmt.Errorf("%w: another root is read on Linux alone", ErrUnsupported)
	}
	return NewMac(c, darwin.System()), nil
}
