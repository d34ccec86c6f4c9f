//go:build linux

package e2e

import (
	"context"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// browser finds a Chromium, or says why there is none.
func browser(ctx context.Context, t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Getuid() != 0 {
		t.Skip("needs Chromium: it is not in the PATH, and only root installs it, by apt")
	}
	const script = `export DEBIAN_FRONTEND=noninteractive; i() { apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; }; i || { apt-get update -qq && i; }`
	if output, err := exec.CommandContext(ctx, "sh", "-c", script).CombinedOutput(); err != nil {
		t.Skipf("needs Chromium: it is not in the PATH, and apt cannot install it: %v\n%s", err, output)
	}
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("needs Chromium: apt has none for this system")
	}
	return program
}

// checkPicture opens the page in a real browser and looks for curves in what it draws.
func (s *stack) checkPicture(ctx context.Context, t *testing.T) {
	program := browser(ctx, t)
	// Two waves of the load fill the picture.
	if left := time.Until(s.began.Add(125 * time.Second)); left > 0 {
		select {
		case <-time.After(left):
		case <-ctx.Done():
			t.Fatal(context.Cause(ctx))
		}
	}
	file := filepath.Join(t.TempDir(), "overview.png")
	drawn := 0
	// A busy machine may not have drawn everything when the picture is taken.
	for attempt := 0; attempt < 5 && drawn < enough; attempt++ {
		output, err := exec.CommandContext(ctx, program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
			"--hide-scrollbars", "--user-data-dir="+t.TempDir(), "--window-size=1600,1290", "--force-device-scale-factor=1",
			"--virtual-time-budget=20000", "--screenshot="+file,
			"http://"+s.address+"/vmui/#/dashboards?g0.range_input=2m&g0.step_input=4s").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		drawn = curvePixels(t, file)
	}
	t.Logf("%d pixels of curves; the picture is %s", drawn, keep(t, file, "overview.png"))
	if drawn < enough {
		t.Error("the page shows no curves")
	}
}

// enough pixels are six curves across a third of the page each. An empty page has
// none of this color.
const enough = 2000

// curvePixels counts the pixels of the color in which the page draws the first
// series of a panel, a strong red.
func curvePixels(t *testing.T, file string) int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	picture, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if red, green, blue, _ := picture.At(x, y).RGBA(); red > 0xc000 && green < 0x6000 && blue < 0x8000 {
				n++
			}
		}
	}
	return n
}
