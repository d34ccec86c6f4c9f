// Package human writes numbers for people. The examples share it.
package human

import (
	"fmt"
	"math"
	"os"
	"strings"
	"time"
)

// Bytes writes a size in binary units: 512 B, 1.5 MiB.
func Bytes(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for math.Abs(n) >= 1024 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%.0f B", n)
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// Value writes a number with its OpenTelemetry unit.
func Value(n float64, unit string) string {
	switch unit {
	case "By":
		return Bytes(n)
	case "s":
		if n >= 3600 {
			return time.Duration(n * float64(time.Second)).Round(time.Second).String()
		}
		return fmt.Sprintf("%.2f s", n)
	case "{cpu}":
		return fmt.Sprintf("%.2f cores", n)
	case "1":
		return fmt.Sprintf("%.1f %%", 100*n)
	}
	if n == math.Trunc(n) {
		return fmt.Sprintf("%.0f %s", n, noun(unit))
	}
	return fmt.Sprintf("%.2f %s", n, noun(unit))
}

// Bar draws a share, 0 to 1, twenty characters wide.
func Bar(share float64) string {
	const width = 20
	n := int(math.Round(min(max(share, 0), 1) * width))
	return "[" + strings.Repeat("#", n) + strings.Repeat(".", width-n) + "]"
}

// noun takes the braces off a unit such as {period}.
func noun(unit string) string {
	if len(unit) > 2 && unit[0] == '{' {
		return unit[1 : len(unit)-1]
	}
	return unit
}

// Terminal reports whether f is a terminal, whose screen can be redrawn.
func Terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
