package environ_test

import (
	"context"
	"testing"

	"github.com/cboxdk/resource-monitor/internal/environ"
)

func TestThisMachine(t *testing.T) {
	info, err := environ.Detect(context.Background(), environ.Host())
	if err != nil {
		t.Logf("sources that were denied: %v", err)
	}
	t.Logf("\n%s", render(info))
	if len(info.Findings) == 0 && (info.Container != nil || info.Virtualization != nil) {
		t.Error("an answer without evidence")
	}
}
